"""Who is asked to join, and their yes."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from psycopg.errors import UniqueViolation
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from api.cloud.asking import card_of
from api.cloud.callers import permits, requires
from api.cloud.mail import Letter, send
from api.cloud.routes.members import refuse_beyond
from api.cloud.sessions import CurrentPerson, OpenDoors
from models.answers.people import Invitation, InvitationCard, SentInvitation
from models.answers.workspace import WorkspaceCard
from models.keys import fresh_secret, hash_of
from models.plans import Feature, Permission, Role, Tier, plans
from models.refusals import Conflict, NotThere
from models.tenancy import Caller, Person, WorkspaceId
from warehouse.doors import Doors, Warehouse
from warehouse.settings import settings

router = APIRouter(prefix="/v1", tags=["members"])

INVITATIONS = "/workspaces/{slug}/invitations"
Manager = Annotated[Caller, permits(Permission.MANAGE_MEMBERS)]
Inviting = Annotated[Caller, requires(Feature.INVITATIONS, Permission.MANAGE_MEMBERS)]
# No white space and no control character: a letter's head would end there.
PRINTED = r"[^@\s\x00-\x1f\x7f-\x9f\u2028\u2029]"
Email = Annotated[
    str,
    StringConstraints(max_length=320, pattern=f"^{PRINTED}+@{PRINTED}+$"),
    AfterValidator(str.lower),
]

FOUND = """
    select
        invitations.invitation_id,
        invitations.email,
        invitations.role,
        case
            when accepted_at is not null then 'accepted'
            when revoked_at is not null then 'revoked'
            when expires_at <= now() then 'expired'
            else 'open'
        end as state,
        inviting.email as invited_by,
        invitations.created_at,
        invitations.expires_at
    from app.invitations
    left join app.users as inviting on invitations.invited_by = inviting.user_id
    where %(id)s::uuid is null or invitations.invitation_id = %(id)s
    order by invitations.created_at desc, invitations.invitation_id
"""


class NewInvitation(BaseModel):
    """Whom to ask, and as what they are to join."""

    model_config = ConfigDict(frozen=True)

    email: Email
    role: Role = Role.MEMBER


class HeldInvitation(BaseModel):
    """The token at the end of an invitation's link."""

    model_config = ConfigDict(frozen=True)

    token: Annotated[str, StringConstraints(max_length=256)]


@router.get(INVITATIONS)
async def invitations(caller: Manager, doors: OpenDoors) -> list[Invitation]:
    """Everybody who was asked, newest first."""
    async with doors.reading_as(caller) as warehouse:
        found = await warehouse.execute(FOUND, {"id": None})
        return [Invitation.model_validate(row) for row in await found.fetchall()]


@router.post(INVITATIONS, status_code=201)
async def invite(
    caller: Inviting, doors: OpenDoors, new: NewInvitation
) -> SentInvitation:
    """Ask somebody to join, for seven days; the answer holds the link, this once."""
    refuse_beyond(caller, new.role)
    token = fresh_secret()
    try:
        async with doors.deciding_as(caller) as warehouse:
            await _refuse_member(warehouse, new.email)
            made = await warehouse.execute(
                """
                insert into app.invitations (
                    workspace_id, email, role, token_hash, invited_by, expires_at
                )
                values (%s, %s, %s, %s, %s, now() + %s)
                returning invitation_id
                """,
                [
                    caller.workspace_id,
                    new.email,
                    new.role,
                    hash_of(token),
                    caller.user_id,
                    _lasting(),
                ],
            )
            row = await made.fetchone() or {}
            invitation = await _standing(warehouse, row["invitation_id"])
    except UniqueViolation:
        raise Conflict(
            f"{new.email} has an invitation already; send it again or revoke it."
        ) from None
    return await _sent(caller, invitation, token)


@router.post(INVITATIONS + "/{invitation_id}/resend")
async def resend(
    caller: Inviting, doors: OpenDoors, invitation_id: UUID
) -> SentInvitation:
    """Send it again with another link, for another seven days; the old link is dead."""
    token = fresh_secret()
    async with doors.deciding_as(caller) as warehouse:
        await _refuse_closed(caller, warehouse, invitation_id)
        await warehouse.execute(
            """
            update app.invitations set token_hash = %s, expires_at = now() + %s
            where workspace_id = %s and invitation_id = %s
            """,
            [hash_of(token), _lasting(), caller.workspace_id, invitation_id],
        )
        invitation = await _standing(warehouse, invitation_id)
    return await _sent(caller, invitation, token)


@router.delete(INVITATIONS + "/{invitation_id}", status_code=204)
async def revoke_invitation(
    caller: Manager, doors: OpenDoors, invitation_id: UUID
) -> None:
    """Take it back; its link is dead."""
    async with doors.deciding_as(caller) as warehouse:
        await _refuse_closed(caller, warehouse, invitation_id)
        await warehouse.execute(
            """
            update app.invitations set revoked_at = now()
            where workspace_id = %s and invitation_id = %s
            """,
            [caller.workspace_id, invitation_id],
        )


@router.post("/invitations/look")
async def look(
    person: CurrentPerson, doors: OpenDoors, held: HeldInvitation
) -> InvitationCard:
    """What one is asked to join, before one says yes."""
    return InvitationCard.model_validate(
        {
            name: value
            for name, value in (await _held(doors, person, held)).items()
            if name in InvitationCard.model_fields
        }
    )


@router.post("/invitations/accept")
async def accept(
    person: CurrentPerson, doors: OpenDoors, held: HeldInvitation
) -> WorkspaceCard:
    """Join. Who is a member already stays what they are."""
    row = await _held(doors, person, held)
    joining = Caller(
        user_id=person.user_id,
        email=person.email,
        workspace_id=WorkspaceId(row["workspace_id"]),
        workspace_slug=row["slug"],
        workspace_name=row["workspace_name"],
        tier=Tier(row["tier"]),
        role=Role(row["role"]),
    )
    async with doors.deciding_as(joining) as warehouse:
        accepted = await warehouse.execute(
            """
            update app.invitations set accepted_at = now()
            where
                workspace_id = %s
                and invitation_id = %s
                and accepted_at is null
                and revoked_at is null
            """,
            [joining.workspace_id, row["invitation_id"]],
        )
        if accepted.rowcount == 0:
            raise _no_such()
        await warehouse.execute(
            """
            insert into app.members (workspace_id, user_id, role) values (%s, %s, %s)
            on conflict do nothing
            """,
            [joining.workspace_id, joining.user_id, joining.role],
        )
    return card_of(joining)


async def _held(doors: Doors, person: Person, held: HeldInvitation) -> dict[str, Any]:
    """Find the open invitation of a token; it is for the address that it was sent to.

    A link that was passed on opens nothing for somebody else.
    """
    async with doors.identifying(person) as warehouse:
        found = await warehouse.execute(
            "select * from app.invitation_of_token(%s)", [hash_of(held.token)]
        )
        row = await found.fetchone()
    if row is None or row["email"] != person.email:
        raise _no_such()
    return row


async def _sent(caller: Caller, invitation: Invitation, token: str) -> SentInvitation:
    # After the #, where no server and no log sees it.
    link = f"{settings().public_url}/join#{token}"
    is_mailed = await send(
        Letter(
            invitation.email,
            f"Join {caller.workspace_name} on Halton Meter",
            f"{caller.email} asks you to join {caller.workspace_name} as"
            f" {invitation.role}.\n\n{link}\n\n"
            f"The link works until {invitation.expires_at:%d %B %Y, %H:%M} UTC.\n",
        )
    )
    return SentInvitation(invitation=invitation, link=link, is_mailed=is_mailed)


async def _refuse_member(warehouse: Warehouse, email: str) -> None:
    found = await warehouse.execute(
        """
        select 1 from app.members
        inner join app.users on members.user_id = users.user_id
        where users.email = %s
        """,
        [email],
    )
    if await found.fetchone():
        raise Conflict(f"{email} is a member already.")


async def _refuse_closed(
    caller: Caller, warehouse: Warehouse, invitation_id: UUID
) -> None:
    invitation = await _standing(warehouse, invitation_id)
    refuse_beyond(caller, Role(invitation.role))
    if invitation.state in {"accepted", "revoked"}:
        raise Conflict(f"This invitation is {invitation.state}.")


async def _standing(warehouse: Warehouse, invitation_id: UUID) -> Invitation:
    found = await warehouse.execute(FOUND, {"id": invitation_id})
    row = await found.fetchone()
    if row is None:
        raise NotThere("No such invitation.")
    return Invitation.model_validate(row)


def _lasting() -> timedelta:
    return timedelta(days=plans()["retention"]["invitation_days"])


def _no_such() -> NotThere:
    return NotThere("No such invitation for you: it was used, revoked or has expired.")
