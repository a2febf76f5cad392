"""Connect: a person sees which machine asks, then approves or denies it."""

from datetime import timedelta
from typing import Annotated, NoReturn

from fastapi import APIRouter, Path

from api.cloud.callers import permits
from api.cloud.sessions import OpenDoors
from models.answers.workspace import PairingCard
from models.pairing import shown, typed
from models.plans import Permission
from models.refusals import Conflict, NotThere, TooMany
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


WRONG_CODES = 5
PAUSE = timedelta(minutes=10)


@router.get("/{code}")
async def pairing(caller: Approver, doors: OpenDoors, code: Code) -> PairingCard:
    """Show the machine that asks to be paired."""
    await _refuse_guessing(doors, caller)
    async with doors.deciding_as(caller) as warehouse:
        card = await _card(warehouse, caller, code)
    return card or await _wrong_code(doors, caller)


@router.post("/{code}/approve")
async def approve(caller: Approver, doors: OpenDoors, code: Code) -> PairingCard:
    """Let the machine sync into this workspace; its daemon fetches the key."""
    return await _decide(doors, caller, code, "approved")


@router.post("/{code}/deny")
async def deny(caller: Approver, doors: OpenDoors, code: Code) -> PairingCard:
    """Turn the machine away."""
    return await _decide(doors, caller, code, "denied")


async def _decide(doors: Doors, caller: Caller, code: str, status: str) -> PairingCard:
    await _refuse_guessing(doors, caller)
    async with doors.deciding_as(caller) as warehouse:
        await _take_in_hand(warehouse, code)
        decided = await warehouse.execute(
            DECIDE, [status, caller.workspace_id, caller.user_id, _stored(code)]
        )
        card = await _card(warehouse, caller, code)
    if card is None:
        return await _wrong_code(doors, caller)
    if decided.rowcount == 0 and card.status != status:
        raise Conflict(f"This pairing is {card.status}.")
    return card


async def _card(warehouse: Warehouse, caller: Caller, code: str) -> PairingCard | None:
    await _take_in_hand(warehouse, code)
    found = await warehouse.execute(PAIRING, [_stored(code), caller.workspace_id])
    row = await found.fetchone()
    if row is None:
        return None
    row["pairing_code"] = shown(row["pairing_code"])
    return PairingCard.model_validate(row)


async def _take_in_hand(warehouse: Warehouse, code: str) -> None:
    """Let row security show the one pairing that has this code."""
    await warehouse.execute(
        "select set_config('app.pairing_code', %s, true)", [_stored(code)]
    )


def _stored(code: str) -> str:
    return typed(code).replace("\x00", "")


async def _wrong_code(doors: Doors, caller: Caller) -> NoReturn:
    """Remember a wrong code, in a transaction that the refusal does not undo."""
    async with doors.deciding_as(caller) as warehouse:
        await warehouse.execute(
            "delete from app.wrong_codes where entered_at < now() - %s", [PAUSE]
        )
        await warehouse.execute(
            "insert into app.wrong_codes (user_id) values (%s)", [caller.user_id]
        )
    raise NotThere("No such pairing code, or it was used elsewhere.")


async def _refuse_guessing(doors: Doors, caller: Caller) -> None:
    """Let a person who entered five wrong codes wait before the next one."""
    async with doors.deciding_as(caller) as warehouse:
        found = await warehouse.execute(
            """
            select
                count(*) as wrong,
                ceil(extract(epoch from min(entered_at) + %(pause)s - now()))::int
                as wait
            from app.wrong_codes where entered_at > now() - %(pause)s
            """,
            {"pause": PAUSE},
        )
        row = await found.fetchone()
    if row and row["wrong"] >= WRONG_CODES:
        raise TooMany(
            "Too many wrong codes; wait a little.", retry_after=max(1, row["wait"])
        )
