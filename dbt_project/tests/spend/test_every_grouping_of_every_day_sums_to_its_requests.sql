-- One row per day, billing basis and grouping that differs from the requests behind
-- it, to the picodollar: what a reader adds up must not depend on how it is cut.

with

requests as (

    select * from {{ ref('fct_priced_requests') }}

),

usage_days as (

    select * from {{ ref('fct_usage_days') }}
    where calendar = 'utc'

),

expected as (

    select
        workspace_id,
        usage_date,
        billing_basis,
        count(*) as request_count,
        sum(total_tokens) as token_count,
        sum(case when cost_pico is null then 1 else 0 end) as unpriced_count,
        coalesce(sum(cost_pico), 0) as cost_pico

    from requests

    group by
        workspace_id,
        usage_date,
        billing_basis

),

groupings as (

    select distinct grouping_name from usage_days

),

kept as (

    select
        workspace_id,
        usage_date,
        billing_basis,
        grouping_name,
        sum(request_count) as request_count,
        sum(
            input_tokens
            + output_tokens
            + thinking_tokens
            + cached_tokens
            + cache_write_tokens
        ) as token_count,
        sum(unpriced_count) as unpriced_count,
        sum(cost_pico) as cost_pico

    from usage_days

    group by
        workspace_id,
        usage_date,
        billing_basis,
        grouping_name

),

compared as (

    select
        groupings.grouping_name,
        expected.workspace_id as expected_workspace_id,
        kept.workspace_id as kept_workspace_id,
        expected.usage_date,
        expected.cost_pico as expected_pico,
        kept.cost_pico as kept_pico

    from expected

    cross join groupings

    full outer join kept
        on
            expected.workspace_id = kept.workspace_id
            and expected.usage_date = kept.usage_date
            and expected.billing_basis = kept.billing_basis
            and groupings.grouping_name = kept.grouping_name

    where
        expected.request_count is distinct from kept.request_count
        or expected.token_count is distinct from kept.token_count
        or expected.unpriced_count is distinct from kept.unpriced_count
        or expected.cost_pico is distinct from kept.cost_pico

)

select * from compared
