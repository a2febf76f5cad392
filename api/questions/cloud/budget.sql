-- Every budget that is set, by scope and then by time.

select
    budget_id,
    scope,
    department_id,
    project,
    amount_pico,
    first_month,
    end_month

from app.budgets

order by
    scope asc,
    first_month asc,
    budget_id asc
