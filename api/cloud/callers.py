"""Gates: which workspace a person is in, and whether plan and role let them through."""

from typing import Annotated, Any

from fastapi import Depends, Path

from api.cloud.sessions import CurrentPerson, OpenDoors
from models.plans import Permission, Role, Surface, Tier
from models.refusals import NotPermitted, NotThere, TierLocked
from models.tenancy import Caller, Person, WorkspaceId
from warehouse.doors import Doors

Slug = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


async def memberships(doors: Doors, person: Person) -> list[dict[str, Any]]:
    """Return the workspaces of a person, as the tables have them now."""
    async with doors.identifying(person) as warehouse:
        found = await warehouse.execute(
            "select * from app.memberships_of(%s)", [person.user_id]
        )
        return await found.fetchall()


async def current_caller(slug: Slug, person: CurrentPerson, doors: OpenDoors) -> Caller:
    """Place the person in the workspace that the path names.

    Raises NotThere alike for a workspace that is not and one that is not theirs.
    """
    for row in await memberships(doors, person):
        if row["slug"] == slug:
            return Caller(
                user_id=person.user_id,
                email=person.email,
                workspace_id=WorkspaceId(row["workspace_id"]),
                workspace_slug=row["slug"],
                workspace_name=row["name"],
                tier=Tier(row["tier"]),
                role=Role(row["role"]),
            )
    raise NotThere("No such workspace, or you are not a member of it.")


AnyCaller = Annotated[Caller, Depends(current_caller)]


def requires(surface: Surface, permission: Permission) -> Any:
    """Let callers through whose plan has the surface and whose role the permission.

    Refuses the others openly: a lock says what would open it.
    """

    def gate(caller: AnyCaller) -> Caller:
        if not caller.tier.covers(surface.lowest_tier):
            raise TierLocked(surface, caller.tier)
        if not caller.role.may(permission):
            raise NotPermitted(permission, caller.role)
        return caller

    return Depends(gate)


def permits(permission: Permission) -> Any:
    """Let callers through whose role has the permission, on any plan."""

    def gate(caller: AnyCaller) -> Caller:
        if not caller.role.may(permission):
            raise NotPermitted(permission, caller.role)
        return caller

    return Depends(gate)
