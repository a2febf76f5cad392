"""Machines: do they still send, what was kept aside, and ending their keys."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.cloud.asking import card_of, published_at
from api.cloud.callers import permits
from api.cloud.machines import machine_of, machines_of, rejected_of, revoke
from api.cloud.sessions import OpenDoors
from models.answers.machines import MachineDetail, Machines, RejectedRecords
from models.plans import Permission
from models.tenancy import Caller

router = APIRouter(prefix="/v1/workspaces/{slug}/machines", tags=["machines"])

Manager = Annotated[Caller, permits(Permission.MANAGE_MEMBERS)]


class AskedRejected(BaseModel):
    """Which reason, and where the page before ended."""

    model_config = ConfigDict(frozen=True)

    reason: Literal["malformed", "conflicting"] | None = None
    cursor: Annotated[int | None, Field(ge=1, lt=2**63)] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@router.get("")
async def machines(caller: Manager, doors: OpenDoors) -> Machines:
    """Every machine: last seen, version, what landed and what was kept aside."""
    async with doors.reading_as(caller) as warehouse:
        return Machines(
            workspace=card_of(caller),
            as_of=await published_at(warehouse),
            items=await machines_of(warehouse),
        )


@router.get("/{machine_id}")
async def machine(caller: Manager, doors: OpenDoors, machine_id: UUID) -> MachineDetail:
    """One machine, with the history of its keys."""
    async with doors.reading_as(caller) as warehouse:
        return await machine_of(warehouse, machine_id)


@router.get("/{machine_id}/rejected")
async def rejected(
    caller: Manager,
    doors: OpenDoors,
    machine_id: UUID,
    page: Annotated[AskedRejected, Query()],
) -> RejectedRecords:
    """Records that could not land or contradicted one that had, as they came."""
    async with doors.reading_as(caller) as warehouse:
        await machine_of(warehouse, machine_id)
        return await rejected_of(
            warehouse, machine_id, page.reason, page.cursor, page.limit
        )


@router.post("/{machine_id}/revoke")
async def revoke_machine(
    caller: Manager, doors: OpenDoors, machine_id: UUID
) -> MachineDetail:
    """End the machine's keys; what it sent stays, and it may be paired again."""
    async with doors.deciding_as(caller) as warehouse:
        await revoke(warehouse, caller, machine_id)
    return await machine(caller, doors, machine_id)
