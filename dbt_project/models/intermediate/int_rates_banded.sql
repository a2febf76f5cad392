-- One row per rate, stretch of time and band of prompt size in which it is the price.
-- Rates of one model start and end at different times; cutting time at all of their
-- ends leaves bands that never overlap, so a request finds one rate or none. What is
-- open has a bound beyond everything, so that finding it is comparisons alone.

with

rates as (

    select * from {{ ref('stg_catalog__rates') }}

),

bounds as (

    select
        workspace_id,
        provider,
        model,
        valid_from as starts_at
    from rates

    union distinct

    select
        workspace_id,
        provider,
        model,
        valid_to as starts_at
    from rates
    where valid_to is not null

),

stretches as (

    select
        workspace_id,
        provider,
        model,
        starts_at,
        lead(starts_at) over (
            partition by workspace_id, provider, model
            order by starts_at
        ) as ends_at
    from bounds

),

banded as (

    select
        rates.rate_id,
        rates.workspace_id,
        rates.provider,
        rates.model,
        rates.input_rate,
        rates.output_rate,
        rates.thinking_rate,
        rates.cache_read_rate,
        rates.cache_write_rate,
        stretches.starts_at as valid_from,
        coalesce(
            stretches.ends_at,
            cast('9999-12-31 00:00:00+00' as timestamptz)
        ) as valid_to,
        case
            when rates.prompt_tokens_above = 0 then 0
            else rates.prompt_tokens_above + 1
        end as prompt_tokens_from,
        coalesce(
            lead(rates.prompt_tokens_above) over (
                partition by
                    rates.workspace_id,
                    rates.provider,
                    rates.model,
                    stretches.starts_at
                order by rates.prompt_tokens_above
            ),
            9000000000
        ) as prompt_tokens_to

    from rates

    inner join stretches
        on
            rates.workspace_id is not distinct from stretches.workspace_id
            and rates.provider = stretches.provider
            and rates.model = stretches.model
            and rates.valid_from <= stretches.starts_at
            and (
                rates.valid_to > stretches.starts_at
                or rates.valid_to is null
            )

)

select * from banded
