-- Models without a rate, by what they leave out of the money: since when, how many
-- requests and tokens, and what those would cost at the cheapest and the dearest
-- sibling, which is a model of the same provider at today's base price. Metered and
-- imputed spend are never mixed, nor is what they leave out.

with

unpriced as (

    select
        billing_basis,
        provider,
        model,
        count(*) as request_count,
        min(requested_at) as first_requested_at,
        max(requested_at) as last_requested_at,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens,
        sum(thinking_tokens) as thinking_tokens,
        sum(cached_tokens) as cached_tokens,
        sum(cache_write_tokens) as cache_write_tokens

    from fct_priced_requests

    where rate_id is null

    group by
        billing_basis,
        provider,
        model

),

siblings as (

    select
        provider,
        model,
        input_rate,
        output_rate,
        thinking_rate,
        cache_read_rate,
        cache_write_rate

    from dim_rates

    where
        workspace_id is null
        and known_to is null
        and valid_to is null
        and prompt_tokens_above = 0

),

exposed as (

    select
        unpriced.billing_basis,
        unpriced.provider,
        unpriced.model,
        siblings.model as sibling,
        unpriced.input_tokens * siblings.input_rate
        + unpriced.output_tokens * siblings.output_rate
        + unpriced.thinking_tokens * siblings.thinking_rate
        + unpriced.cached_tokens * siblings.cache_read_rate
        + unpriced.cache_write_tokens * siblings.cache_write_rate as exposure_pico

    from unpriced

    inner join siblings
        on unpriced.provider = siblings.provider

),

ranked as (

    select
        billing_basis,
        provider,
        model,
        sibling,
        exposure_pico,
        row_number() over (
            partition by billing_basis, provider, model
            order by exposure_pico asc, sibling asc
        ) as cheapest_place,
        row_number() over (
            partition by billing_basis, provider, model
            order by exposure_pico desc, sibling asc
        ) as dearest_place

    from exposed

)

select
    unpriced.billing_basis,
    unpriced.provider,
    unpriced.model,
    unpriced.request_count,
    unpriced.first_requested_at,
    unpriced.last_requested_at,
    cast(
        unpriced.input_tokens
        + unpriced.output_tokens
        + unpriced.thinking_tokens
        + unpriced.cached_tokens
        + unpriced.cache_write_tokens as bigint
    ) as unpriced_tokens,
    cheapest.sibling as cheapest_sibling,
    cast(cheapest.exposure_pico as numeric(38, 0)) as cheapest_pico,
    dearest.sibling as dearest_sibling,
    cast(dearest.exposure_pico as numeric(38, 0)) as dearest_pico

from unpriced

left join ranked as cheapest
    on
        unpriced.billing_basis = cheapest.billing_basis
        and unpriced.provider = cheapest.provider
        and unpriced.model = cheapest.model
        and cheapest.cheapest_place = 1

left join ranked as dearest
    on
        unpriced.billing_basis = dearest.billing_basis
        and unpriced.provider = dearest.provider
        and unpriced.model = dearest.model
        and dearest.dearest_place = 1

order by
    dearest_pico desc nulls last,
    unpriced.request_count desc,
    unpriced.billing_basis asc,
    unpriced.provider asc,
    unpriced.model asc
