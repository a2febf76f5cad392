"""Why a figure is what it is, why it changed, and why a daemon's differs."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from models.answers.money import Cost, money
from models.answers.pricing import PricingRate
from models.answers.usage import Usage, UsageKey
from models.answers.workspace import Period, WorkspaceCard
from models.money import Pico
from models.tenancy import Frozen


class RateBelief(PricingRate):
    """A price by its id, believed still or not any more."""


class PublishedChange(Frozen):
    """Requests of a period that a cycle published anew, differently, or no more.

    `arrival`: landed since. `rate`: priced at another row. `allocation`: of another
    department, at the same cost. `removal`: erased. `made_by` is null where a daemon
    or an operator did it, or several people did in one cycle.
    """

    cause: str
    published_at: datetime
    billing_basis: str
    provider: str
    model: str
    rate_id_before: int | None
    rate_id_after: int | None
    request_count: int
    unpriced_before_count: int
    unpriced_after_count: int
    before: Annotated[Pico, money("before")]
    after: Annotated[Pico, money("after")]
    difference: Annotated[Pico, money("difference")]
    made_by: UUID | None


class BasisCompared(Frozen):
    """What the period's total was, and what it is, for one billing basis."""

    billing_basis: str
    before: Usage
    after: Usage


class PublishedChanges(Frozen):
    """Why did it change? The differences add up to after less before, exactly."""

    workspace: WorkspaceCard
    period: Period
    before: datetime
    after: datetime
    totals: list[BasisCompared]
    items: list[PublishedChange]
    rates: list[RateBelief]


class DriftCause(Frozen):
    """Requests of one machine, daemon version, model and day that differ alike.

    `agreed`; `long_context_tier`, `negotiated_rate`, `rate_corrected`,
    `rate_of_another_time`: the daemon's figure is right at `daemons_rate_id`;
    `tokens_incomplete`; `machine_override`: other machines agree; `rate_unknown_here`;
    `priced_here_only`, `priced_there_only`, `priced_nowhere`: nothing to compare.
    """

    usage_date: date
    machine_id: UUID
    daemon_version: str | None
    billing_basis: str
    provider: str
    model: str
    cause: str
    rate_id: int | None
    daemons_rate_id: int | None
    request_count: int
    cost: Cost
    submitted_millicents: int | None
    drift_millicents: int | None


class Drift(Frozen):
    """What daemons said against what it costs, the largest differences first."""

    workspace: WorkspaceCard
    as_of: datetime | None
    period: Period
    items: list[DriftCause]
    rates: list[RateBelief]


class FigurePart(Frozen):
    """The requests of a figure that have one price: counts times rates are its cost."""

    rate_id: int | None
    is_priced: bool
    request_count: int
    input_tokens: int
    output_tokens: int
    thinking_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    input: Annotated[Pico | None, money("input")]
    output: Annotated[Pico | None, money("output")]
    thinking: Annotated[Pico | None, money("thinking")]
    cache_read: Annotated[Pico | None, money("cache_read")]
    cache_write: Annotated[Pico | None, money("cache_write")]
    cost: Cost
    dearest_request_ids: list[UUID]


class LineageStep(Frozen):
    """One model or raw table that a figure passes through, and what it is made from."""

    name: str
    description: str
    reads: list[str]


class Lineage(Frozen):
    """Where does this cent come from? From the figure back to prices and requests."""

    workspace: WorkspaceCard
    as_of: datetime | None
    period: Period
    question: str = Field(description="What was asked; `/how/…` shows its SQL.")
    steps: list[LineageStep]
    figure: UsageKey | None
    parts: list[FigurePart]
    rates: list[RateBelief]
