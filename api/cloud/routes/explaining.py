"""Why did it change, why does a daemon's figure differ, where does a cent come from?"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.cloud.asking import ask, card_of, published_at
from api.cloud.books import FINANCE, Books
from api.cloud.callers import permits, requires
from api.cloud.made import steps_to
from api.cloud.periods import Asked, Moment
from api.cloud.routes.overview import totals_of, usage_by
from api.cloud.sessions import OpenDoors
from api.questions import name_of
from models.answers.books import Book
from models.answers.explaining import (
    BasisCompared,
    Drift,
    DriftCause,
    FigurePart,
    Lineage,
    PublishedChange,
    PublishedChanges,
    RateBelief,
)
from models.answers.usage import Grouping, UsageKey
from models.plans import Permission, Surface
from models.refusals import Malformed, NotRemembered, refusing
from models.tenancy import Caller
from warehouse.doors import Warehouse

router = APIRouter(prefix="/v1/workspaces/{slug}", tags=["explaining"])

Reader = Annotated[Caller, permits(Permission.READ_PRICES)]
Name = Annotated[str | None, Field(max_length=255, pattern=r"^[^\x00]*$")]
NOTHING_YET = 0  # the cycle before the first


class AskedMoments(BaseModel):
    """The two moments that a period is compared at; unsaid, its end and now."""

    model_config = ConfigDict(frozen=True)

    before: Moment | None = None
    after: Moment | None = None


class AskedFigure(BaseModel):
    """Which figure: a key of a grouping, and the billing basis that it is kept by."""

    model_config = ConfigDict(frozen=True)

    grouping: Grouping = Grouping.TOTAL
    billing_basis: Name = "api"
    provider: Name = None
    model: Name = None
    project: Name = None
    machine: UUID | None = None
    department: UUID | None = None

    def is_of(self, key: UsageKey) -> bool:
        """Say whether a key of the grouping is the one that is asked for."""
        asked = (self.provider, self.model, self.project, self.machine, self.department)
        kept_by = (
            key.provider,
            key.model,
            key.project,
            key.machine_id,
            key.department_id,
        )
        return self.billing_basis == key.billing_basis and all(
            kept is None or kept == wanted
            for kept, wanted in zip(kept_by, asked, strict=True)
        )


@router.get("/pricing/changes", responses=refusing(NotRemembered))
async def changes(
    caller: Reader,
    asked: Asked,
    moments: Annotated[AskedMoments, Query()],
    doors: OpenDoors,
) -> PublishedChanges:
    """Why did a period change? Every published change between two moments.

    Days are UTC's. `before` is the end of the period unless said, or this midnight
    where it has not ended; the differences add up to what the totals differ by.
    """
    period = asked.clamped(Surface.OVERVIEW, caller)
    now = datetime.now(UTC)
    ended = datetime.combine(period.until + timedelta(days=1), time(), tzinfo=UTC)
    midnight = datetime.combine(now.date(), time(), tzinfo=UTC)
    before, after = moments.before or min(ended, midnight), moments.after or now
    if before > after:
        raise Malformed("`before` lies after `after`.")
    async with doors.reading_as(caller) as warehouse:
        earlier = await known(warehouse, before, must_be=moments.before is not None)
        later = await known(warehouse, after, must_be=True)
        items = await ask(
            warehouse,
            PublishedChange,
            since=period.since,
            until=period.until,
            from_cycle=earlier.known_cycle,
            to_cycle=later.known_cycle,
        )
        then = await totals_of(warehouse, period, earlier)
        since = await totals_of(warehouse, period, later)
        return PublishedChanges(
            workspace=card_of(caller),
            period=period,
            before=before,
            after=after,
            totals=[
                BasisCompared(
                    billing_basis=basis, before=then[basis], after=since[basis]
                )
                for basis in then
            ],
            items=items,
            rates=await beliefs(
                warehouse,
                [one.rate_id_before for one in items]
                + [one.rate_id_after for one in items],
            ),
        )


@router.get("/pricing/drift")
async def drift(
    caller: Reader, asked: Asked, doors: OpenDoors, machine: UUID | None = None
) -> Drift:
    """What daemons said against what it costs, told apart by cause.

    By machine, daemon version, model and UTC day. A daemon that said nothing is
    counted and not compared: null is not 0.
    """
    period = asked.clamped(Surface.OVERVIEW, caller)
    async with doors.reading_as(caller) as warehouse:
        items = await ask(
            warehouse,
            DriftCause,
            since=period.since,
            until=period.until,
            machine_id=machine,
        )
        return Drift(
            workspace=card_of(caller),
            as_of=await published_at(warehouse),
            period=period,
            items=items,
            rates=await beliefs(
                warehouse,
                [one.rate_id for one in items] + [one.daemons_rate_id for one in items],
            ),
        )


@router.get("/lineage")
async def lineage(
    caller: Annotated[Caller, requires(Surface.OVERVIEW, Permission.READ_USAGE)],
    asked: Asked,
    of: Annotated[AskedFigure, Query()],
    doors: OpenDoors,
) -> Lineage:
    """Where does a figure come from? The models, the prices, the dearest requests.

    The figure is the one that Overview and Projects show for these UTC days; its parts
    are made from the requests, and add up to it.
    """
    period = asked.clamped(Surface.OVERVIEW, caller)
    async with doors.reading_as(caller) as warehouse:
        keys = await usage_by(warehouse, of.grouping, period)
        parts = await ask(
            warehouse,
            FigurePart,
            since=period.since,
            until=period.until,
            grouping=of.grouping.value,
            billing_basis=of.billing_basis,
            provider=of.provider,
            model=of.model,
            project=of.project,
            machine_id=of.machine,
            department_id=of.department,
        )
        return Lineage(
            workspace=card_of(caller),
            as_of=await published_at(warehouse),
            period=period,
            question=name_of(UsageKey),
            steps=steps_to(UsageKey),
            figure=next((key for key in keys if of.is_of(key)), None),
            parts=parts,
            rates=await beliefs(warehouse, [part.rate_id for part in parts]),
        )


async def beliefs(
    warehouse: Warehouse, rate_ids: Iterable[int | None]
) -> list[RateBelief]:
    """Return the rows of prices that an answer names."""
    named = sorted({rate_id for rate_id in rate_ids if rate_id is not None})
    return await ask(warehouse, RateBelief, rate_ids=named) if named else []


async def known(warehouse: Warehouse, at: datetime, *, must_be: bool) -> Books:
    """Find the books of finance as known at a moment; of before all else, nothing."""
    books = await ask(warehouse, Book, known_at=at)
    if not books and must_be:
        raise NotRemembered
    cycle = books[0].cycle_id if books else NOTHING_YET
    return replace(FINANCE, known_at=at, known_cycle=cycle)
