"""Who is calling: workspaces, machines, people, and the ids that were checked."""

from datetime import datetime
from typing import NewType
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from models.plans import Permission, Role, Tier

# Only warehouse.doors and the lookups in app.* hand these out, after a check;
# a bare UUID from a path or a body is not one.
WorkspaceId = NewType("WorkspaceId", UUID)
MachineId = NewType("MachineId", UUID)
UserId = NewType("UserId", UUID)


class Frozen(BaseModel):
    """A value that crosses a border: closed, immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Sender(Frozen):
    """The machine whose rows land, and the workspace that they land in."""

    workspace_id: WorkspaceId
    machine_id: MachineId


class Machine(Sender):
    """The machine that a sync key speaks for."""

    workspace_name: str
    sync_key_id: UUID
    hostname: str
    daemon_version: str
    connected_at: datetime
    workspace_is_gone: bool
    membership_is_gone: bool


class Person(Frozen):
    """Somebody who is signed in, in no workspace yet."""

    user_id: UserId
    email: str
    subject: str
    organization_id: str | None = None  # which the session is in; it opens nothing


class Caller(Frozen):
    """Somebody inside one workspace, with the role that its tables give.

    An API key is its maker, within the key's scopes.
    """

    user_id: UserId
    email: str
    workspace_id: WorkspaceId
    workspace_slug: str
    workspace_name: str
    tier: Tier
    role: Role
    api_key_id: UUID | None = None
    scopes: frozenset[Permission] | None = None

    def may(self, permission: Permission) -> bool:
        """Say whether role, and scopes where there are some, hold a permission."""
        in_scope = self.scopes is None or permission in self.scopes
        return in_scope and self.role.may(permission)

    @property
    def actor_kind(self) -> str:
        """What the audit log calls who acts."""
        return "key" if self.api_key_id else "person"

    @property
    def actor_id(self) -> UUID:
        """Who acts, by the id that the audit log keeps."""
        return self.api_key_id or self.user_id
