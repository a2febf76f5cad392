"""Receipts: one per request."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from models.answers.explaining import LineageStep, RateBelief
from models.answers.money import Cost, money
from models.answers.workspace import Period, WorkspaceCard
from models.money import Pico
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


class Receipt(Trace):
    """A receipt with its arithmetic: each count at its rate; together the cost."""

    recorded_at: datetime
    received_at: datetime
    daemon_version: str | None
    request_kind: str | None
    attribution_method: str | None
    time_to_first_token_ms: float | None
    input: Annotated[Pico | None, money("input")]
    output: Annotated[Pico | None, money("output")]
    thinking: Annotated[Pico | None, money("thinking")]
    cache_read: Annotated[Pico | None, money("cache_read")]
    cache_write: Annotated[Pico | None, money("cache_write")]


class ReceiptVersion(Frozen):
    """What a request was published as, and since when."""

    published_at: datetime | None
    rate_id: int | None
    cost: Cost
    department_id: UUID | None
    allocation_rule_id: UUID | None


class ReceiptDetail(Frozen):
    """What did this call cost, and why? Versions of it come newest first."""

    workspace: WorkspaceCard
    as_of: datetime | None
    receipt: Receipt
    rates: list[RateBelief]
    versions: list[ReceiptVersion]
    steps: list[LineageStep]
