"""Gates: which workspace a caller is in, and whether plan, role and scope let them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Path, Request

from api.cloud.limits import Budget, spend
from api.cloud.sessions import (
    API_KEY_PREFIX,
    CurrentPerson,
    OpenDoors,
    bearer_of,
    current_person,
    wrong_credential,
)
from models.keys import hash_of
from models.plans import Feature, Permission, Role, Surface, Tier, plans
from models.refusals import Moved, NotInScope, NotPermitted, NotThere, TierLocked
from models.tenancy import Caller, Person, WorkspaceId
from warehouse.doors import Doors

Slug = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
PREFIX = "/v1/workspaces/"


async def memberships(doors: Doors, person: Person) -> list[dict[str, Any]]:
    """Return the workspaces of a person, as the tables have them now.

    Those too that are deleted, while they can be restored.
    """
    async with doors.identifying(person) as warehouse:
        found = await warehouse.execute(
            "select * from app.memberships_of(%s)", [person.user_id]
        )
        rows = await found.fetchall()
    return [row for row in rows if not row["deleted_at"] or restorable_until(row)]


def restorable_until(row: dict[str, Any]) -> datetime | None:
    """Say until when a deleted workspace can be restored; None when it cannot."""
    if row["deleted_at"] is None:
        return None
    grace = timedelta(days=plans()["retention"]["deleted_workspace_days"])
    until: datetime = row["deleted_at"] + grace
    return until if datetime.now(UTC) < until else None


async def current_caller(request: Request, slug: Slug, doors: OpenDoors) -> Caller:
    """Place a person or an API key in the workspace that the path names.

    Raises NotThere alike for a workspace that is not and one that is not theirs, and
    Moved where theirs went by that slug before.
    """
    mine = await _places(request, doors)
    for caller, _ in mine:
        if caller.workspace_slug == slug:
            return caller
    for caller, former_slugs in mine:
        if slug in former_slugs:
            raise Moved(_same_path_in(caller.workspace_slug, slug, request))
    raise NotThere("No such workspace, or you are not a member of it.")


def _same_path_in(slug: str, former: str, request: Request) -> str:
    """Write the address that was asked for with another slug, fit for a header."""
    path = quote(request.scope["path"]).replace(
        f"{PREFIX}{former}", f"{PREFIX}{slug}", 1
    )
    query = quote(request.scope["query_string"], safe="%&=+,:;/?@!$'()*[]~")
    return f"{path}?{query}" if query else path


async def _places(request: Request, doors: Doors) -> list[tuple[Caller, list[str]]]:
    """Return where the credential lets its holder be, with the slugs of before."""
    if bearer_of(request).startswith(API_KEY_PREFIX):
        return [await _holder(request, doors)]
    person = await current_person(request, doors)
    return [
        (_caller(person, row), row["former_slugs"])
        for row in await memberships(doors, person)
        if not row["deleted_at"]
    ]


async def _holder(request: Request, doors: Doors) -> tuple[Caller, list[str]]:
    async with doors.identifying() as warehouse:
        found = await warehouse.execute(
            "select * from app.holder_of_key(%s)", [hash_of(bearer_of(request))]
        )
        row = await found.fetchone()
    if row is None:
        raise wrong_credential(request, "This API key is unknown, revoked or expired.")
    spend(Budget.REQUESTS_OF_CREDENTIAL, str(row["api_key_id"]))
    person = Person(user_id=row["user_id"], email=row["email"], subject="")
    scopes = frozenset(Permission(scope) for scope in row["scopes"])
    return (
        _caller(person, row).model_copy(
            update={"api_key_id": row["api_key_id"], "scopes": scopes}
        ),
        row["former_slugs"],
    )


async def caller_of_deleted(
    slug: Slug, person: CurrentPerson, doors: OpenDoors
) -> Caller:
    """Place the person in a deleted workspace that can still be restored."""
    for row in await memberships(doors, person):
        if row["slug"] == slug and row["deleted_at"]:
            return _caller(person, row)
    raise NotThere("No such workspace waits to be restored.")


def _caller(person: Person, row: dict[str, Any]) -> Caller:
    return Caller(
        user_id=person.user_id,
        email=person.email,
        workspace_id=WorkspaceId(row["workspace_id"]),
        workspace_slug=row["slug"],
        workspace_name=row["name"],
        tier=Tier(row["tier"]),
        role=Role(row["role"]),
    )


AnyCaller = Annotated[Caller, Depends(current_caller)]


@dataclass(frozen=True)
class Gate:
    """The rule of a route: the surface its plan needs, the permission its role needs.

    Refuses openly: a lock says what would open it. The application does not start
    with a workspace route that has no gate.
    """

    surface: Surface | Feature | None = None
    permission: Permission | None = None
    is_for_persons: bool = False

    def __call__(self, caller: AnyCaller) -> Caller:
        """Let the caller through or refuse."""
        return self.passed(caller)

    def passed(self, caller: Caller) -> Caller:
        """Return the caller, or raise TierLocked, NotPermitted or NotInScope."""
        if self.surface and not caller.tier.covers(self.surface.lowest_tier):
            raise TierLocked(self.surface, caller.tier)
        if self.permission and not caller.role.may(self.permission):
            raise NotPermitted(self.permission, caller.role)
        if caller.api_key_id and self.is_for_persons:
            raise NotInScope(None)
        if self.permission and not caller.may(self.permission):
            raise NotInScope(self.permission)
        return caller


@dataclass(frozen=True)
class GateOfDeleted(Gate):
    """The rule of a route on a workspace that is deleted and can be restored."""

    def __call__(self, caller: Annotated[Caller, Depends(caller_of_deleted)]) -> Caller:
        """Let the caller through or refuse."""
        return self.passed(caller)


def requires(surface: Surface | Feature, permission: Permission) -> Any:
    """Let callers through whose plan has the surface and whose role the permission."""
    return Depends(Gate(surface, permission))


def permits(permission: Permission) -> Any:
    """Let callers through whose role has the permission, on any plan."""
    return Depends(Gate(permission=permission))


def belongs(*, in_person: bool = False) -> Any:
    """Let every member through, and their keys unless it has to be in person."""
    return Depends(Gate(is_for_persons=in_person))


def restores() -> Any:
    """Let those through who may bring a deleted workspace back."""
    return Depends(GateOfDeleted(permission=Permission.OWN_WORKSPACE))
