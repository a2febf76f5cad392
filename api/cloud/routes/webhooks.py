"""What Clerk tells us of users, organisations, memberships and plans.

An organisation is a workspace. What it says of roles counts once, when somebody joins;
from then on our own tables say what a member is.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from psycopg.errors import UniqueViolation
from pydantic import BaseModel, ConfigDict, ValidationError

from api.cloud.sessions import OpenDoors
from api.cloud.svix import verified_message_id
from models.plans import Role, Tier, plans
from models.refusals import BadSignature, Conflict, Malformed, NotThere
from models.tenancy import WorkspaceId
from warehouse.doors import Warehouse, enter
from warehouse.settings import settings
from warehouse.workspaces import slug_of

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])


class Told(BaseModel):
    """One event: what happened, to what."""

    model_config = ConfigDict(frozen=True)

    type: str
    data: dict[str, Any]


@router.post("/clerk", status_code=204)
async def told_by_clerk(request: Request, doors: OpenDoors) -> None:
    """Take an event in, once; one that comes again changes nothing."""
    secret = settings().clerk_webhook_secret
    if secret is None:
        raise NotThere("No webhooks are expected here.")
    body = await request.body()
    message_id = verified_message_id(secret, request.headers, body)
    if len(message_id) > 200:  # noqa: PLR2004  what the column holds
        raise BadSignature
    try:
        told = Told.model_validate(json.loads(body))
    except (ValueError, ValidationError, RecursionError):
        raise Malformed("This is no event.") from None
    hear = HEARD.get(told.type)
    try:
        async with doors.hearing() as warehouse:
            new = await warehouse.execute(
                """
                insert into app.webhook_messages (message_id) values (%s)
                on conflict do nothing
                """,
                [message_id],
            )
            if new.rowcount and hear:
                await hear(warehouse, told.data)
    except (KeyError, TypeError, AttributeError):
        raise Malformed(f"This is no {told.type}.") from None
    except UniqueViolation:
        raise Conflict("This contradicts what is known.") from None


async def _user(warehouse: Warehouse, data: dict[str, Any]) -> None:
    """Know somebody by the address that Clerk has verified; by no other."""
    for address in data["email_addresses"]:
        if address["id"] != data["primary_email_address_id"]:
            continue
        if (address.get("verification") or {}).get("status") == "verified":
            await warehouse.execute(
                "select app.know_user(%s, %s)",
                [str(data["id"]), str(address["email_address"])],
            )


async def _user_gone(warehouse: Warehouse, data: dict[str, Any]) -> None:
    await warehouse.execute("select app.user_gone(%s)", [str(data["id"])])


async def _organization(warehouse: Warehouse, data: dict[str, Any]) -> None:
    workspace_id = await _workspace(warehouse, data)
    await warehouse.execute(
        "update app.workspaces set name = %s where workspace_id = %s",
        [_name(data), workspace_id],
    )


async def _organization_gone(warehouse: Warehouse, data: dict[str, Any]) -> None:
    workspace_id = await _linked(warehouse, str(data["id"]))
    if workspace_id is not None:
        await warehouse.execute(
            """
            update app.workspaces set deleted_at = now()
            where workspace_id = %s and deleted_at is null
            """,
            [workspace_id],
        )


async def _membership(warehouse: Warehouse, data: dict[str, Any]) -> None:
    """Let somebody join; the first administrator owns the workspace."""
    workspace_id = await _workspace(warehouse, data["organization"])
    user_id = await _user_id(warehouse, data)
    if user_id is None:
        raise Conflict("Nobody is known by this user's id yet; tell us again.")
    is_admin = data["role"] in {"org:admin", "admin"}
    await warehouse.execute(
        """
        insert into app.members (workspace_id, user_id, role)
        select
            %(workspace_id)s,
            %(user_id)s,
            case
                when not %(is_admin)s then %(member)s
                when exists (select 1 from app.members where role = %(owner)s)
                    then %(admin)s
                else %(owner)s
            end
        on conflict do nothing
        """,
        {
            "workspace_id": workspace_id,
            "user_id": user_id,
            "is_admin": is_admin,
            "member": Role.MEMBER.value,
            "admin": Role.ADMIN.value,
            "owner": Role.OWNER.value,
        },
    )


async def _membership_gone(warehouse: Warehouse, data: dict[str, Any]) -> None:
    """Let somebody go, unless they are the last owner: somebody has to be."""
    workspace_id = await _linked(warehouse, str(data["organization"]["id"]))
    await warehouse.execute(
        """
        delete from app.members
        where
            workspace_id = %(workspace_id)s
            and user_id = %(user_id)s
            and (
                role <> 'owner'
                or exists (
                    select 1 from app.members
                    where role = 'owner' and user_id <> %(user_id)s
                )
            )
        """,
        {
            "workspace_id": workspace_id,
            "user_id": await _user_id(warehouse, data),
        },
    )


async def _plan(warehouse: Warehouse, data: dict[str, Any]) -> None:
    """Put the workspace of whoever pays on the highest plan that is active."""
    known = plans()["clerk"]["plans"]
    paid = [
        Tier(known[item["plan"]["slug"]])
        for item in data["items"]
        if item["status"] == "active" and item["plan"]["slug"] in known
    ]
    organization_id = data["payer"].get("organization_id")
    if not paid or not organization_id:
        return
    workspace_id = await _linked(warehouse, str(organization_id))
    await warehouse.execute(
        "update app.workspaces set tier = %s where workspace_id = %s",
        [max(paid, key=list(Tier).index), workspace_id],
    )


Hear = Callable[[Warehouse, dict[str, Any]], Awaitable[None]]
HEARD: dict[str, Hear] = {
    "user.created": _user,
    "user.updated": _user,
    "user.deleted": _user_gone,
    "organization.created": _organization,
    "organization.updated": _organization,
    "organization.deleted": _organization_gone,
    "organizationMembership.created": _membership,
    "organizationMembership.deleted": _membership_gone,
    "subscription.created": _plan,
    "subscription.updated": _plan,
    "subscription.active": _plan,
}


async def _workspace(warehouse: Warehouse, organization: dict[str, Any]) -> WorkspaceId:
    """Find the workspace of an organisation, or make it."""
    organization_id = str(organization["id"])
    if known := await _linked(warehouse, organization_id):
        return known
    workspace_id = await enter(warehouse, uuid4())
    name = _name(organization)
    slug = slug_of(str(organization.get("slug") or name)) or "workspace"
    await warehouse.execute(
        """
        insert into app.workspaces (workspace_id, slug, name, tier)
        values (%s, %s, %s, %s)
        """,
        [
            workspace_id,
            # Slugs are given out once, here; another organisation may have had it.
            f"{slug[:54]}-{workspace_id.hex[:8]}",
            name,
            plans()["clerk"]["organization_starts_on"],
        ],
    )
    await warehouse.execute(
        "update app.workspaces set organization_id = %s where workspace_id = %s",
        [organization_id, workspace_id],
    )
    return workspace_id


async def _linked(warehouse: Warehouse, organization_id: str) -> WorkspaceId | None:
    """Enter the workspace of an organisation; None when there is none."""
    found = await warehouse.execute(
        "select * from app.workspace_of_organization(%s)", [organization_id]
    )
    row = await found.fetchone()
    return await enter(warehouse, row["workspace_id"]) if row else None


async def _user_id(warehouse: Warehouse, data: dict[str, Any]) -> Any:
    found = await warehouse.execute(
        "select user_id from app.person_of_subject(%s)",
        [str(data["public_user_data"]["user_id"])],
    )
    row = await found.fetchone()
    return row["user_id"] if row else None


def _name(organization: dict[str, Any]) -> str:
    return str(organization["name"]).replace("\x00", "")[:200] or "Workspace"
