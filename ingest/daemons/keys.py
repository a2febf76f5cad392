"""Sync keys: who a daemon is, by the hash of a secret that only it holds."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from models.keys import hash_of
from models.refusals import KeyUnknown, MembershipGone, WorkspaceGone
from models.tenancy import Machine
from warehouse.doors import Doors

PREFIX = "hm_sync_"
SYNC_KEY = HTTPBearer(
    scheme_name="sync_key",
    bearerFormat=f"{PREFIX}…",
    description="The key that pairing handed to one machine, for one workspace.",
    auto_error=False,
)


async def doors_of(request: Request) -> Doors:
    """Return the doors that this process opened at its start."""
    return request.app.state.doors


OpenDoors = Annotated[Doors, Depends(doors_of)]


async def current_machine(
    sent: Annotated[HTTPAuthorizationCredentials | None, Depends(SYNC_KEY)],
    doors: OpenDoors,
) -> Machine:
    """Name the machine whose sync key came with the request.

    Raises KeyUnknown (401), WorkspaceGone or MembershipGone (403): each stops a daemon
    until a person acts.
    """
    key = sent.credentials.strip() if sent else ""
    if not key.startswith(PREFIX):
        raise KeyUnknown
    async with doors.recognising() as warehouse:
        found = await warehouse.execute(
            "select * from app.sender_of_key(%s)", [hash_of(key)]
        )
        row = await found.fetchone()
    if row is None:
        raise KeyUnknown
    machine = Machine.model_validate(row)
    if machine.workspace_is_gone:
        raise WorkspaceGone
    if machine.membership_is_gone:
        raise MembershipGone
    return machine


CurrentMachine = Annotated[Machine, Depends(current_machine)]
