-- One row per workspace-month whose logged or billed sums this cycle changes, or that
-- somebody closed or reopened.

{% set usage_days = ref('fct_usage_days') %}

with

entries as (

    select
        workspace_id,
        usage_date
    from {{ pending(usage_days) }}
    where calendar = 'utc' and grouping_name = 'provider'

),

decisions as (

    select
        workspace_id,
        since
    from {{ ref('stg_ledger__changes') }}
    where cause in ('billing', 'close') and is_frozen

),

touched as (

    select
        workspace_id,
        cast(date_trunc('month', usage_date) as date) as period_month
    from entries

    union distinct

    select
        workspace_id,
        cast(
            date_trunc('month', cast(since at time zone 'UTC' as date)) as date
        ) as period_month
    from decisions

)

select * from touched
