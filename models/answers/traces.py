"""Receipts: one per request."""

from datetime import datetime
from uuid import UUID

from models.answers.money import Cost
from models.answers.workspace import Period, WorkspaceCard
from models.tenancy import Frozen


class Trace(Frozen):
    """The receipt of one request."""

    request_id: UUID
    requested_at: datetime
    machine_id: UUID
    provider: str
    model: str
    project: str | None
    status: str
    error_class: str | None
    http_status: int | None
    billing_basis: str
    input_tokens: int
    output_tokens: int
    thinking_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    is_complete: bool
    latency_ms: float | None
    cost: Cost
    rate_id: int | None
    submitted_millicents: int | None
    drift_millicents: int | None
    department_id: UUID | None
    allocation_rule_id: UUID | None


class Traces(Frozen):
    """One page of receipts, newest first."""

    workspace: WorkspaceCard
    as_of: datetime | None
    period: Period
    items: list[Trace]
    next_cursor: str | None
