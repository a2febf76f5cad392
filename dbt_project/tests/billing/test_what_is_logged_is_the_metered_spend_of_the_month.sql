-- One row per workspace, provider and month whose logged cost is not the sum of its
-- metered days.

with

reconciliations as (

    select * from {{ ref('fct_invoice_reconciliations') }}

),

usage_days as (

    select * from {{ ref('fct_usage_days') }}
    where
        calendar = 'utc'
        and grouping_name = 'provider'
        and billing_basis = 'api'

),

reconciled as (

    select
        workspace_id,
        provider,
        period_month,
        sum(logged_pico) as logged_pico

    from reconciliations

    group by
        workspace_id,
        provider,
        period_month

),

logged as (

    select
        workspace_id,
        provider,
        cast(date_trunc('month', usage_date) as date) as period_month,
        sum(cost_pico) as logged_pico

    from usage_days

    group by
        workspace_id,
        provider,
        cast(date_trunc('month', usage_date) as date)

),

compared as (

    select
        logged.logged_pico as summed_pico,
        reconciled.logged_pico as reconciled_pico,
        coalesce(logged.workspace_id, reconciled.workspace_id) as workspace_id

    from logged

    full outer join reconciled
        on
            logged.workspace_id = reconciled.workspace_id
            and logged.provider = reconciled.provider
            and logged.period_month = reconciled.period_month

    where coalesce(logged.logged_pico, 0) <> coalesce(reconciled.logged_pico, 0)

)

select * from compared
