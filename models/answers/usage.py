"""Usage: sums over requests, by day or by key of a grouping."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from models.answers.money import Cost, Drift, Submitted
from models.tenancy import Frozen


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
