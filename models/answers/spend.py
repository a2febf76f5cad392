"""Overview and Projects: what was spent, and who used it up."""

from datetime import datetime

from pydantic import Field

from models.answers.machines import Sync
from models.answers.usage import Usage, UsageDay, UsageKey
from models.answers.workspace import Period, WorkspaceCard
from models.tenancy import Frozen


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
    imputed_today: Usage
    imputed_month_to_date: Usage
    imputed_last_month: Usage
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
