"""People of a workspace: members, invitations, keys, and who is signed in."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from models.plans import Tier
from models.tenancy import Frozen


class Me(Frozen):
    """Who is signed in, and the workspaces that they are a member of."""

    email: str
    workspaces: list["Membership"]
    chosen: str | None = Field(
        default=None,
        description="Slug of the workspace of the organisation that the session is in.",
    )


class Membership(Frozen):
    """A workspace that somebody belongs to."""

    slug: str
    name: str
    tier: Tier
    tier_display: str
    role: str
    restorable_until: datetime | None = Field(
        default=None, description="Set when it is deleted and can still be restored."
    )


class Member(Frozen):
    """Somebody who belongs to the workspace."""

    user_id: UUID
    email: str
    role: str
    joined_at: datetime


class Invitation(Frozen):
    """Somebody who is asked to join: `open`, `accepted`, `revoked` or `expired`."""

    invitation_id: UUID
    email: str
    role: str
    state: str
    invited_by: str | None
    created_at: datetime
    expires_at: datetime


class SentInvitation(Frozen):
    """An invitation with its link: shown this once, kept as a hash alone."""

    invitation: Invitation
    link: str
    is_mailed: bool = Field(description="False: hand the link over yourself.")


class InvitationCard(Frozen):
    """What somebody who holds an invitation's token is asked to join."""

    workspace_name: str
    email: str
    role: str
    expires_at: datetime


class ApiKey(Frozen):
    """A script's key: `active`, `expired`, `revoked` or `orphaned` (its maker left)."""

    api_key_id: UUID
    name: str
    scopes: list[str]
    state: str
    created_by: str | None
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="To the hour.")


class MadeApiKey(Frozen):
    """A key with its secret: shown this once, kept as a hash alone."""

    key: ApiKey
    api_key: str
