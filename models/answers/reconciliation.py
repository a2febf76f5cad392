"""Reconciliation: logged against payable, and what months were closed with."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from models.answers.explaining import PublishedChange, RateBelief
from models.answers.money import Cost, money
from models.answers.workspace import WorkspaceCard
from models.money import Pico
from models.tenancy import Frozen


class InvoiceReconciliation(Frozen):
    """One provider account and month: what was logged against what is payable.

    `logged` of a closed month is what it was closed with. `adjusted` is what it differs
    by since, posted in later months; `posted` is what earlier months differ by, posted
    in this one. Neither is in `variance`.
    """

    provider: str
    account: str
    period_month: date
    closed_at: datetime | None
    request_count: int
    unpriced_count: int
    logged: Annotated[Pico, money("logged")]
    adjusted: Annotated[Pico, money("adjusted")]
    posted: Annotated[Pico, money("posted")]
    payable: Annotated[Pico | None, money("payable")]
    variance: Annotated[Pico | None, money("variance")]
    tolerance: Annotated[Pico | None, money("tolerance")]
    status: str


class Reconciliation(Frozen):
    """Why does the invoice differ? Provider accounts by month, newest first."""

    workspace: WorkspaceCard
    as_of: datetime | None
    items: list[InvoiceReconciliation]


class ModelClosed(Frozen):
    """Metered requests of one model in a month that is prepared or closed."""

    model: str
    request_count: int
    unpriced_count: int
    cost: Cost


class CloseModel(Frozen):
    """A provider's month as a cycle has published it: in all, or of one model."""

    cycle_id: int
    published_at: datetime
    build: str
    is_total: bool
    model: str | None
    request_count: int
    unpriced_count: int
    cost: Cost


class MonthClose(Frozen):
    """What a provider's month was prepared or closed with, by whom, and whether it is.

    `digest` is the SHA-256 over `models` (docs/API.md says of which text). The figures
    are those of the cycle published at `published_at`, made by the models called
    `build`. `is_whole`: retention has let go of none of its requests.
    """

    close_id: UUID
    provider: str
    period_month: date
    state: Literal["prepared", "closed", "reopened"]
    request_count: int
    unpriced_count: int
    cost: Cost
    models: list[ModelClosed]
    digest: str
    cycle_id: int
    published_at: datetime
    build: str
    prepared_by: UUID
    prepared_by_email: str | None
    prepared_at: datetime
    reviewed_by: UUID | None
    reviewed_by_email: str | None
    closed_at: datetime | None
    reopened_by: UUID | None
    reopened_by_email: str | None
    reopened_at: datetime | None
    reopen_reason: str | None
    is_whole: bool


class CloseAdjustment(Frozen):
    """What a closed month had come to differ by, as one cycle posted it.

    It belongs to `period_month` and was posted in `posted_month`. `is_reversal`: the
    month was reopened, and what had been posted of it is taken back.
    """

    provider: str
    period_month: date
    posted_month: date
    posted_at: datetime
    cycle_id: int
    since_cycle_id: int
    is_reversal: bool
    request_count: int
    unpriced_count: int
    cost: Cost


class Closes(Frozen):
    """Which months are prepared, closed, reopened, and what was posted of them."""

    workspace: WorkspaceCard
    as_of: datetime | None
    items: list[MonthClose]
    adjustments: list[CloseAdjustment]


class ExplainedAdjustment(Frozen):
    """An adjustment, and the changes of requests and prices that it is made of."""

    adjustment: CloseAdjustment
    causes: list[PublishedChange]


class ClosedMonth(Frozen):
    """One provider's month: how it was closed, whether that holds, what changed since.

    `digest_again` is the digest over the figures as known at the cycle that it was
    closed on, made again from the requests; null where that is not remembered.
    """

    workspace: WorkspaceCard
    as_of: datetime | None
    items: list[MonthClose]
    digest_again: str | None
    adjustments: list[ExplainedAdjustment]
    rates: list[RateBelief]
