"""What did we spend, is it normal?"""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter

from api.cloud.asking import card_of
from api.cloud.books import FINANCE, AnyBooks, Books
from api.cloud.callers import requires
from api.cloud.machines import sync_of
from api.cloud.periods import Asked, month_of, preceding
from api.cloud.sessions import OpenDoors
from models.answers.spend import Overview
from models.answers.usage import Grouping, Usage, UsageDay, UsageKey
from models.answers.workspace import Period
from models.plans import Permission, Surface
from models.refusals import NotRemembered, refusing
from models.tenancy import Caller
from warehouse.doors import Warehouse

router = APIRouter(prefix="/v1/workspaces/{slug}", tags=["overview"])

TOP = 5
SPEND, IMPUTED, IMPORTED = "api", "subscription_imputed", "imported"


@router.get("/overview", responses=refusing(NotRemembered))
async def overview(
    caller: Annotated[Caller, requires(Surface.OVERVIEW, Permission.READ_USAGE)],
    asked: Asked,
    which: AnyBooks,
    doors: OpenDoors,
) -> Overview:
    """Spend of the period by day and provider, beside what is usual.

    In the days of the workspace's own calendar, or of `calendar`; as known now, or at
    `known_at`.
    """
    async with doors.reading_as(caller) as warehouse:
        books = await which.opened(warehouse)
        day = books.today
        period = asked.clamped(Surface.OVERVIEW, caller, day)
        previous = preceding(period)
        month = month_of(day)
        last_month = month_of(month.since - timedelta(days=1))
        totals = await totals_of(warehouse, period, books)
        of_today = await totals_of(warehouse, Period(since=day, until=day), books)
        of_month = await totals_of(
            warehouse, Period(since=month.since, until=day), books
        )
        of_last_month = await totals_of(warehouse, last_month, books)
        projects = await usage_by(warehouse, Grouping.PROJECT, period, books)
        models = await usage_by(warehouse, Grouping.PROVIDER_MODEL, period, books)
        return Overview(
            workspace=card_of(caller),
            as_of=books.as_of,
            period=books.named(period),
            previous_period=books.named(previous),
            today=of_today[SPEND],
            month_to_date=of_month[SPEND],
            previous_month_to_date=await spend_of(
                warehouse,
                Period(
                    since=last_month.since,
                    until=min(last_month.since + (day - month.since), last_month.until),
                ),
                books,
            ),
            last_month=of_last_month[SPEND],
            period_total=totals[SPEND],
            previous_period_total=await spend_of(warehouse, previous, books),
            imputed=totals[IMPUTED],
            imputed_today=of_today[IMPUTED],
            imputed_month_to_date=of_month[IMPUTED],
            imputed_last_month=of_last_month[IMPUTED],
            imported=totals[IMPORTED],
            days=await _spend_days(warehouse, Grouping.PROVIDER, period, books),
            previous_days=await _spend_days(warehouse, Grouping.TOTAL, previous, books),
            top_projects=[key for key in projects if key.billing_basis == SPEND][:TOP],
            top_models=[key for key in models if key.billing_basis == SPEND][:TOP],
            unpriced_models=[key for key in models if key.missing_rate_count],
            sync=await sync_of(warehouse),
        )


async def totals_of(
    warehouse: Warehouse, period: Period, books: Books = FINANCE
) -> dict[str, Usage]:
    """Return the period's totals by billing basis; nothing there is a true zero."""
    totals = {SPEND: Usage(), IMPUTED: Usage(), IMPORTED: Usage()}
    for key in await usage_by(warehouse, Grouping.TOTAL, period, books):
        totals[key.billing_basis] = Usage.model_validate(
            key.model_dump(include=set(Usage.model_fields), mode="python")
        )
    return totals


async def spend_of(
    warehouse: Warehouse, period: Period, books: Books = FINANCE
) -> Usage:
    """Return the period's metered total."""
    return (await totals_of(warehouse, period, books))[SPEND]


async def usage_by(
    warehouse: Warehouse, grouping: Grouping, period: Period, books: Books = FINANCE
) -> list[UsageKey]:
    """Return usage of each key over the period, dearest first."""
    return await books.ask(
        warehouse,
        UsageKey,
        grouping=grouping.value,
        since=period.since,
        until=period.until,
    )


async def _spend_days(
    warehouse: Warehouse, grouping: Grouping, period: Period, books: Books
) -> list[UsageDay]:
    days = await books.ask(
        warehouse,
        UsageDay,
        grouping=grouping.value,
        since=period.since,
        until=period.until,
    )
    return [day for day in days if day.billing_basis == SPEND]
