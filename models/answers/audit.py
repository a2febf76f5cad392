"""The audit log, event by event."""

from datetime import datetime
from typing import Any

from pydantic import Field

from models.answers.workspace import Period, WorkspaceCard
from models.tenancy import Frozen


class AuditEvent(Frozen):
    """One change of state: who, what, when, on which object, before and after."""

    position: int = Field(description="Where it stands in the workspace's chain.")
    occurred_at: datetime
    actor_kind: str = Field(description="person, key, daemon, operator or issuer")
    actor_id: str | None
    actor_name: str | None
    address: str | None
    request_id: str | None
    action: str = Field(description="What became of what: `members.changed`.")
    object_kind: str
    object_id: str
    object_name: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    hash: str


class AuditEvents(Frozen):
    """One page of the audit log, newest first."""

    workspace: WorkspaceCard
    period: Period
    items: list[AuditEvent]
    next_cursor: int | None
