-- One row per budget and UTC month in which it holds, up to this one: metered spend
-- against it, imputed spend beside it, and how far the month is forecast to go.

{% set today = var('today', "cast(now() at time zone 'UTC' as date)") %}

with

budgets as (

    select
        *,
        coalesce(cast(department_id as varchar), project, '') as subject
    from {{ source('directory', 'budgets') }}

),

spend_days as (

    select * from {{ ref('fct_spend_days') }}
    where scope in ('workspace', 'department', 'project')

),

forecasts as (

    select * from {{ ref('fct_month_forecasts') }}
    where billing_basis = 'api'

),

months as (

    select
        workspace_id,
        cast(date_trunc('month', usage_date) as date) as period_month
    from spend_days
    where scope = 'workspace' and usage_date <= {{ today }}

    union distinct

    select
        workspace_id,
        cast(date_trunc('month', {{ today }}) as date) as period_month
    from budgets

),

spent as (

    select
        workspace_id,
        scope,
        subject,
        cast(date_trunc('month', usage_date) as date) as period_month,
        sum(case when billing_basis = 'api' then cost_pico else 0 end) as spent_pico,
        sum(case when billing_basis = 'subscription_imputed' then cost_pico else 0 end)
            as imputed_pico,
        sum(case when billing_basis = 'api' then unpriced_count else 0 end)
            as unpriced_count

    from spend_days

    group by
        workspace_id,
        scope,
        subject,
        cast(date_trunc('month', usage_date) as date)

),

met as (

    select
        budgets.workspace_id,
        budgets.budget_id,
        budgets.scope,
        budgets.department_id,
        budgets.project,
        months.period_month,
        budgets.amount_pico,
        forecasts.forecast_pico,
        forecasts.low_pico,
        forecasts.high_pico,
        forecasts.forecast_method,
        coalesce(spent.spent_pico, 0) as spent_pico,
        coalesce(spent.imputed_pico, 0) as imputed_pico,
        coalesce(spent.unpriced_count, 0) as unpriced_count

    from budgets

    inner join months
        on
            budgets.workspace_id = months.workspace_id
            and budgets.first_month <= months.period_month
            and (
                budgets.end_month > months.period_month
                or budgets.end_month is null
            )

    left join spent
        on
            budgets.workspace_id = spent.workspace_id
            and budgets.scope = spent.scope
            and budgets.subject = spent.subject
            and months.period_month = spent.period_month

    left join forecasts
        on
            budgets.workspace_id = forecasts.workspace_id
            and budgets.scope = forecasts.scope
            and budgets.subject = forecasts.subject
            and months.period_month = forecasts.period_month

),

judged as (

    select
        workspace_id,
        budget_id,
        scope,
        department_id,
        project,
        period_month,
        amount_pico,
        cast(spent_pico as numeric(38, 0)) as spent_pico,
        cast(amount_pico - spent_pico as numeric(38, 0)) as left_pico,
        cast(imputed_pico as numeric(38, 0)) as imputed_pico,
        cast(unpriced_count as bigint) as unpriced_count,
        forecast_pico,
        low_pico,
        high_pico,
        forecast_method,
        cast(div(spent_pico * 100, amount_pico) as bigint) as spent_percent,
        case
            when spent_pico >= amount_pico then 100
            when spent_pico * 100 >= amount_pico * 80 then 80
            when spent_pico * 100 >= amount_pico * 50 then 50
            else 0
        end as crossed_percent,
        coalesce(forecast_pico > amount_pico, false) as is_forecast_over

    from met

)

select * from judged
