-- One row per workspace, UTC day, billing basis, model, project, rate and prompt size:
-- what was used at a price, to be reckoned at another. Sizes are the bounds at which
-- long-context prices start somewhere; a bound not named here falls between.

{{
    config(
        published_by='adding',
        key=[
            'workspace_id', 'usage_date', 'billing_basis', 'provider', 'model',
            'project', 'rate_id', 'most_prompt_tokens',
        ],
        published_indexes=[
            {
                'unique': true,
                'columns': [
                    'workspace_id', 'usage_date', 'billing_basis', 'provider', 'model',
                    'project', 'rate_id', 'most_prompt_tokens',
                ],
            },
        ],
        fillfactor=70,
    )
}}

with

entries as (

    select
        *,
        cast(input_tokens as bigint)
        + cached_tokens
        + cache_write_tokens as prompt_tokens
    from {{ ref('int_requests_booked') }}
    where cost_pico > 0

),

summed as (

    select
        workspace_id,
        usage_date,
        billing_basis,
        provider,
        model,
        project,
        rate_id,
        cast(
            case
                when prompt_tokens <= 100000 then 100000
                when prompt_tokens <= 128000 then 128000
                when prompt_tokens <= 199999 then 199999
                when prompt_tokens <= 200000 then 200000
                when prompt_tokens <= 272000 then 272000
                else 9000000000
            end as bigint
        ) as most_prompt_tokens,
        cast(sum(sign) as bigint) as request_count,
        cast(sum(sign * cast(input_tokens as bigint)) as bigint) as input_tokens,
        cast(sum(sign * cast(output_tokens as bigint)) as bigint) as output_tokens,
        cast(sum(sign * cast(thinking_tokens as bigint)) as bigint)
            as thinking_tokens,
        cast(sum(sign * cast(cached_tokens as bigint)) as bigint) as cached_tokens,
        cast(sum(sign * cast(cache_write_tokens as bigint)) as bigint)
            as cache_write_tokens,
        cast(sum(sign * cost_pico) as numeric(38, 0)) as cost_pico

    from entries

    group by
        workspace_id,
        usage_date,
        billing_basis,
        provider,
        model,
        project,
        rate_id,
        most_prompt_tokens

)

select * from summed
