"""The daemons' surface: a sync key opens these routes and no others."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, ConfigDict

from ingest.daemons import pairing
from ingest.daemons.keys import CurrentMachine, OpenDoors
from ingest.daemons.landing import land
from ingest.daemons.records import read_batch
from models.refusals import Malformed, TooLarge
from models.requests import MOST_BYTES, BatchAnswer, RequestBatch
from models.tenancy import Machine
from warehouse.doors import Warehouse
from warehouse.settings import settings

router = APIRouter(prefix="/v1", tags=["daemons"])

AGENT = "halton-meter-daemon/"


class WhoAmI(BaseModel):
    """The machine that a key speaks for."""

    model_config = ConfigDict(frozen=True)

    workspace_name: str
    workspace_id: UUID
    machine_id: UUID
    hostname: str
    daemon_version: str
    connected_at: datetime


@router.post("/pairing/start")
async def pairing_start(
    asked: pairing.PairingStart, request: Request, doors: OpenDoors
) -> pairing.PairingStarted:
    """Ask for a code that a person can approve within ten minutes."""
    address = request.client.host if request.client else "unknown"
    return await pairing.start(doors, asked, address, settings().public_url)


@router.post("/pairing/poll")
async def pairing_poll(
    asked: pairing.PairingPoll, doors: OpenDoors
) -> pairing.PairingApproved | pairing.PairingStatus:
    """Wait for the person's decision; an approval carries the key, once."""
    return await pairing.poll(doors, asked)


@router.get("/daemon/whoami")
async def whoami(machine: CurrentMachine) -> WhoAmI:
    """Say which machine and workspace this key is for."""
    return WhoAmI.model_validate(machine.model_dump(include=set(WhoAmI.model_fields)))


@router.delete("/daemon/disconnect", status_code=204)
async def disconnect(machine: CurrentMachine, doors: OpenDoors) -> None:
    """End this key. Nothing changes on the machine."""
    async with doors.landing_as(machine) as warehouse:
        await warehouse.execute(
            "update app.sync_keys set revoked_at = now() where sync_key_id = %s",
            [machine.sync_key_id],
        )


@router.post(
    "/requests/batch",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": RequestBatch.model_json_schema()}
            },
        }
    },
)
async def requests_batch(
    request: Request,
    machine: CurrentMachine,
    doors: OpenDoors,
    user_agent: Annotated[str, Header()] = "",
    x_hm_daemon: Annotated[str | None, Header()] = None,
) -> BatchAnswer:
    """Land up to 5,000 records. A 200 means that every one of them is durable."""
    batch = read_batch(await limited_body(request, MOST_BYTES))
    async with doors.landing_as(machine) as warehouse:
        answer = await land(warehouse, machine, batch)
        await _seen(warehouse, machine, user_agent, x_hm_daemon)
    return answer


@router.get("/policies/resolved", include_in_schema=False)
@router.post("/policies/audit-ingest", include_in_schema=False)
async def policies() -> Response:
    """Answer that there are none; public daemons never ask."""
    return Response(status_code=404)


async def limited_body(request: Request, most: int) -> bytes:
    """Read a body, counting while it comes; TooLarge past the limit."""
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit():
        raise Malformed("Content-Length is no number.")
    if int(declared) > most:
        raise TooLarge(f"The body is over {most} bytes.")
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise TooLarge(f"The body is over {most} bytes.")
        parts.append(part)
    return b"".join(parts)


async def _seen(
    warehouse: Warehouse, machine: Machine, user_agent: str, capability: str | None
) -> None:
    """Note that the machine is alive, and what it runs; not on every batch."""
    version = user_agent.removeprefix(AGENT) if user_agent.startswith(AGENT) else ""
    await warehouse.execute(
        """
        update app.machines set
            last_batch_at = now(),
            daemon_version = coalesce(nullif(%(version)s, ''), daemon_version),
            enforcement = coalesce(%(enforcement)s, enforcement)
        where
            machine_id = %(machine_id)s
            and (
                last_batch_at is null
                or last_batch_at < now() - interval '10 seconds'
                or daemon_version
                <> coalesce(nullif(%(version)s, ''), daemon_version)
            )
        """,
        {
            "machine_id": machine.machine_id,
            "version": version[:64],
            "enforcement": _enforcement(capability),
        },
    )


def _enforcement(capability: str | None) -> str | None:
    """Read `build=enforcing; policy_pull=on`; older daemons send nothing."""
    if capability is None:
        return None
    parts = {part.strip() for part in capability.split(";")}
    if "build=enforcing" in parts:
        return "enforcing"
    return "not_enforcing" if "build=public" in parts else "unknown"
