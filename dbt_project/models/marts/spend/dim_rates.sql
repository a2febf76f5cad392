-- One row per price that this warehouse believes in or ever believed in, over
-- [valid_from, valid_to) and for as long as it was known.
-- A view: what a price is, nobody computes, and a page shows it once it is stated.

{{
    config(
        materialized='view',
        post_hook='alter view {{ this }} set (security_invoker = true)',
        grants={'select': ['hmc_api']},
    )
}}

with

source as (

    select * from {{ source('catalog', 'pricing_rates') }}

),

named as (

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
        valid_to,
        known_from,
        known_to,
        source,
        source_version

    from source

)

select * from named
