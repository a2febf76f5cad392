-- What a provider's UTC month is, as the last cycle has published it: the sum of its
-- metered requests, and one row per model.

with

published as (

    select
        cycle_id,
        published_at,
        build
    from raw.cycles
    where published_at is not null
    order by published_at desc
    limit 1

),

usage_days as (

    select * from fct_usage_days
    where
        calendar = 'utc'
        and grouping_name = 'provider_model'
        and billing_basis = 'api'
        and provider = %(provider)s
        and usage_date >= %(since)s
        and usage_date <= %(until)s

),

summed as (

    select
        grouping(model) = 1 as is_total,
        model,
        cast(coalesce(sum(request_count), 0) as bigint) as request_count,
        cast(coalesce(sum(unpriced_count), 0) as bigint) as unpriced_count,
        cast(
            case
                when grouping(model) = 1 then coalesce(sum(cost_pico), 0)
                when sum(request_count) > sum(unpriced_count) then sum(cost_pico)
            end
            as numeric(38, 0)
        ) as cost_pico

    from usage_days

    group by
        grouping sets (
            (),
            (model)
        )

)

select
    published.cycle_id,
    published.published_at,
    published.build,
    summed.is_total,
    summed.model,
    summed.request_count,
    summed.unpriced_count,
    summed.cost_pico

from summed

cross join published

order by
    summed.is_total desc,
    summed.model asc
