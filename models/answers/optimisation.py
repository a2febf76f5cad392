"""Optimisation: what could have cost less, only from realised usage."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from models.answers.money import Cost, money
from models.answers.workspace import Period, WorkspaceCard
from models.money import Pico
from models.tenancy import Frozen


class Finding(Frozen):
    """Requests that could have cost less for one reason, and by how much.

    Of `billing_basis` `subscription_imputed` the saving is of list value, not of money.
    """

    finding_id: str
    reason: str
    billing_basis: str
    provider: str
    model: str
    sibling: str | None
    project: str | None
    request_count: int
    total_tokens: int
    first_date: date
    last_date: date
    cost: Cost
    saving: Annotated[Pico, money("saving")]


class Dismissal(Frozen):
    """Who put a finding aside, when and why."""

    finding_id: str
    reason: str
    dismissed_by: UUID | None
    dismissed_at: datetime


class ExplainedFinding(Finding):
    """A finding, how it was computed, and whether somebody put it aside."""

    how: str
    dismissal: Dismissal | None


class FindingRequest(Frozen):
    """One request behind a finding."""

    request_id: UUID
    requested_at: datetime
    machine_id: UUID
    total_tokens: int
    cost: Cost
    saving: Annotated[Pico, money("saving")]


class FindingRequests(Frozen):
    """The dearest requests behind one finding, up to `limit`.

    Of a cheaper sibling, those of the seven days on which it would have saved most.
    """

    workspace: WorkspaceCard
    as_of: datetime | None
    period: Period
    finding_id: str
    items: list[FindingRequest]


class IdleSubscription(Frozen):
    """A machine whose flat-fee traffic stopped; the fee is not known here."""

    machine_id: UUID
    first_date: date
    last_date: date
    request_count: int
    imputed: Annotated[Pico, money("imputed")]


class Optimisation(Frozen):
    """What should I change, and what is it worth? Savings overlap: never add them.

    A request can be in several findings. `imputed` ones are of flat-fee plans.
    """

    workspace: WorkspaceCard
    as_of: datetime | None
    period: Period
    findings: list[ExplainedFinding]
    imputed: list[ExplainedFinding]
    idle_subscriptions: list[IdleSubscription]
    idle_after_days: int
