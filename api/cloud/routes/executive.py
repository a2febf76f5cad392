"""What is this costing the company?"""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from api.cloud.asking import card_of
from api.cloud.books import DecidedBooks
from api.cloud.callers import requires
from api.cloud.periods import month_of
from api.cloud.routes.budgets import MONTHS, Month, first_of, months_before
from api.cloud.sessions import OpenDoors
from models.answers.budgets import BudgetMonth, MonthForecast
from models.answers.departments import DepartmentSpend, PoolSpend
from models.answers.executive import Executive, ExecutiveMonth, ProfitLine
from models.plans import Permission, Surface
from models.refusals import NotRemembered, refusing
from models.tenancy import Caller

router = APIRouter(prefix="/v1/workspaces/{slug}", tags=["executive"])

# What stands on bills alone, once bills are imported line by line.
UNTOLD = "No imported bill has such lines."


@router.get("/executive", responses=refusing(NotRemembered))
async def executive(
    caller: Annotated[Caller, requires(Surface.EXECUTIVE, Permission.READ_FINANCE)],
    doors: OpenDoors,
    which: DecidedBooks,
    month: Annotated[Month | None, Query()] = None,
) -> Executive:
    """One UTC month: P&L lines, departments against budget, and the year before it.

    As known now, or at `known_at`: then the month at hand is the one of then.
    """
    async with doors.reading_as(caller) as warehouse:
        books = await which.opened(warehouse)
        at_hand = month_of(books.today)
        period = month_of(first_of(month)) if month else at_hand
        between = {"since": period.since, "until": period.until}
        months = await books.ask(
            warehouse,
            ExecutiveMonth,
            since=months_before(period.since, MONTHS - 1),
            until=period.until,
        )
        *departments, unallocated = await books.ask(
            warehouse, DepartmentSpend, **between
        )
        return Executive(
            workspace=card_of(caller),
            as_of=books.as_of,
            month=period,
            lines=_lines(months, period.since),
            forecast=(
                await books.ask(warehouse, MonthForecast)
                if period.since == at_hand.since
                else []
            ),
            departments=departments,
            unallocated=unallocated,
            pools=await books.ask(warehouse, PoolSpend, **between),
            budgets=await books.ask(warehouse, BudgetMonth, **between),
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
