-- Lines that budgets crossed in some months, raised last first.

select
    budget_id,
    period_month,
    line,
    raised_at,
    amount_pico,
    spent_pico,
    forecast_pico

from app.budget_alerts

where
    period_month >= %(since)s
    and period_month <= %(until)s

order by
    raised_at desc,
    line asc
