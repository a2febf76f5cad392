"""Writes down, once each, the lines that a budget's month has crossed.

Budgets are looked at a while after a cycle, and again when nothing arrives: the days
alone can make a forecast go beyond a budget.
"""

from typing import Any
from uuid import UUID

from psycopg import Connection

from warehouse.cluster import Role

LOOK_EVERY_SECONDS = 30.0
# As the role that reads for the workspace, so that the views look at nothing else.
CROSSED = """
    select months.*, crossed.line
    from marts.fct_budget_months as months
    cross join lateral (
        values
        ('50', months.crossed_percent >= 50),
        ('80', months.crossed_percent >= 80),
        ('100', months.crossed_percent >= 100),
        ('forecast', months.is_forecast_over)
    ) as crossed (line, is_crossed)
    where
        crossed.is_crossed
        and months.period_month = date_trunc('month', now() at time zone 'UTC')
"""


def raise_alerts(owner: Connection[Any]) -> int:
    """Raise what is new for every workspace with a budget; return how many.

    An alert keeps the figures of its moment, and no line is raised twice for a month.
    """
    found = owner.execute(
        """
        select distinct budgets.workspace_id from app.budgets
        inner join app.workspaces using (workspace_id)
        where
            deleted_at is null
            and (end_month > now() at time zone 'UTC' or end_month is null)
        """
    ).fetchall()
    return sum(_raise_for(owner, workspace_id) for (workspace_id,) in found)


def _raise_for(owner: Connection[Any], workspace_id: UUID) -> int:
    with owner.transaction():
        owner.execute(
            "select set_config('app.workspace_id', %s, true),"
            " set_config('role', %s, true)",
            [str(workspace_id), Role.API.value],
        )
        crossed = owner.execute(
            f"""
            select
                budget_id, period_month, line, amount_pico, spent_pico, forecast_pico
            from ({CROSSED}) as crossed
            where not exists (
                select 1 from app.budget_alerts as raised
                where
                    raised.budget_id = crossed.budget_id
                    and raised.period_month = crossed.period_month
                    and raised.line = crossed.line
            )
            """
        ).fetchall()
        owner.execute("reset role")
        for row in crossed:
            owner.execute(
                """
                insert into app.budget_alerts (
                    workspace_id, budget_id, period_month, line, amount_pico,
                    spent_pico, forecast_pico
                )
                values (%s, %s, %s, %s, %s, %s, %s)
                on conflict do nothing
                """,
                [workspace_id, *row],
            )
    return len(crossed)
