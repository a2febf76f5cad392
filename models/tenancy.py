"""Who is calling: workspaces, machines, people, and the ids that were checked."""

from datetime import datetime
from typing import NewType
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from models.plans import Role, Tier

# Only warehouse.doors and the lookups in app.* hand these out, after a check;
# a bare UUID from a path or a body is not one.
WorkspaceId = NewType("WorkspaceId", UUID)
MachineId = NewType("MachineId", UUID)
UserId = NewType("UserId", UUID)


class Frozen(BaseModel):
    """A value that crosses a border: closed, immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Machine(Frozen):
    """The machine that a sync key speaks for."""

    workspace_id: WorkspaceId
    workspace_name: str
    machine_id: MachineId
    sync_key_id: UUID
    hostname: str
    daemon_version: str
    connected_at: datetime
    workspace_is_gone: bool


class Person(Frozen):
    """Somebody who is signed in, in no workspace yet."""

    user_id: UserId
    email: str
    subject: str


class Caller(Frozen):
    """A person inside one workspace, with the role that its tables give."""

    user_id: UserId
    email: str
    workspace_id: WorkspaceId
    workspace_slug: str
    workspace_name: str
    tier: Tier
    role: Role

    @property
    def actor_kind(self) -> str:
        """What the audit log calls who acts."""
        return "person"

    @property
    def actor_id(self) -> UUID:
        """Who acts, by the id that the audit log keeps."""
        return self.user_id
