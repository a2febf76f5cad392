"""Who changed what?"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from api.cloud.asking import card_of
from api.cloud.callers import requires
from api.cloud.exports import csv_of
from api.cloud.periods import Asked
from api.cloud.routes.traces import AskedPage, receipts
from api.cloud.sessions import OpenDoors
from models.answers.audit import AuditEvent, AuditEvents
from models.answers.traces import Traces
from models.plans import Permission, Surface
from models.tenancy import Caller
from warehouse.doors import Doors

router = APIRouter(prefix="/v1/workspaces/{slug}", tags=["audit"])

Filter = Annotated[str | None, Field(max_length=320, pattern=r"^[^\x00]*$")]
EXPORTED_AT_A_TIME = 1_000
NEWEST = 2**62

EVENTS = """
    select
        position,
        occurred_at,
        actor_kind,
        actor_id,
        case actor_kind
            when 'person' then app.actor_name(actor_id)
            when 'daemon' then (
                select hostname from app.machines
                where machine_id::text = audit_events.actor_id
            )
        end as actor_name,
        address,
        request_id,
        action,
        object_kind,
        object_id,
        case object_kind
            when 'members' then (
                select email from app.users where user_id::text = object_id
            )
            when 'machines' then (
                select hostname from app.machines where machine_id::text = object_id
            )
        end as object_name,
        before,
        after,
        encode(hash, 'hex') as hash
    from app.audit_events
    where
        position < %(cursor)s
        and occurred_at >= %(since)s
        and occurred_at < %(until)s
        and (%(action)s::text is null or action = %(action)s)
        and (%(object_kind)s::text is null or object_kind = %(object_kind)s)
        and (%(object_id)s::text is null or object_id = %(object_id)s)
        and (%(actor_kind)s::text is null or actor_kind = %(actor_kind)s)
        and (
            %(actor)s::text is null
            or actor_id = coalesce(
                (
                    select user_id::text from app.users
                    where email = lower(%(actor)s)
                ),
                %(actor)s
            )
        )
    order by position desc
    limit %(limit)s
"""


class AskedEvents(BaseModel):
    """Filters, and where the page before ended. A filter that is unsaid lets all by."""

    model_config = ConfigDict(frozen=True)

    actor: Annotated[Filter, Field(description="A member's e-mail, or an id.")] = None
    actor_kind: Filter = None
    action: Filter = None
    object_kind: Filter = None
    object_id: Filter = None
    cursor: Annotated[int, Field(ge=1, le=NEWEST)] = NEWEST
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    format: Literal["json", "csv"] = "json"


@router.get(
    "/audit",
    response_model=AuditEvents,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def audit(
    caller: Annotated[Caller, requires(Surface.AUDIT, Permission.READ_AUDIT)],
    asked: Asked,
    doors: OpenDoors,
    page: Annotated[AskedEvents, Query()],
) -> AuditEvents | Response:
    """One page of the log, newest first; as CSV every event of the period."""
    period = asked.refused_beyond_floor(Surface.AUDIT, caller)
    wanted = page.model_dump() | {
        "since": datetime.combine(period.since, time(), tzinfo=UTC),
        "until": datetime.combine(period.until + timedelta(days=1), time(), tzinfo=UTC),
    }
    if page.format == "csv":
        return StreamingResponse(
            _exported(doors, caller, wanted | {"limit": EXPORTED_AT_A_TIME}),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": 'attachment; filename="audit.csv"'},
        )
    found = await _events(doors, caller, wanted | {"limit": page.limit + 1})
    items = found[: page.limit]
    return AuditEvents(
        workspace=card_of(caller),
        period=period,
        items=items,
        next_cursor=items[-1].position if len(found) > page.limit else None,
    )


@router.get("/audit/receipts")
async def receipt_archive(
    caller: Annotated[Caller, requires(Surface.AUDIT, Permission.READ_AUDIT)],
    asked: Asked,
    doors: OpenDoors,
    page: Annotated[AskedPage, Query()],
) -> Traces:
    """One page of receipts as far back as data is kept, beyond the Traces window."""
    period = asked.refused_beyond_floor(Surface.OVERVIEW, caller)
    return await receipts(doors, caller, period, page)


async def _exported(
    doors: Doors, caller: Caller, wanted: dict[str, Any]
) -> AsyncIterator[str]:
    yield csv_of([AuditEvent.model_fields])
    while found := await _events(doors, caller, wanted):
        yield csv_of(event.model_dump().values() for event in found)
        wanted["cursor"] = found[-1].position


async def _events(
    doors: Doors, caller: Caller, wanted: dict[str, Any]
) -> list[AuditEvent]:
    async with doors.reading_as(caller) as warehouse:
        found = await warehouse.execute(EVENTS, wanted)
        return [AuditEvent.model_validate(row) for row in await found.fetchall()]
