"""Is it going to be enough, and what was not as usual?"""

from datetime import date, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from psycopg.errors import ExclusionViolation
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    StringConstraints,
    model_validator,
)

from api.cloud.allocating import open_department
from api.cloud.asking import ask, card_of, published_at
from api.cloud.books import DecidedBooks
from api.cloud.callers import permits
from api.cloud.periods import Asked, today
from api.cloud.sessions import OpenDoors
from models.answers.budgets import (
    Anomalies,
    Anomaly,
    AnomalyDriver,
    Budget,
    BudgetAlert,
    BudgetMonth,
    Budgets,
    DrivenAnomaly,
    Driver,
    MonthForecast,
)
from models.answers.workspace import Period
from models.money import pico_from_usd
from models.plans import Permission, Surface
from models.refusals import (
    Conflict,
    NotRemembered,
    NotThere,
    TierLocked,
    refusing,
)
from models.tenancy import Caller
from warehouse.doors import Warehouse

router = APIRouter(prefix="/v1/workspaces/{slug}", tags=["budgets"])

Reader = Annotated[Caller, permits(Permission.READ_USAGE)]
Editor = Annotated[Caller, permits(Permission.EDIT_PROJECTS)]
MONTHS = 12
MOST_ANOMALIES = 20
MOST_DAYS = 90
METHOD = (
    "More than four times the median deviation from the median of the same weekday in"
    " up to eight weeks before, at least four, and at least the floor."
)
BUDGET = """
    budget_id, scope, department_id, project, amount_pico, first_month, end_month
"""
Month = Annotated[str, StringConstraints(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")]


def _is_something(text: str) -> str:
    if pico_from_usd(text) <= 0:
        raise ValueError("is no amount to spend")
    return text


Usd = Annotated[
    str,
    StringConstraints(pattern=r"^\d{1,12}(\.\d{1,12})?$"),
    AfterValidator(_is_something),
]


class NewBudget(BaseModel):
    """An amount per calendar month from a month on, until another or for good.

    It takes the place of what was set for that scope from then on.
    """

    model_config = ConfigDict(frozen=True)

    scope: Literal["workspace", "department", "project"]
    department_id: UUID | None = None
    project: Annotated[str, StringConstraints(pattern=r"^[^\x00]{1,255}$")] | None = (
        None
    )
    amount_usd: Usd
    first_month: Month
    end_month: Month | None = None

    @model_validator(mode="after")
    def _says_whose(self) -> "NewBudget":
        if (self.scope == "department") != (self.department_id is not None):
            raise ValueError("a department's budget names its department")
        if (self.scope == "project") != (self.project is not None):
            raise ValueError("a project's budget names its project")
        if self.end_month is not None and self.end_month <= self.first_month:
            raise ValueError("`end_month` lies before `first_month`")
        return self


class AskedMonths(BaseModel):
    """Which months, both inclusive; the last twelve when unsaid."""

    model_config = ConfigDict(frozen=True)

    since: Month | None = None
    until: Month | None = None


class AskedAnomalies(BaseModel):
    """From how much money on a change is worth a word."""

    model_config = ConfigDict(frozen=True)

    floor_usd: Annotated[str, StringConstraints(pattern=r"^\d{1,9}(\.\d{1,12})?$")] = (
        "5"
    )


@router.get("/budgets", responses=refusing(NotRemembered))
async def budgets(
    caller: Reader,
    doors: OpenDoors,
    which: DecidedBooks,
    asked: Annotated[AskedMonths, Query()],
) -> Budgets:
    """Every budget by month, what it raised, and what the month at hand will be.

    As known now, or at `known_at`: then the month at hand is the one of then.
    """
    async with doors.reading_as(caller) as warehouse:
        books = await which.opened(warehouse)
        until = first_of(asked.until) if asked.until else books.today.replace(day=1)
        since = (
            first_of(asked.since) if asked.since else months_before(until, MONTHS - 1)
        )
        between = {"since": since, "until": until}
        return Budgets(
            workspace=card_of(caller),
            as_of=books.as_of,
            **between,
            forecast=await books.ask(warehouse, MonthForecast),
            budgets=await books.ask(warehouse, Budget),
            months=await books.ask(warehouse, BudgetMonth, **between),
            alerts=await books.ask(warehouse, BudgetAlert, **between),
        )


@router.put("/budgets")
async def set_budget(caller: Editor, doors: OpenDoors, new: NewBudget) -> Budget:
    """Set what a month may cost; the months before keep what was set for them."""
    if new.scope == "department" and not caller.tier.covers(
        Surface.EXECUTIVE.lowest_tier
    ):
        raise TierLocked(Surface.EXECUTIVE, caller.tier)
    values = new.model_dump() | {
        "workspace_id": caller.workspace_id,
        "amount_pico": pico_from_usd(new.amount_usd),
        "first_month": first_of(new.first_month),
        "end_month": first_of(new.end_month) if new.end_month else None,
        "set_by": caller.user_id,
    }
    try:
        async with doors.deciding_as(caller) as warehouse:
            if new.department_id:
                await open_department(warehouse, new.department_id, kind="department")
            await _make_room(warehouse, values)
            made = await warehouse.execute(
                f"""
                insert into app.budgets (
                    workspace_id, scope, department_id, project, amount_pico,
                    first_month, end_month, set_by
                )
                values (
                    %(workspace_id)s, %(scope)s, %(department_id)s, %(project)s,
                    %(amount_pico)s, %(first_month)s, %(end_month)s, %(set_by)s
                )
                returning {BUDGET}
                """,
                values,
            )
            row = await made.fetchone()
    except ExclusionViolation:
        raise Conflict("Another budget holds later; end this one before it.") from None
    return Budget.model_validate(row)


@router.delete("/budgets/{budget_id}", status_code=204)
async def end_budget(
    caller: Editor,
    doors: OpenDoors,
    budget_id: UUID,
    month: Annotated[Month | None, Query()] = None,
) -> None:
    """End a budget before a month, this one when unsaid; earlier ones keep it."""
    end = first_of(month) if month else today().replace(day=1)
    which = {"budget_id": budget_id, "end": end}
    async with doors.deciding_as(caller) as warehouse:
        cut = await warehouse.execute(
            """
            update app.budgets set end_month = %(end)s
            where
                budget_id = %(budget_id)s
                and first_month < %(end)s
                and (end_month > %(end)s or end_month is null)
            """,
            which,
        )
        gone = await warehouse.execute(
            """
            delete from app.budgets
            where budget_id = %(budget_id)s and first_month >= %(end)s
            """,
            which,
        )
        if not cut.rowcount + gone.rowcount:
            raise NotThere("There is no such budget in force then.")


@router.get("/anomalies")
async def anomalies(
    caller: Reader,
    doors: OpenDoors,
    period_asked: Asked,
    asked: Annotated[AskedAnomalies, Query()],
) -> Anomalies:
    """Closed days that were not as usual, and which project, model, machine moved."""
    period = _closed(period_asked.clamped(Surface.OVERVIEW, caller))
    floor = pico_from_usd(asked.floor_usd)
    async with doors.reading_as(caller) as warehouse:
        found = await ask(
            warehouse,
            Anomaly,
            since=period.since,
            until=period.until,
            floor=floor,
            limit=MOST_ANOMALIES,
        )
        return Anomalies(
            workspace=card_of(caller),
            as_of=await published_at(warehouse),
            period=period,
            method=METHOD,
            floor=floor,
            items=await _driven(warehouse, found),
        )


async def _driven(warehouse: Warehouse, found: list[Anomaly]) -> list[DrivenAnomaly]:
    """Say of every anomaly what drives it, asked about all of them at once."""
    drivers = await ask(
        warehouse,
        AnomalyDriver,
        scopes=[each.scope for each in found],
        subjects=[each.subject for each in found],
        billing_bases=[each.billing_basis for each in found],
        usage_dates=[each.usage_date for each in found],
        week_counts=[each.week_count for each in found],
    )
    return [
        DrivenAnomaly(
            **anomaly.model_dump(),
            drivers=[
                Driver.model_validate(each.model_dump(exclude={"place"}))
                for each in drivers
                if each.place == place
            ],
        )
        for place, anomaly in enumerate(found, start=1)
    ]


def _closed(period: Period) -> Period:
    """Leave today out, which is not over, and look at ninety days at most."""
    until = min(period.until, today() - timedelta(days=1))
    since = max(min(period.since, until), until - timedelta(days=MOST_DAYS - 1))
    return period.model_copy(update={"since": since, "until": until})


async def _make_room(warehouse: Warehouse, values: dict[str, Any]) -> None:
    """End what is set for the same from the new one's first month on."""
    same = """
        scope = %(scope)s
        and department_id is not distinct from %(department_id)s::uuid
        and project is not distinct from %(project)s::text
    """
    await warehouse.execute(
        f"""
        delete from app.budgets
        where
            {same}
            and first_month >= %(first_month)s
            and (
                first_month < %(end_month)s::date or %(end_month)s::date is null
            )
        """,
        values,
    )
    await warehouse.execute(
        f"""
        update app.budgets set end_month = %(first_month)s
        where
            {same}
            and first_month < %(first_month)s
            and (end_month > %(first_month)s or end_month is null)
        """,
        values,
    )


def first_of(month: str) -> date:
    """Return the first day of a month that is written as YYYY-MM."""
    return date.fromisoformat(f"{month}-01")


def months_before(month: date, count: int) -> date:
    """Return the first day of the month so many before."""
    months = month.year * 12 + month.month - 1 - count
    return date(months // 12, months % 12 + 1, 1)
