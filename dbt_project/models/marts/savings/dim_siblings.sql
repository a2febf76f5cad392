-- One row per workspace and model that it uses: the next step down, and what that costs
-- today. Of the models that the workspace uses too, that cost no more of anything and a
-- tenth less of a token in and a token out, the dearest.

{{ config(materialized='published_view', grants={'select': ['hmc_api']}) }}

with

rates as (

    select * from {{ ref('dim_rates') }}
    where known_to is null

),

models_used as (

    select distinct
        workspace_id,
        provider,
        model
    from {{ ref('fct_usage_days') }}
    where calendar = 'utc' and grouping_name = 'provider_model'

),

-- By its own price, if the workspace has one.
priced_today as (

    select
        models_used.workspace_id,
        models_used.provider,
        models_used.model,
        rates.input_rate,
        rates.output_rate,
        rates.thinking_rate,
        rates.cache_read_rate,
        rates.cache_write_rate,
        row_number() over (
            partition by
                models_used.workspace_id, models_used.provider, models_used.model
            order by rates.workspace_id nulls last
        ) as rank_of_price

    from models_used

    inner join rates
        on
            models_used.provider = rates.provider
            and models_used.model = rates.model
            and (
                models_used.workspace_id = rates.workspace_id
                or rates.workspace_id is null
            )
            and rates.prompt_tokens_above = 0
            and rates.valid_from <= now()
            and (rates.valid_to > now() or rates.valid_to is null)

),

base_prices as (

    select
        provider,
        model,
        min(prompt_tokens_above) as base_price_until
    from rates
    where prompt_tokens_above > 0
    group by
        provider,
        model

),

-- One that bills no output is another trade.
stepped_down as (

    select
        dearer.workspace_id,
        dearer.provider,
        dearer.model,
        cheaper.model as sibling,
        cheaper.input_rate,
        cheaper.output_rate,
        cheaper.thinking_rate,
        cheaper.cache_read_rate,
        cheaper.cache_write_rate,
        row_number() over (
            partition by dearer.workspace_id, dearer.provider, dearer.model
            order by
                cheaper.input_rate + cheaper.output_rate desc,
                cheaper.model asc
        ) as rank_of_step

    from priced_today as dearer

    inner join priced_today as cheaper
        on
            dearer.workspace_id = cheaper.workspace_id
            and dearer.provider = cheaper.provider
            and dearer.input_rate >= cheaper.input_rate
            and dearer.output_rate >= cheaper.output_rate
            and dearer.thinking_rate >= cheaper.thinking_rate
            and dearer.cache_read_rate >= cheaper.cache_read_rate
            and dearer.cache_write_rate >= cheaper.cache_write_rate
            and (dearer.input_rate + dearer.output_rate) * 9
            >= (cheaper.input_rate + cheaper.output_rate) * 10
            and (cheaper.output_rate > 0 or dearer.output_rate = 0)

    where dearer.rank_of_price = 1 and cheaper.rank_of_price = 1

),

siblings as (

    select
        stepped_down.workspace_id,
        stepped_down.provider,
        stepped_down.model,
        stepped_down.sibling,
        stepped_down.input_rate,
        stepped_down.output_rate,
        stepped_down.thinking_rate,
        stepped_down.cache_read_rate,
        stepped_down.cache_write_rate,
        cast(coalesce(base_prices.base_price_until, 9000000000) as bigint)
            as base_price_until_tokens

    from stepped_down

    left join base_prices
        on
            stepped_down.provider = base_prices.provider
            and stepped_down.sibling = base_prices.model

    where stepped_down.rank_of_step = 1

)

select * from siblings
