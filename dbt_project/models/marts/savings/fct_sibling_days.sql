-- One row per workspace, UTC day, billing basis, model, project, rate that was paid and
-- size of prompt: what the same tokens would have cost at the next model down.
-- A view: what that model costs today, no cycle is told. Only where no token would have
-- been dearer, so that nothing is claimed of one call that another takes back.

{{ config(materialized='published_view', grants={'select': ['hmc_api']}) }}

with

price_days as (

    select * from {{ ref('fct_price_days') }}

),

siblings as (

    select * from {{ ref('dim_siblings') }}

),

paid as (

    select * from {{ ref('dim_rates') }}

),

-- Once: by the statistics of a young rollup it would be made for every row of a day.
payable as materialized (

    select
        siblings.*,
        paid.rate_id

    from siblings

    inner join paid
        on
            siblings.provider = paid.provider
            and siblings.model = paid.model
            and siblings.input_rate <= paid.input_rate
            and siblings.output_rate <= paid.output_rate
            and siblings.thinking_rate <= paid.thinking_rate
            and siblings.cache_read_rate <= paid.cache_read_rate
            and siblings.cache_write_rate <= paid.cache_write_rate

),

reckoned as (

    select
        price_days.workspace_id,
        price_days.usage_date,
        price_days.billing_basis,
        price_days.provider,
        price_days.model,
        payable.sibling,
        price_days.project,
        price_days.rate_id,
        price_days.most_prompt_tokens,
        price_days.request_count,
        price_days.input_tokens
        + price_days.output_tokens
        + price_days.thinking_tokens
        + price_days.cached_tokens
        + price_days.cache_write_tokens as total_tokens,
        price_days.cost_pico,
        cast(
            price_days.cost_pico - (
                price_days.input_tokens * cast(payable.input_rate as numeric(38, 0))
                + price_days.output_tokens * payable.output_rate
                + price_days.thinking_tokens * payable.thinking_rate
                + price_days.cached_tokens * payable.cache_read_rate
                + price_days.cache_write_tokens * payable.cache_write_rate
            ) as numeric(38, 0)
        ) as saving_pico

    from price_days

    inner join payable
        on
            price_days.workspace_id = payable.workspace_id
            and price_days.rate_id = payable.rate_id
            and price_days.most_prompt_tokens <= payable.base_price_until_tokens

),

named as (

    select
        *,
        md5(
            'cheaper_sibling/' || billing_basis || '/' || provider || '/' || model
            || '/' || sibling || '/' || coalesce(project, '')
        ) as finding_id
    from reckoned
    where saving_pico > 0

)

select * from named
