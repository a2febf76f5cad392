-- One row per workspace, provider and month of which what is posted, as closed or as
-- it is, and the adjustments that belong to it are not its metered days. A month that
-- retention has begun to let go of keeps what was posted, and has no days to compare.

with

reconciliations as (

    select * from {{ ref('fct_invoice_reconciliations') }}

),

adjustments as (

    select * from {{ ref('fct_adjustments') }}

),

usage_days as (

    select * from {{ ref('fct_usage_days') }}
    where
        calendar = 'utc'
        and grouping_name = 'provider'
        and billing_basis = 'api'

),

let_go as (

    select
        workspace_id,
        max(until) as until
    from {{ source('ledger', 'changes') }}
    where cause = 'retention'
    group by workspace_id

),

-- What is posted counts, and what its days say is taken away: nothing is left.
entries as (

    select
        workspace_id,
        provider,
        period_month,
        request_count,
        unpriced_count,
        logged_pico as cost_pico
    from reconciliations

    union all

    select
        workspace_id,
        provider,
        period_month,
        request_count,
        unpriced_count,
        cost_pico
    from adjustments

    union all

    select
        workspace_id,
        provider,
        cast(date_trunc('month', usage_date) as date) as period_month,
        -request_count as request_count,
        -unpriced_count as unpriced_count,
        -cost_pico as cost_pico
    from usage_days

),

left_over as (

    select
        entries.workspace_id,
        entries.provider,
        entries.period_month,
        sum(entries.request_count) as request_count,
        sum(entries.unpriced_count) as unpriced_count,
        sum(entries.cost_pico) as cost_pico

    from entries

    left join let_go
        on entries.workspace_id = let_go.workspace_id

    where
        let_go.until is null
        or let_go.until at time zone 'UTC' <= entries.period_month

    group by
        entries.workspace_id,
        entries.provider,
        entries.period_month

    having
        sum(entries.request_count) <> 0
        or sum(entries.unpriced_count) <> 0
        or sum(entries.cost_pico) <> 0

)

select * from left_over
