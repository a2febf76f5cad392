-- Budgets by month, newest first: metered spend against the amount, and how far the
-- month at hand is forecast to go.

select
    fct_budget_months.budget_id,
    fct_budget_months.scope,
    fct_budget_months.department_id,
    dim_departments.name as department,
    fct_budget_months.project,
    fct_budget_months.period_month,
    fct_budget_months.amount_pico,
    fct_budget_months.spent_pico,
    fct_budget_months.left_pico,
    fct_budget_months.imputed_pico,
    fct_budget_months.unpriced_count,
    fct_budget_months.spent_percent,
    fct_budget_months.crossed_percent,
    fct_budget_months.is_forecast_over,
    fct_budget_months.forecast_pico,
    fct_budget_months.low_pico,
    fct_budget_months.high_pico,
    fct_budget_months.forecast_method

from fct_budget_months

left join dim_departments
    on fct_budget_months.department_id = dim_departments.department_id

where
    fct_budget_months.period_month >= %(since)s
    and fct_budget_months.period_month <= %(until)s

order by
    fct_budget_months.period_month desc,
    case fct_budget_months.scope
        when 'workspace' then 1
        when 'department' then 2
        else 3
    end asc,
    dim_departments.name asc nulls last,
    fct_budget_months.project asc nulls last
