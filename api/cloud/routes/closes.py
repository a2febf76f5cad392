"""Is that month closed, what with, and what has changed since?"""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.cloud import closing
from api.cloud.asking import ask, card_of, published_at
from api.cloud.callers import requires
from api.cloud.periods import month_of
from api.cloud.routes.budgets import first_of
from api.cloud.routes.explaining import beliefs, known
from api.cloud.routes.overview import SPEND, usage_by
from api.cloud.routes.reconciliation import (
    AskedMonth,
    Month,
    Name,
    months_asked,
    published,
)
from api.cloud.sessions import OpenDoors
from models.answers.explaining import PublishedChange
from models.answers.reconciliation import (
    CloseAdjustment,
    ClosedMonth,
    Closes,
    ExplainedAdjustment,
    ModelClosed,
    MonthClose,
)
from models.answers.usage import Grouping
from models.plans import Permission, Surface
from models.providers import daemon_name
from models.refusals import Conflict, NotThere, OwnPreparation, refusing
from models.tenancy import Caller
from warehouse.doors import Doors, Warehouse

router = APIRouter(
    prefix="/v1/workspaces/{slug}/reconciliation", tags=["reconciliation"]
)

Reader = Annotated[Caller, requires(Surface.RECONCILIATION, Permission.READ_FINANCE)]
Decider = Annotated[Caller, requires(Surface.RECONCILIATION, Permission.DECIDE_FINANCE)]
MOST_EXPLAINED = 20


class Reopening(BaseModel):
    """Why a month that was closed is opened again."""

    model_config = ConfigDict(frozen=True)

    reason: Annotated[
        str, Field(pattern=r"^[^\x00]*[^\s\x00][^\x00]*$", max_length=1000)
    ]


@router.get("/closes")
async def closes(
    caller: Reader,
    doors: OpenDoors,
    since: Annotated[AskedMonth, Query(alias="from")] = None,
    until: Annotated[AskedMonth, Query(alias="to")] = None,
) -> Closes:
    """Every close of some months, and every adjustment of them or posted in them."""
    first, last = months_asked(since, until)
    asked = {"provider": None, "since": first, "until": month_of(last).until}
    async with doors.reading_as(caller) as warehouse:
        return Closes(
            workspace=card_of(caller),
            as_of=await published_at(warehouse),
            items=await ask(warehouse, MonthClose, **asked),
            adjustments=await ask(warehouse, CloseAdjustment, **asked),
        )


@router.get("/{provider}/{month}/close", responses=refusing(NotThere))
async def closed_month(
    caller: Reader, doors: OpenDoors, provider: Name, month: Month
) -> ClosedMonth:
    """How a month was closed, whether that can be made again, what changed since.

    The changes are those that `/pricing/changes` tells between the cycles in question:
    they add up to the adjustment. Of reversals there are none to tell.
    """
    shown, first = daemon_name(provider), first_of(month)
    async with doors.reading_as(caller) as warehouse:
        items = await _closes_of(warehouse, shown, first)
        posted = await ask(
            warehouse, CloseAdjustment, provider=shown, since=first, until=first
        )
        explained = [
            ExplainedAdjustment(
                adjustment=one, causes=await _causes(warehouse, one, place)
            )
            for place, one in enumerate(posted)
            if one.period_month == first
        ]
        return ClosedMonth(
            workspace=card_of(caller),
            as_of=await published_at(warehouse),
            items=items,
            digest_again=await _made_again(warehouse, items[0]),
            adjustments=explained,
            rates=await beliefs(
                warehouse,
                [
                    rate_id
                    for one in explained
                    for cause in one.causes
                    for rate_id in (cause.rate_id_before, cause.rate_id_after)
                ],
            ),
        )


@router.post("/{provider}/{month}/prepare", responses=refusing(Conflict, NotThere))
async def prepare(
    caller: Decider, doors: OpenDoors, provider: Name, month: Month
) -> MonthClose:
    """Write down what a month that has ended is, for somebody else to close it with."""
    shown, first = daemon_name(provider), first_of(month)
    async with doors.deciding_as(caller) as warehouse:
        await closing.prepare(warehouse, caller, shown, first)
    return await _now(doors, caller, shown, first)


@router.post("/{provider}/{month}/close", responses=refusing(Conflict, OwnPreparation))
async def close(
    caller: Decider, doors: OpenDoors, provider: Name, month: Month
) -> MonthClose:
    """Close a month that somebody else has prepared.

    Answers once the rebuild has published it, or when that takes longer than anybody
    waits for a page.
    """
    shown, first = daemon_name(provider), first_of(month)
    async with doors.deciding_as(caller) as warehouse:
        change_id = await closing.close(warehouse, caller, shown, first)
    await published(doors, caller, change_id)
    return await _now(doors, caller, shown, first)


@router.post("/{provider}/{month}/reopen", responses=refusing(Conflict))
async def reopen(
    caller: Decider, doors: OpenDoors, provider: Name, month: Month, why: Reopening
) -> MonthClose:
    """Open a closed month again, for a reason; what was posted of it is taken back.

    Answers as closing does.
    """
    shown, first = daemon_name(provider), first_of(month)
    async with doors.deciding_as(caller) as warehouse:
        change_id = await closing.reopen(warehouse, caller, shown, first, why.reason)
    await published(doors, caller, change_id)
    return await _now(doors, caller, shown, first)


async def _closes_of(
    warehouse: Warehouse, provider: str, month: date
) -> list[MonthClose]:
    items = await ask(
        warehouse, MonthClose, provider=provider, since=month, until=month
    )
    if not items:
        raise NotThere("Nobody has prepared or closed that month.")
    return items


async def _now(doors: Doors, caller: Caller, provider: str, month: date) -> MonthClose:
    async with doors.reading_as(caller) as warehouse:
        return (await _closes_of(warehouse, provider, month))[0]


async def _causes(
    warehouse: Warehouse, adjustment: CloseAdjustment, place: int
) -> list[PublishedChange]:
    if adjustment.is_reversal or place >= MOST_EXPLAINED:
        return []
    month = month_of(adjustment.period_month)
    changes = await ask(
        warehouse,
        PublishedChange,
        since=month.since,
        until=month.until,
        from_cycle=adjustment.since_cycle_id,
        to_cycle=adjustment.cycle_id,
    )
    return [
        change
        for change in changes
        if change.provider == adjustment.provider and change.billing_basis == SPEND
    ]


async def _made_again(warehouse: Warehouse, item: MonthClose) -> str | None:
    """Make the digest of a close again from the requests, as known at its cycle."""
    books = await known(warehouse, item.published_at, must_be=False)
    if not item.is_whole or books.known_cycle != item.cycle_id:
        return None
    keys = await usage_by(
        warehouse, Grouping.PROVIDER_MODEL, month_of(item.period_month), books
    )
    models = [
        ModelClosed(
            model=str(key.model),
            request_count=key.request_count,
            unpriced_count=key.unpriced_count,
            cost=key.cost,
        )
        for key in keys
        if key.provider == item.provider and key.billing_basis == SPEND
    ]
    return closing.digest_of(item.provider, item.period_month, models).hex()
