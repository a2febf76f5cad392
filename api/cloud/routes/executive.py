"""What is this costing the company?"""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from api.cloud.asking import ask, card_of, published_at
from api.cloud.callers import requires
from api.cloud.periods import month_of, today
from api.cloud.routes.budgets import MONTHS, Month, first_of, months_before
from api.cloud.sessions import OpenDoors
from models.answers.budgets import BudgetMonth, MonthForecast
from models.answers.departments import DepartmentSpend, PoolSpend
from models.answers.executive import Executive, ExecutiveMonth, ProfitLine
from models.plans import Permission, Surface
from models.tenancy import Caller

router = APIRouter(prefix="/v1/workspaces/{slug}", tags=["executive"])

# What stands on bills alone, once bills are imported line by line.
UNTOLD = "No imported bill has such lines."


@router.get("/executive")
async def executive(
    caller: Annotated[Caller, requires(Surface.EXECUTIVE, Permission.READ_FINANCE)],
    doors: OpenDoors,
    month: Annotated[Month | None, Query()] = None,
) -> Executive:
    """One UTC month: P&L lines, departments against budget, and the year before it."""
    period = month_of(first_of(month) if month else today())
    between = {"since": period.since, "until": period.until}
    async with doors.reading_as(caller) as warehouse:
        months = await ask(
            warehouse,
            ExecutiveMonth,
            since=months_before(period.since, MONTHS - 1),
            until=period.until,
        )
        *departments, unallocated = await ask(warehouse, DepartmentSpend, **between)
        is_at_hand = period.since == today().replace(day=1)
        return Executive(
            workspace=card_of(caller),
            as_of=await published_at(warehouse),
            month=period,
            lines=_lines(months, period.since),
            forecast=await ask(warehouse, MonthForecast) if is_at_hand else [],
            departments=departments,
            unallocated=unallocated,
            pools=await ask(warehouse, PoolSpend, **between),
            budgets=await ask(warehouse, BudgetMonth, **between),
            months=months,
        )


def _lines(months: list[ExecutiveMonth], first: date) -> list[ProfitLine]:
    """Say what is known of list usage - discounts - credits + tax = payable.

    There is no revenue line unless someone imports one.
    """
    here = next((month for month in months if month.period_month == first), None)
    logged, payable = (here.cost, here.payable) if here else (None, None)
    missing = here.missing_count if here else 0
    return [
        ProfitLine(
            name="list_usage", amount=logged, note="Metered calls at the rate card."
        ),
        *(
            ProfitLine(name=name, amount=None, note=UNTOLD)
            for name in ("discounts", "gross", "credits", "net", "tax")
        ),
        ProfitLine(
            name="payable",
            amount=payable,
            note=f"{missing} provider accounts have sent no bill." if missing else None,
        ),
    ]
