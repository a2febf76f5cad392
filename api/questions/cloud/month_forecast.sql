-- What the month at hand will be for the workspace, metered and imputed apart.

select
    billing_basis,
    period_month,
    unpriced_count,
    closed_pico,
    spent_pico,
    forecast_pico,
    low_pico,
    high_pico,
    forecast_method

from fct_month_forecasts

where scope = 'workspace'

order by billing_basis asc
