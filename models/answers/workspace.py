"""The workspace that an answer is about, and the period that it covers."""

from datetime import date, datetime
from uuid import UUID

from models.answers.books import Calendar
from models.plans import Tier
from models.tenancy import Frozen


class Period(Frozen):
    """Whole days, both ends included, of UTC or of the workspace's reporting zone.

    Clamped: the plan's floor cut it.
    """

    since: date
    until: date
    is_clamped: bool = False
    calendar: Calendar = "utc"
    time_zone: str = "UTC"


class WorkspaceCard(Frozen):
    """What every page shows of the workspace that it is about."""

    slug: str
    name: str
    tier: Tier
    tier_display: str


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


class PairingCard(Frozen):
    """A machine that asks to be paired, as the person who decides sees it."""

    pairing_code: str
    hostname: str
    platform: str
    daemon_version: str
    address: str
    expires_at: datetime
    status: str
