"""Who belongs to the workspace, and as what?"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from psycopg.errors import CheckViolation
from pydantic import BaseModel, ConfigDict

from api.cloud.callers import belongs, permits
from api.cloud.sessions import OpenDoors
from models.answers.people import Member
from models.plans import Permission, Role
from models.refusals import Conflict, NotPermitted, NotThere
from models.tenancy import Caller, UserId
from warehouse.doors import Doors, Warehouse

router = APIRouter(prefix="/v1/workspaces/{slug}", tags=["members"])

Manager = Annotated[Caller, permits(Permission.MANAGE_MEMBERS)]

MEMBERS = """
    select members.user_id, users.email, members.role, members.joined_at
    from app.members
    inner join app.users on members.user_id = users.user_id
    where %(user_id)s::uuid is null or members.user_id = %(user_id)s
    order by members.joined_at, users.email
"""


class ChosenRole(BaseModel):
    """What a member is to be."""

    model_config = ConfigDict(frozen=True)

    role: Role


@router.get("/members")
async def members(caller: Manager, doors: OpenDoors) -> list[Member]:
    """Everybody who belongs to the workspace, in the order in which they came."""
    async with doors.reading_as(caller) as warehouse:
        return [Member.model_validate(row) for row in await _found(warehouse)]


@router.patch("/members/{user_id}")
async def change_role(
    caller: Manager, doors: OpenDoors, user_id: UUID, chosen: ChosenRole
) -> Member:
    """Make somebody something else; it counts from their next request on.

    Only an owner makes or unmakes one. Raises Conflict for the last owner.
    """
    try:
        async with doors.deciding_as(caller) as warehouse:
            standing = await _standing(warehouse, user_id)
            refuse_beyond(caller, Role(standing["role"]), chosen.role)
            await warehouse.execute(
                """
                update app.members set role = %s
                where workspace_id = %s and user_id = %s
                """,
                [chosen.role, caller.workspace_id, user_id],
            )
            changed = await _standing(warehouse, user_id)
    except CheckViolation:
        raise _last_owner() from None
    return Member.model_validate(changed)


@router.delete("/members/{user_id}", status_code=204)
async def remove_member(caller: Manager, doors: OpenDoors, user_id: UUID) -> None:
    """Take somebody out of the workspace; their next request is refused."""
    await _remove(doors, caller, user_id)


@router.delete("/membership", status_code=204)
async def leave(
    caller: Annotated[Caller, belongs(in_person=True)], doors: OpenDoors
) -> None:
    """Leave the workspace. The last owner cannot."""
    await _remove(doors, caller, caller.user_id)


def refuse_beyond(caller: Caller, *roles: Role) -> None:
    """Raise NotPermitted where somebody who is no owner would make or unmake one."""
    if Role.OWNER in roles and not caller.role.may(Permission.OWN_WORKSPACE):
        raise NotPermitted(Permission.OWN_WORKSPACE, caller.role)


async def _remove(doors: Doors, caller: Caller, user_id: UUID | UserId) -> None:
    try:
        async with doors.deciding_as(caller) as warehouse:
            standing = await _standing(warehouse, user_id)
            refuse_beyond(caller, Role(standing["role"]))
            await warehouse.execute(
                "delete from app.members where workspace_id = %s and user_id = %s",
                [caller.workspace_id, user_id],
            )
    except CheckViolation:
        raise _last_owner() from None


async def _standing(warehouse: Warehouse, user_id: UUID) -> dict[str, Any]:
    for row in await _found(warehouse, user_id):
        return row
    raise NotThere("Nobody in this workspace has that id.")


async def _found(
    warehouse: Warehouse, user_id: UUID | None = None
) -> list[dict[str, Any]]:
    found = await warehouse.execute(MEMBERS, {"user_id": user_id})
    return await found.fetchall()


def _last_owner() -> Conflict:
    return Conflict("A workspace keeps at least one owner; make somebody else one.")
