"""Machines: whether they send, with which key, and what was kept aside of it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from models.answers.workspace import WorkspaceCard
from models.tenancy import Frozen


class MachineState(StrEnum):
    """Whether a machine still sends: `degraded` is no batch for 24 hours.

    `imported` never had a key: its rows came from a file.
    """

    ACTIVE = "active"
    DEGRADED = "degraded"
    REVOKED = "revoked"
    IMPORTED = "imported"


class MachineCard(Frozen):
    """A machine, and what has come of it. `request_count` is of published figures."""

    machine_id: UUID
    hostname: str
    platform: str
    daemon_version: str
    enforcement: str = Field(description="enforcing, not_enforcing or unknown.")
    state: MachineState
    connected_at: datetime
    last_batch_at: datetime | None
    request_count: int
    malformed_count: int
    conflicting_count: int


class Machines(Frozen):
    """Every machine of the workspace, by hostname."""

    workspace: WorkspaceCard
    as_of: datetime | None
    items: list[MachineCard]


class SyncKey(Frozen):
    """One key of a machine, from pairing to its end. The key itself is nowhere here."""

    sync_key_id: UUID
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    revoked_because: str | None = Field(
        description="replaced by a later pairing, disconnected there, revoked here."
    )
    revoked_by: str | None


class MachineDetail(MachineCard):
    """A machine with the history of its keys, newest first."""

    keys: list[SyncKey]


class RejectedRecord(Frozen):
    """A record that was kept aside, as it came, with the reason."""

    rejected_id: int
    received_at: datetime
    batch_id: UUID
    reason: str = Field(description="malformed or conflicting.")
    detail: str
    request_id: UUID | None
    record: str = Field(description="JSON text, as it came.")


class RejectedRecords(Frozen):
    """One page of a machine's records that were kept aside, newest first."""

    items: list[RejectedRecord]
    next_cursor: int | None


class Sync(Frozen):
    """Are all machines sending? `green`, `amber`, `red`, or `none` when unpaired."""

    status: str
    active_count: int
    degraded_count: int
    revoked_count: int
    last_batch_at: datetime | None
