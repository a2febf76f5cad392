-- One row per workspace, provider account and UTC month that was logged, billed or
-- closed. What is logged of a closed month is what it was closed with; what differs
-- since is an adjustment. Imputed subscription spend stays out: no provider bills it.

{{
    config(
        published_by='replacing',
        unit=['workspace_id', 'period_month'],
        units='int_months_touched',
    )
}}

{% set usage_days = ref('fct_usage_days') %}
{% set months_touched = ref('int_months_touched') %}

with

lines as (

    select * from {{ ref('stg_billing__lines') }}

),

closes as (

    select * from {{ ref('stg_directory__closes') }}

),

-- The rollup as it will stand once this cycle is published.
usage_days as (

    select * from {{ pending(usage_days) }}
    where
        calendar = 'utc'
        and grouping_name = 'provider'
        and billing_basis = 'api'

    {% if only_this_cycle() %}
    union all

    select standing.*

    from {{ months_touched }} as months_touched

    inner join {{ source('standing', 'fct_usage_days') }} as standing
        on
            months_touched.workspace_id = standing.workspace_id
            and months_touched.period_month <= standing.usage_date
            and months_touched.period_month + interval '1 month'
            > standing.usage_date
            and standing.calendar = 'utc'
            and standing.grouping_name = 'provider'
            and standing.billing_basis = 'api'
    {% endif %}

),

logged as (

    select
        workspace_id,
        provider,
        cast(date_trunc('month', usage_date) as date) as period_month,
        cast(sum(request_count) as bigint) as request_count,
        cast(sum(unpriced_count) as bigint) as unpriced_count,
        cast(sum(cost_pico) as numeric(38, 0)) as logged_pico

    from usage_days

    group by
        workspace_id,
        provider,
        cast(date_trunc('month', usage_date) as date)

    having sum(request_count) > 0

),

closed as (

    select closes.*

    from closes

    {% if only_this_cycle() %}
    inner join {{ months_touched }} as months_touched
        on
            closes.workspace_id = months_touched.workspace_id
            and closes.period_month = months_touched.period_month
    {% endif %}

),

posted as (

    select
        'default' as account,
        coalesce(closed.workspace_id, logged.workspace_id) as workspace_id,
        coalesce(closed.provider, logged.provider) as provider,
        coalesce(closed.period_month, logged.period_month) as period_month,
        coalesce(closed.request_count, logged.request_count) as request_count,
        coalesce(closed.unpriced_count, logged.unpriced_count) as unpriced_count,
        coalesce(closed.cost_pico, logged.logged_pico) as logged_pico

    from logged

    full outer join closed
        on
            logged.workspace_id = closed.workspace_id
            and logged.provider = closed.provider
            and logged.period_month = closed.period_month

),

billed as (

    select
        lines.workspace_id,
        lines.provider,
        lines.account,
        lines.period_month,
        cast(sum(lines.amount_pico) as numeric(38, 0)) as payable_pico,
        cast(sum(lines.rounding_pico) as numeric(38, 0)) as rounding_pico

    from lines

    {% if only_this_cycle() %}
    inner join {{ months_touched }} as months_touched
        on
            lines.workspace_id = months_touched.workspace_id
            and lines.period_month = months_touched.period_month
    {% endif %}

    group by
        lines.workspace_id,
        lines.provider,
        lines.account,
        lines.period_month

),

met as (

    select
        coalesce(posted.workspace_id, billed.workspace_id) as workspace_id,
        coalesce(posted.provider, billed.provider) as provider,
        coalesce(posted.account, billed.account) as account,
        coalesce(posted.period_month, billed.period_month) as period_month,
        coalesce(posted.request_count, 0) as request_count,
        coalesce(posted.unpriced_count, 0) as unpriced_count,
        coalesce(posted.logged_pico, 0) as logged_pico,
        billed.payable_pico,
        billed.rounding_pico,
        billed.payable_pico - coalesce(posted.logged_pico, 0) as variance_pico,
        -- The smaller of 0.5 % of the bill and $25.
        least(
            floor(abs(billed.payable_pico) * 0.005), 25000000000000
        ) as tolerance_pico

    from posted

    full outer join billed
        on
            posted.workspace_id = billed.workspace_id
            and posted.provider = billed.provider
            and posted.account = billed.account
            and posted.period_month = billed.period_month

),

judged as (

    select
        met.workspace_id,
        met.provider,
        met.account,
        met.period_month,
        closed.closed_at,
        met.request_count,
        met.unpriced_count,
        cast(met.logged_pico as numeric(38, 0)) as logged_pico,
        met.payable_pico,
        cast(met.variance_pico as numeric(38, 0)) as variance_pico,
        cast(
            case when met.payable_pico is not null then met.tolerance_pico end
            as numeric(38, 0)
        ) as tolerance_pico,
        case
            when closed.closed_at is not null then 'signed_off'
            when met.payable_pico is null then 'missing_invoice'
            when abs(met.variance_pico) <= met.rounding_pico then 'matched'
            when abs(met.variance_pico) <= met.tolerance_pico then 'within_tolerance'
            else 'investigate'
        end as status

    from met

    -- Whatever the account: what is closed is a provider's month.
    left join closed
        on
            met.workspace_id = closed.workspace_id
            and met.provider = closed.provider
            and met.period_month = closed.period_month

)

select * from judged
