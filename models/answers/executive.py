"""Executive: what is this costing the company?"""

from datetime import date, datetime
from typing import Annotated

from models.answers.budgets import BudgetMonth, MonthForecast
from models.answers.departments import DepartmentSpend, PoolSpend
from models.answers.money import Cost, money
from models.answers.workspace import Period, WorkspaceCard
from models.money import Pico
from models.tenancy import Frozen


class ExecutiveMonth(Frozen):
    """One UTC month: spend, unit costs, what is nobody's, how far bills agree."""

    period_month: date
    request_count: int
    unpriced_count: int
    cost: Cost
    imputed: Annotated[Pico, money("imputed")]
    unallocated: Annotated[Pico, money("unallocated")]
    unallocated_basis_points: int | None
    thousand_requests: Annotated[Pico | None, money("thousand_requests")]
    million_tokens: Annotated[Pico | None, money("million_tokens")]
    account_count: int
    agreed_count: int
    investigate_count: int
    missing_count: int
    payable: Annotated[Pico | None, money("payable")]
    variance: Annotated[Pico | None, money("variance")]


class ProfitLine(Frozen):
    """A line of the P&L; without an amount where nobody has told, and why."""

    name: str
    amount: Annotated[Pico | None, money("amount")]
    note: str | None


class Executive(Frozen):
    """The month at a glance: lines, departments against budget, twelve months."""

    workspace: WorkspaceCard
    as_of: datetime | None
    month: Period
    lines: list[ProfitLine]
    forecast: list[MonthForecast]
    departments: list[DepartmentSpend]
    unallocated: DepartmentSpend
    pools: list[PoolSpend]
    budgets: list[BudgetMonth]
    months: list[ExecutiveMonth]
