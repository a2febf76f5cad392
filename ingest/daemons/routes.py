"""The daemons' surface: a sync key opens these routes and no others."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from ingest.daemons import bodies, pairing, rates, totals
from ingest.daemons.admission import Admitted
from ingest.daemons.keys import CurrentMachine, OpenDoors
from ingest.daemons.landing import land
from ingest.daemons.presence import Present, note
from ingest.daemons.receiving import received
from ingest.daemons.records import read_batch
from models.refusals import (
    BodyUnreadable,
    EncodingUnknown,
    KeyUnknown,
    Malformed,
    MembershipGone,
    NotThere,
    NotYet,
    TooLarge,
    TooMany,
    Unavailable,
    WorkspaceGone,
    refusing,
)
from models.requests import MOST_BYTES, BatchAnswer, RequestBatch
from warehouse.settings import settings

router = APIRouter(prefix="/v1", tags=["daemons"])

BY_KEY = (KeyUnknown, WorkspaceGone, MembershipGone, Unavailable)
BY_POST = (TooLarge, EncodingUnknown, TooMany)
ENTITY_TAG = {
    "ETag": {
        "description": "Names this answer; send it back as If-None-Match.",
        "schema": {"type": "string"},
    }
}
NO_SUCH_REQUEST = "This machine has sent no such request."


class WhoAmI(BaseModel):
    """The machine that a key speaks for."""

    model_config = ConfigDict(frozen=True)

    workspace_name: str
    workspace_id: UUID
    machine_id: UUID
    hostname: str
    daemon_version: str
    connected_at: datetime


def _batch_schema() -> dict[str, Any]:
    _, parts = msgspec.json.schema_components([RequestBatch])
    schema = parts["RequestBatch"]
    schema["properties"]["records"]["items"] = parts["RequestRecord"]
    return schema


def _reads(schema: dict[str, Any]) -> dict[str, Any]:
    """Document a body that the route reads by itself, counting while it comes."""
    return {
        "parameters": [
            {
                "name": "content-encoding",
                "in": "header",
                "description": "How the body is compressed, if it is.",
                "schema": {"enum": ["gzip", "identity"], "default": "identity"},
            }
        ],
        "requestBody": {
            "required": True,
            "description": "Limited as it is sent, and as it is inflated.",
            "content": {"application/json": {"schema": schema}},
        },
    }


@router.post("/pairing/start", responses=refusing(Malformed, TooMany, Unavailable))
async def pairing_start(
    asked: pairing.PairingStart, request: Request, doors: OpenDoors
) -> pairing.PairingStarted:
    """Ask for a code that a person can approve within ten minutes."""
    address = request.client.host if request.client else "unknown"
    return await pairing.start(doors, asked, address, settings().public_url)


@router.post("/pairing/poll", responses=refusing(Malformed, NotThere, Unavailable))
async def pairing_poll(
    asked: pairing.PairingPoll, request: Request, doors: OpenDoors
) -> pairing.PairingApproved | pairing.PairingStatus:
    """Wait for the person's decision; an approval carries the key, once."""
    return await pairing.poll(
        doors, asked, is_stopping=lambda: request.app.state.is_stopping
    )


@router.get("/daemon/whoami", responses=refusing(*BY_KEY))
async def whoami(machine: CurrentMachine) -> WhoAmI:
    """Say which machine and workspace this key is for."""
    return WhoAmI.model_validate(machine.model_dump(include=set(WhoAmI.model_fields)))


@router.delete("/daemon/disconnect", status_code=204, responses=refusing(*BY_KEY))
async def disconnect(machine: CurrentMachine, doors: OpenDoors) -> None:
    """End this key. Nothing changes on the machine."""
    async with doors.landing_as(machine) as warehouse:
        await warehouse.execute(
            """
            update app.sync_keys set
                revoked_at = now(), revoked_because = 'disconnected'
            where sync_key_id = %s
            """,
            [machine.sync_key_id],
        )


@router.post(
    "/requests/batch",
    openapi_extra=_reads(_batch_schema()),
    responses=refusing(*BY_KEY, *BY_POST, Malformed),
)
async def requests_batch(
    post: Admitted, machine: CurrentMachine, present: Present, doors: OpenDoors
) -> BatchAnswer:
    """Land up to 5,000 records. A 200 means that every one of them is durable.

    What can be stored is stored: a record that cannot land is kept aside with the
    reason, and neither it nor its neighbours are a reason to refuse the batch.
    """
    body = await received(post, MOST_BYTES)
    async with post.landing():
        batch = read_batch(body)
        async with doors.landing_as(machine) as warehouse:
            answer = await land(warehouse, machine, batch, present.version)
            await note(warehouse, machine, present)
    return answer


@router.post(
    "/requests/{request_id}/body",
    status_code=204,
    openapi_extra=_reads(bodies.BodyPost.model_json_schema()),
    responses={
        200: {"model": bodies.NotStored, "description": "Nothing was kept."},
        **refusing(*BY_KEY, *BY_POST, BodyUnreadable, Malformed, NotYet, NotThere),
    },
)
async def request_body(
    post: Admitted, machine: CurrentMachine, doors: OpenDoors, request_id: str
) -> Response:
    """Keep one direction of a captured call, sealed; a repeat replaces it.

    425 while the call itself has not come; after an hour of that, 404.
    """
    posted = await received(post, bodies.MOST_BYTES)
    async with post.landing(), doors.landing_as(machine) as warehouse:
        if not await bodies.keeps_bodies(warehouse, machine):
            return Response(
                bodies.NotStored().model_dump_json(), media_type="application/json"
            )
        body, text = bodies.read_body(posted, _id_of(request_id))
        became = await bodies.keep(warehouse, machine, body, text)
    # Only now, for that a body was waited for has to be committed.
    if became is bodies.Kept.REQUEST_AWAITED:
        raise NotYet
    if became is bodies.Kept.REQUEST_NOT_THEIRS:
        raise NotThere(NO_SUCH_REQUEST)
    return Response(status_code=204)


@router.get(
    "/reconciliation/daemon-totals",
    responses=refusing(*BY_KEY, Malformed, NotThere),
)
async def daemon_totals(
    machine: CurrentMachine,
    doors: OpenDoors,
    from_date: totals.Day,
    to_date: totals.Day,
    machine_id: Annotated[
        UUID | None, Query(description="The key's own machine, or left out.")
    ] = None,
) -> totals.DaemonTotals:
    """What the cloud holds of this machine, by project and day of `recorded_at`."""
    if machine_id not in {None, machine.machine_id}:
        raise NotThere("This key speaks for no such machine.")
    async with doors.landing_as(machine) as warehouse:
        return await totals.totals_of(warehouse, machine, from_date, to_date)


@router.get(
    "/pricing/rates",
    responses={
        200: {"model": rates.DaemonRates, "headers": ENTITY_TAG},
        304: {"description": "What the daemon has is current.", "headers": ENTITY_TAG},
        **refusing(*BY_KEY, Malformed),
    },
)
async def pricing_rates(
    machine: CurrentMachine,
    doors: OpenDoors,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The rates in force for this workspace, in US dollars per million tokens."""
    async with doors.landing_as(machine) as warehouse:
        document = await rates.rates_document(warehouse)
    entity = rates.entity_tag(document)
    headers = {"etag": entity, "cache-control": "private, no-cache"}
    if rates.is_current(entity, if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(document, headers=headers, media_type="application/json")


@router.get("/policies/resolved", include_in_schema=False)
@router.post("/policies/audit-ingest", include_in_schema=False)
async def policies() -> Response:
    """Answer that there are none; public daemons never ask."""
    return Response(status_code=404)


def _id_of(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotThere(NO_SUCH_REQUEST) from None
