-- One row per price that this warehouse believes in now, over [valid_from, valid_to).
-- workspace_id null is the catalogue; set, a workspace's own rate.

with

source as (

    select * from {{ source('catalog', 'pricing_rates') }}

),

believed as (

    select
        rate_id,
        workspace_id,
        {{ canonical_provider('provider') }} as provider,
        model,
        prompt_tokens_above,
        input_rate,
        output_rate,
        thinking_rate,
        cache_read_rate,
        cache_write_rate,
        valid_from,
        valid_to

    from source

    where known_to is null

)

select * from believed
