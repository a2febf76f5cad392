-- One row per workspace, provider account and UTC month that was logged or billed.
-- Imputed subscription spend stays out: no provider bills it.

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
        'default' as account,
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
        coalesce(logged.workspace_id, billed.workspace_id) as workspace_id,
        coalesce(logged.provider, billed.provider) as provider,
        coalesce(logged.account, billed.account) as account,
        coalesce(logged.period_month, billed.period_month) as period_month,
        coalesce(logged.request_count, 0) as request_count,
        coalesce(logged.unpriced_count, 0) as unpriced_count,
        coalesce(logged.logged_pico, 0) as logged_pico,
        billed.payable_pico,
        billed.rounding_pico,
        billed.payable_pico - coalesce(logged.logged_pico, 0) as variance_pico,
        -- The smaller of 0.5 % of the bill and $25.
        least(
            floor(abs(billed.payable_pico) * 0.005), 25000000000000
        ) as tolerance_pico

    from logged

    full outer join billed
        on
            logged.workspace_id = billed.workspace_id
            and logged.provider = billed.provider
            and logged.account = billed.account
            and logged.period_month = billed.period_month

),

judged as (

    select
        workspace_id,
        provider,
        account,
        period_month,
        request_count,
        unpriced_count,
        cast(logged_pico as numeric(38, 0)) as logged_pico,
        payable_pico,
        cast(variance_pico as numeric(38, 0)) as variance_pico,
        cast(
            case when payable_pico is not null then tolerance_pico end
            as numeric(38, 0)
        ) as tolerance_pico,
        case
            when payable_pico is null then 'missing_invoice'
            when abs(variance_pico) <= rounding_pico then 'matched'
            when abs(variance_pico) <= tolerance_pico then 'within_tolerance'
            else 'investigate'
        end as status

    from met

)

select * from judged
