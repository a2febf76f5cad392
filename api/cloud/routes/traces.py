"""What did this call cost, and why?"""

import base64
import binascii
from datetime import UTC, datetime, time, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.cloud.asking import ask, card_of, published_at
from api.cloud.callers import requires
from api.cloud.made import steps_to
from api.cloud.periods import Asked, today
from api.cloud.routes.explaining import beliefs
from api.cloud.sessions import OpenDoors
from models.answers.traces import Receipt, ReceiptDetail, ReceiptVersion, Trace, Traces
from models.answers.workspace import Period
from models.plans import Permission, Surface
from models.refusals import BeyondFloor, Malformed, NotThere
from models.tenancy import Caller
from warehouse.doors import Doors

router = APIRouter(prefix="/v1/workspaces/{slug}", tags=["traces"])

Filter = Annotated[str | None, Field(max_length=255, pattern=r"^[^\x00]*$")]
LAST_ID = UUID(int=2**128 - 1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class AskedPage(BaseModel):
    """Filters, and where the page before ended. A filter that is unsaid lets all by."""

    model_config = ConfigDict(frozen=True)

    provider: Filter = None
    model: Filter = None
    project: Filter = None
    status: Filter = None
    machine: UUID | None = None
    cursor: Annotated[str | None, Field(max_length=128)] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@router.get("/traces")
async def traces(
    caller: Annotated[Caller, requires(Surface.TRACES, Permission.READ_USAGE)],
    asked: Asked,
    doors: OpenDoors,
    page: Annotated[AskedPage, Query()],
) -> Traces:
    """One page of receipts, newest first; `next_cursor` leads to the one before."""
    period = asked.refused_beyond_floor(Surface.TRACES, caller)
    return await receipts(doors, caller, period, page)


@router.get("/traces/{request_id}")
async def trace(
    caller: Annotated[Caller, requires(Surface.TRACES, Permission.READ_USAGE)],
    doors: OpenDoors,
    request_id: UUID,
) -> ReceiptDetail:
    """One receipt: its arithmetic, its price, what it was before, where it is made."""
    floor = Surface.TRACES.floor(caller.tier, today())
    async with doors.reading_as(caller) as warehouse:
        found = await ask(warehouse, Receipt, request_id=request_id)
        if not found:
            raise NotThere("No such request was published.")
        (receipt,) = found
        if receipt.requested_at.date() < floor:
            raise BeyondFloor(Surface.TRACES, floor.isoformat())
        versions = await ask(warehouse, ReceiptVersion, request_id=request_id)
        return ReceiptDetail(
            workspace=card_of(caller),
            as_of=await published_at(warehouse),
            receipt=receipt,
            rates=await beliefs(warehouse, [version.rate_id for version in versions]),
            versions=versions,
            steps=steps_to(Receipt),
        )


async def receipts(
    doors: Doors, caller: Caller, period: Period, page: AskedPage
) -> Traces:
    """Read one page of a period's receipts."""
    since = datetime.combine(period.since, time(), tzinfo=UTC)
    until = datetime.combine(period.until + timedelta(days=1), time(), tzinfo=UTC)
    cursor_at, cursor_id = _read(page.cursor) if page.cursor else (until, LAST_ID)
    async with doors.reading_as(caller) as warehouse:
        found = await ask(
            warehouse,
            Trace,
            since=since,
            until=until,
            cursor_at=cursor_at,
            cursor_id=cursor_id,
            provider=page.provider,
            model=page.model,
            project=page.project,
            status=page.status,
            machine_id=page.machine,
            limit=page.limit + 1,
        )
        items = found[: page.limit]
        return Traces(
            workspace=card_of(caller),
            as_of=await published_at(warehouse),
            period=period,
            items=items,
            next_cursor=_written(items[-1]) if len(found) > page.limit else None,
        )


def _written(last: Trace) -> str:
    micros = (last.requested_at - EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(
        micros.to_bytes(8, "big") + last.request_id.bytes
    ).decode()


def _read(cursor: str) -> tuple[datetime, UUID]:
    try:
        packed = base64.urlsafe_b64decode(cursor.encode("ascii"))
        micros, request_id = int.from_bytes(packed[:8], "big"), UUID(bytes=packed[8:])
        at = EPOCH + timedelta(microseconds=micros)
    except (binascii.Error, ValueError, OverflowError):
        raise Malformed("`cursor` is not one that was given out.") from None
    return at, request_id
