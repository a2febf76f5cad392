"""What the API says: one frozen shape per answer, columns named as in its question.

A question's columns are the fields of its row type, in `api/questions/`; a test
holds the two together. Money is picodollars in Python and dollars, exact, in JSON.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AliasChoices, Field

from models.money import Pico, UsdPerMtok
from models.plans import Tier
from models.tenancy import Frozen

Cost = Annotated[
    Pico | None,
    Field(
        validation_alias=AliasChoices("cost_pico", "cost"),
        serialization_alias="cost_usd",
    ),
]
Submitted = Annotated[
    int,
    Field(description="What the daemons said, in millicents; for drift audit only."),
]
Drift = Annotated[
    int,
    Field(
        description="Submitted minus recomputed, row by row in whole millicents,"
        " where both are known."
    ),
]


def _money(name: str) -> Any:
    """Read `<name>_pico` from a question's row, write `<name>_usd`."""
    return Field(
        validation_alias=AliasChoices(f"{name}_pico", name),
        serialization_alias=f"{name}_usd",
    )


def _rate(name: str) -> Any:
    """Read `<name>_rate` from a question's row, write `<name>_usd_per_mtok`."""
    return Field(
        validation_alias=AliasChoices(f"{name}_rate", name),
        serialization_alias=f"{name}_usd_per_mtok",
    )


class Grouping(StrEnum):
    """The groupings that the day rollup is kept by."""

    TOTAL = "total"
    PROVIDER = "provider"
    PROVIDER_MODEL = "provider_model"
    PROJECT = "project"
    PROJECT_PROVIDER = "project_provider"
    PROJECT_MACHINE = "project_machine"
    MACHINE = "machine"
    DEPARTMENT = "department"


class Usage(Frozen):
    """Sums over a set of requests. `cost_usd` is null where nothing was priced.

    Unpriced requests are left out of the cost and counted beside it.
    """

    request_count: int = 0
    failed_count: int = 0
    incomplete_count: int = 0
    unpriced_count: int = 0
    unpriced_tokens: int = 0
    missing_rate_count: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    thinking_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    cost: Cost = 0
    submitted_millicents: Submitted = 0
    unsubmitted_count: int = 0
    drift_millicents: Drift = 0


class UsageDay(Usage):
    """Usage of one key of a grouping on one day. Fields not grouped by are null."""

    usage_date: date
    billing_basis: str
    provider: str | None
    model: str | None
    project: str | None
    machine_id: UUID | None
    department_id: UUID | None


class UsageKey(Usage):
    """Usage of one key of a grouping over a period. Fields not grouped by are null."""

    billing_basis: str
    provider: str | None
    model: str | None
    project: str | None
    machine_id: UUID | None
    department_id: UUID | None
    first_date: date
    last_date: date


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


class InvoiceReconciliation(Frozen):
    """One provider account and month: what was logged against what is payable."""

    provider: str
    account: str
    period_month: date
    request_count: int
    unpriced_count: int
    logged: Annotated[
        Pico,
        Field(
            validation_alias=AliasChoices("logged_pico", "logged"),
            serialization_alias="logged_usd",
        ),
    ]
    payable: Annotated[
        Pico | None,
        Field(
            validation_alias=AliasChoices("payable_pico", "payable"),
            serialization_alias="payable_usd",
        ),
    ]
    variance: Annotated[
        Pico | None,
        Field(
            validation_alias=AliasChoices("variance_pico", "variance"),
            serialization_alias="variance_usd",
        ),
    ]
    tolerance: Annotated[
        Pico | None,
        Field(
            validation_alias=AliasChoices("tolerance_pico", "tolerance"),
            serialization_alias="tolerance_usd",
        ),
    ]
    status: str


class Period(Frozen):
    """Whole UTC days, both ends included. Clamped: the plan's floor cut it."""

    since: date
    until: date
    is_clamped: bool = False


class WorkspaceCard(Frozen):
    """What every page shows of the workspace that it is about."""

    slug: str
    name: str
    tier: Tier
    tier_display: str


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


class Overview(Frozen):
    """What did we spend, is it normal? Spend is metered API; imputed stands apart."""

    workspace: WorkspaceCard
    as_of: datetime | None = Field(
        description="When the figures were published; null before the first build."
    )
    period: Period
    previous_period: Period
    today: Usage
    month_to_date: Usage
    previous_month_to_date: Usage
    last_month: Usage
    period_total: Usage
    previous_period_total: Usage
    imputed: Usage
    imported: Usage
    days: list[UsageDay]
    previous_days: list[UsageDay]
    top_projects: list[UsageKey]
    top_models: list[UsageKey]
    unpriced_models: list[UsageKey]
    sync: Sync


class Projects(Frozen):
    """Who uses it up? Every project of the period, dearest first."""

    workspace: WorkspaceCard
    as_of: datetime | None
    period: Period
    total: Usage
    imputed: Usage
    imported: Usage
    projects: list[UsageKey]


class Traces(Frozen):
    """One page of receipts, newest first."""

    workspace: WorkspaceCard
    as_of: datetime | None
    period: Period
    items: list[Trace]
    next_cursor: str | None


class Reconciliation(Frozen):
    """Why does the invoice differ? Provider accounts by month, newest first."""

    workspace: WorkspaceCard
    as_of: datetime | None
    items: list[InvoiceReconciliation]


class PairingCard(Frozen):
    """A machine that asks to be paired, as the person who decides sees it."""

    pairing_code: str
    hostname: str
    platform: str
    daemon_version: str
    address: str
    expires_at: datetime
    status: str


class Department(Frozen):
    """A department of the workspace."""

    department_id: UUID
    name: str
    parent_id: UUID | None


class AllocationRule(Frozen):
    """What gives requests to a department over [valid_from, valid_to)."""

    rule_id: UUID
    priority: int
    match_on: str
    match_value: str
    department_id: UUID
    valid_from: datetime
    valid_to: datetime | None


class DepartmentUsage(UsageKey):
    """A department's usage with its name; `department_id` null is unallocated."""

    department: str | None


class Departments(Frozen):
    """Departments and what no rule allocated; together they are the total."""

    workspace: WorkspaceCard
    as_of: datetime | None
    period: Period
    total: Usage
    departments: list[DepartmentUsage]


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


class WorkspaceSettings(Frozen):
    """How a workspace is set up, and what the caller may do in it."""

    workspace: WorkspaceCard
    workspace_id: UUID
    reporting_time_zone: str
    stores_bodies: bool
    data_retention_days: int
    created_at: datetime
    role: str
    permissions: list[str]


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


class PricingRate(Frozen):
    """A price over [valid_from, valid_to), and for how long it was believed.

    A request whose prompt exceeds `prompt_tokens_above` is priced whole at this row;
    `is_own` is the workspace's own price, which wins over the catalogue's.
    """

    rate_id: int
    is_own: bool
    provider: str
    model: str
    prompt_tokens_above: int
    input: Annotated[UsdPerMtok, _rate("input")]
    output: Annotated[UsdPerMtok, _rate("output")]
    thinking: Annotated[UsdPerMtok, _rate("thinking")]
    cache_read: Annotated[UsdPerMtok, _rate("cache_read")]
    cache_write: Annotated[UsdPerMtok, _rate("cache_write")]
    valid_from: datetime
    valid_to: datetime | None
    known_from: datetime
    known_to: datetime | None
    source: str
    source_version: str


class PricingRates(Frozen):
    """Prices as they were known at a moment."""

    workspace: WorkspaceCard
    known_at: datetime
    items: list[PricingRate]


class UnpricedModel(Frozen):
    """A model without a rate, and what that leaves out of the money.

    The exposure is what its tokens would cost at the cheapest and at the dearest model
    of the same provider, at today's base prices; null where the provider has none.
    """

    provider: str
    model: str
    request_count: int
    unpriced_tokens: int
    first_requested_at: datetime
    last_requested_at: datetime
    cheapest_sibling: str | None
    cheapest: Annotated[Pico | None, _money("cheapest")]
    dearest_sibling: str | None
    dearest: Annotated[Pico | None, _money("dearest")]


class UnpricedModels(Frozen):
    """Every model of the workspace that has requests without a rate, dearest first."""

    workspace: WorkspaceCard
    as_of: datetime | None
    items: list[UnpricedModel]
