-- One row per workspace, provider and UTC month that is closed or was adjusted: by what
-- its metered requests differ from what is posted of it, adjustments counted in. The
-- rebuild posts that and nothing is left; of a reopened month it takes all back.

with

posted_months as (

    select * from {{ ref('fct_invoice_reconciliations') }}
    where account = 'default'

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
        until
    from {{ source('ledger', 'changes') }}
    where kind = 'revision' and cause = 'retention'

),

adjusted_months as (

    select
        workspace_id,
        provider,
        period_month,
        sum(request_count) as request_count,
        sum(unpriced_count) as unpriced_count,
        sum(cost_pico) as cost_pico

    from adjustments

    group by
        workspace_id,
        provider,
        period_month

),

booked as (

    select
        coalesce(posted_months.workspace_id, adjusted_months.workspace_id)
            as workspace_id,
        coalesce(posted_months.provider, adjusted_months.provider) as provider,
        coalesce(posted_months.period_month, adjusted_months.period_month)
            as period_month,
        posted_months.closed_at,
        coalesce(posted_months.request_count, 0)
        + coalesce(adjusted_months.request_count, 0) as request_count,
        coalesce(posted_months.unpriced_count, 0)
        + coalesce(adjusted_months.unpriced_count, 0) as unpriced_count,
        coalesce(posted_months.logged_pico, 0)
        + coalesce(adjusted_months.cost_pico, 0) as cost_pico

    from posted_months

    full outer join adjusted_months
        on
            posted_months.workspace_id = adjusted_months.workspace_id
            and posted_months.provider = adjusted_months.provider
            and posted_months.period_month = adjusted_months.period_month

    where
        posted_months.closed_at is not null
        or adjusted_months.workspace_id is not null

),

-- Few months, each a stretch of the rollup's index.
compared as (

    select
        booked.workspace_id,
        booked.provider,
        booked.period_month,
        booked.closed_at is null as is_reversal,
        -- What retention has let go of was spent all the same.
        not exists (
            select 1 from let_go
            where
                booked.workspace_id = let_go.workspace_id
                and booked.period_month < let_go.until at time zone 'UTC'
        ) as is_whole,
        cast(facts.request_count - booked.request_count as bigint) as request_count,
        cast(facts.unpriced_count - booked.unpriced_count as bigint)
            as unpriced_count,
        cast(facts.cost_pico - booked.cost_pico as numeric(38, 0)) as cost_pico

    from booked

    cross join lateral (
        select
            coalesce(sum(usage_days.request_count), 0) as request_count,
            coalesce(sum(usage_days.unpriced_count), 0) as unpriced_count,
            coalesce(sum(usage_days.cost_pico), 0) as cost_pico
        from usage_days
        where
            booked.workspace_id = usage_days.workspace_id
            and booked.provider = usage_days.provider
            and booked.period_month <= usage_days.usage_date
            and booked.period_month + interval '1 month' > usage_days.usage_date
    ) as facts

)

select * from compared
