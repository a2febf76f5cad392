"""Reports: what one person's machines used over a period."""

from datetime import datetime
from uuid import UUID

from models.answers.money import Cost
from models.answers.workspace import Period, WorkspaceCard
from models.tenancy import Frozen


class Spent(Frozen):
    """Sums over some of a person's requests; the cost is null where nothing was priced.

    Unpriced requests are left out of the cost and counted beside it.
    """

    request_count: int = 0
    failed_count: int = 0
    unpriced_count: int = 0
    unpriced_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    thinking_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    cost: Cost = 0


class PersonalUsage(Spent):
    """A row of a personal summary: of all, of a machine, or of a project and model."""

    grouping_name: str
    billing_basis: str
    machine_id: UUID | None
    hostname: str | None
    project: str | None
    provider: str | None
    model: str | None


class SummedMachine(Spent):
    """What a machine used while it was the person's; its name is the one of now."""

    billing_basis: str
    machine_id: UUID
    hostname: str | None


class SummaryLine(Spent):
    """What one model cost in one project; null is no project."""

    billing_basis: str
    project: str | None
    provider: str
    model: str


class Summarised(Frozen):
    """Whose machines a summary is of; of somebody who left, the id alone."""

    user_id: UUID
    email: str | None


class PersonalSummary(Frozen):
    """One person's machines over a period, by project and model.

    Metered spend is `total`; imputed and imported usage stand apart from it. Machines
    add up to these three, and so do lines, to the picodollar.
    """

    workspace: WorkspaceCard
    as_of: datetime | None
    period: Period
    person: Summarised
    total: Spent
    imputed: Spent
    imported: Spent
    machines: list[SummedMachine]
    lines: list[SummaryLine]
