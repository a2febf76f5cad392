-- One row per rate that is in force, in millicents per million tokens, as the daemon
-- holds it: operators' first, then the one that started last.

with

rates as (

    select
        *,
        moment(coalesce(effective_from, '1970-01-01')) as starts_at,
        moment(effective_to) as ends_at
    from daemon_pricing_rates

),

ranked as (

    select
        *,
        row_number() over (
            partition by provider, model, coalesce(mode, 'standard')
            order by
                coalesce(source = 'operator', false) desc,
                starts_at desc,
                last_verified_at desc nulls last,
                id desc
        ) as place
    from rates
    where
        starts_at <= $at
        and (ends_at > $at or effective_to is null)

)

select
    provider,
    model,
    coalesce(mode, 'standard') as mode,
    whole(input_rate_per_million_minor_units) as input_rate_per_million_minor_units,
    whole(output_rate_per_million_minor_units)
        as output_rate_per_million_minor_units,
    whole(thinking_rate_per_million_minor_units)
        as thinking_rate_per_million_minor_units,
    whole(cache_read_rate_per_million_minor_units)
        as cache_read_rate_per_million_minor_units,
    whole(cache_write_rate_per_million_minor_units)
        as cache_write_rate_per_million_minor_units,
    coalesce(source, 'bundled') as source,
    starts_at as effective_from,
    ends_at as effective_to,
    moment(last_verified_at) as last_verified_at

from ranked

where place = 1

order by provider, model, mode
