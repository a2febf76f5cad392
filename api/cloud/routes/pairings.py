"""Connect: a person sees which machine asks, then approves or denies it."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.cloud.callers import permits
from api.cloud.limits import Budget, refuse_spent, spend
from api.cloud.sessions import OpenDoors
from models.answers import PairingCard
from models.pairing import shown, typed
from models.plans import Permission
from models.refusals import Conflict, NotThere
from models.tenancy import Caller
from warehouse.doors import Doors, Warehouse

router = APIRouter(prefix="/v1/workspaces/{slug}/pairings", tags=["connect"])

Code = Annotated[str, Path(max_length=32)]
Approver = Annotated[Caller, permits(Permission.APPROVE_PAIRINGS)]

PAIRING = """
    select
        pairing_code, hostname, platform, daemon_version, address, expires_at,
        case
            when status = 'pending' and now() >= expires_at then 'expired'
            when status = 'delivered' then 'approved'
            else status
        end as status
    from app.pairings
    where
        pairing_code = %s
        and (workspace_id is null or workspace_id = %s)
"""
DECIDE = """
    update app.pairings set
        status = %s, workspace_id = %s, decided_by = %s, decided_at = now()
    where pairing_code = %s and status = 'pending' and now() < expires_at
"""


@router.get("/{code}")
async def pairing(caller: Approver, doors: OpenDoors, code: Code) -> PairingCard:
    """Show the machine that asks to be paired."""
    async with doors.deciding_as(caller) as warehouse:
        return await _card(warehouse, caller, code)


@router.post("/{code}/approve")
async def approve(caller: Approver, doors: OpenDoors, code: Code) -> PairingCard:
    """Let the machine sync into this workspace; its daemon fetches the key."""
    return await _decide(doors, caller, code, "approved")


@router.post("/{code}/deny")
async def deny(caller: Approver, doors: OpenDoors, code: Code) -> PairingCard:
    """Turn the machine away."""
    return await _decide(doors, caller, code, "denied")


async def _decide(doors: Doors, caller: Caller, code: str, status: str) -> PairingCard:
    async with doors.deciding_as(caller) as warehouse:
        await _card(warehouse, caller, code)
        decided = await warehouse.execute(
            DECIDE, [status, caller.workspace_id, caller.user_id, typed(code)]
        )
        card = await _card(warehouse, caller, code)
    if decided.rowcount == 0 and card.status != status:
        raise Conflict(f"This pairing is {card.status}.")
    return card


async def _card(warehouse: Warehouse, caller: Caller, code: str) -> PairingCard:
    refuse_spent(Budget.WRONG_PAIRING_CODES_OF_PERSON, str(caller.user_id))
    # Row security shows the one pairing whose code is in hand.
    await warehouse.execute(
        "select set_config('app.pairing_code', %s, true)",
        [typed(code).replace("\x00", "")],
    )
    found = await warehouse.execute(
        PAIRING, [typed(code).replace("\x00", ""), caller.workspace_id]
    )
    row = await found.fetchone()
    if row is None:
        spend(Budget.WRONG_PAIRING_CODES_OF_PERSON, str(caller.user_id))
        raise NotThere("No such pairing code, or it was used elsewhere.")
    row["pairing_code"] = shown(row["pairing_code"])
    return PairingCard.model_validate(row)
