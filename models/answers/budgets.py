"""Budgets by month, their alerts, forecasts, and days that are not as usual."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from models.answers.money import Cost, money
from models.answers.workspace import Period, WorkspaceCard
from models.money import Pico
from models.tenancy import Frozen


class Budget(Frozen):
    """An amount per calendar month (UTC) over [first_month, end_month)."""

    budget_id: UUID
    scope: str
    department_id: UUID | None
    project: str | None
    amount: Annotated[Pico, money("amount")]
    first_month: date
    end_month: date | None


class BudgetMonth(Frozen):
    """A budget in one month: metered spend against it, imputed beside it.

    `crossed_percent` is the highest of 50, 80 and 100 that is reached. A month that is
    over has no forecast. The range: if every day left were like the least, or the
    greatest, of its kind.
    """

    budget_id: UUID
    scope: str
    department_id: UUID | None
    department: str | None
    project: str | None
    period_month: date
    amount: Annotated[Pico, money("amount")]
    spent: Annotated[Pico, money("spent")]
    left: Annotated[Pico, money("left")]
    imputed: Annotated[Pico, money("imputed")]
    unpriced_count: int
    spent_percent: int
    crossed_percent: int
    is_forecast_over: bool
    forecast: Annotated[Pico | None, money("forecast")]
    low: Annotated[Pico | None, money("low")]
    high: Annotated[Pico | None, money("high")]
    forecast_method: str | None


class BudgetAlert(Frozen):
    """A line that a budget's month crossed, with the figures of that moment.

    `line` is 50, 80 or 100 percent, or `forecast`: the month was going to be more.
    """

    budget_id: UUID
    period_month: date
    line: str
    raised_at: datetime
    amount: Annotated[Pico, money("amount")]
    spent: Annotated[Pico, money("spent")]
    forecast: Annotated[Pico | None, money("forecast")]


class MonthForecast(Frozen):
    """What the month at hand will be: closed days, and the mean of each day left."""

    billing_basis: str
    period_month: date
    unpriced_count: int
    closed: Annotated[Pico, money("closed")]
    spent: Annotated[Pico, money("spent")]
    forecast: Annotated[Pico | None, money("forecast")]
    low: Annotated[Pico | None, money("low")]
    high: Annotated[Pico | None, money("high")]
    forecast_method: str | None


class Budgets(Frozen):
    """Is it going to be enough? Every budget of the months, and what it raised."""

    workspace: WorkspaceCard
    as_of: datetime | None
    since: date
    until: date
    forecast: list[MonthForecast]
    budgets: list[Budget]
    months: list[BudgetMonth]
    alerts: list[BudgetAlert]


class Driver(Frozen):
    """A project, model or machine that moved, against its own usual day."""

    dimension: str
    moved: str
    cost: Cost
    usual: Annotated[Pico, money("usual")]
    change: Annotated[Pico, money("change")]


class AnomalyDriver(Driver):
    """A driver, and which of the days that were asked about it is of, from 1 on."""

    place: int


class Anomaly(Frozen):
    """A day on which a subject spent otherwise than on that weekday before."""

    scope: str
    subject: str
    department: str | None
    billing_basis: str
    usage_date: date
    week_count: int
    cost: Cost
    usual: Annotated[Pico, money("usual")]
    deviation: Annotated[Pico, money("deviation")]
    change: Annotated[Pico, money("change")]


class DrivenAnomaly(Anomaly):
    """An anomaly with what drives it."""

    drivers: list[Driver]


class Anomalies(Frozen):
    """Closed days that were not as usual, the largest change first."""

    workspace: WorkspaceCard
    as_of: datetime | None
    period: Period
    method: str = Field(description="How a day is judged, in a sentence.")
    floor: Annotated[Pico, money("floor")]
    items: list[DrivenAnomaly]
