"""The shapes in which the cast is written down: workspaces, machines, projects, bills.

Days are counted back from the moment until which the demo plays, so that the year
always ends now.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from models.plans import Role, Tier

DAYS_OF_HISTORY = 365
CENT = Decimal("0.01")


class Work(StrEnum):
    """What a project does with models; decides sizes, rhythm of turns and caching."""

    AGENT = "agent"
    COMPLETION = "completion"
    SERVICE = "service"
    EMBEDDING = "embedding"
    DOCUMENTS = "documents"


class Privacy(StrEnum):
    """How much of where a call came from leaves the machine."""

    FULL = "full"
    STRICT = "strict"  # no path, no hostname
    MINIMAL = "minimal"  # no project either


class Rhythm(StrEnum):
    """When a machine is at work."""

    OFFICE = "office"
    EVENINGS = "evenings"
    AROUND_THE_CLOCK = "around_the_clock"


@dataclass(frozen=True)
class Project:
    """What a machine calls models for, with which lines of models (hmc.demo.lines)."""

    slug: str
    work: Work
    lines: Mapping[str, float]
    share: float
    attribution: str = "git"
    workdir: str | None = None
    started_days_ago: int = DAYS_OF_HISTORY
    ended_days_ago: int = 0


@dataclass(frozen=True)
class Machine:
    """A machine with a daemon. Its hostname seeds its calls: no two may share one.

    Whoever pairs it, `paired_by` or else the workspace's owner, is whose it is.
    """

    hostname: str
    platform: str
    daemon_version: str
    fingerprint: str | None
    calls: int
    projects: tuple[Project, ...]
    capability: str | None = "build=public; policy_pull=absent"
    privacy: Privacy = Privacy.FULL
    rhythm: Rhythm = Rhythm.OFFICE
    utc_offset_hours: float = 0
    growth: float = 2.5  # calls on the last day for one call on the first
    fx_rate: str | None = None
    subscriptions: frozenset[str] = frozenset()  # providers that a flat fee pays
    # What an old daemon believes: the model whose price it takes for this one, or
    # None where it knows no price.
    believes: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    knows_long_context: bool = True
    paired_by: str | None = None


@dataclass(frozen=True)
class Person:
    """Somebody who is invited and joins, by address."""

    email: str
    role: Role


@dataclass(frozen=True)
class Department:
    """A department, under a parent if one is named."""

    name: str
    parent: str | None = None


@dataclass(frozen=True)
class Pool:
    """A shared cost, and how it is split over departments (all of them if none)."""

    name: str
    split: str
    weights: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True)
class Budget:
    """What a month may cost, of a department or a project; else of the workspace."""

    amount_usd: str
    department: str | None = None
    project: str | None = None
    months_ago: int = 5

    def asked(self, ids: Mapping[str, str], now: datetime) -> dict[str, str]:
        """Return what is asked of the API, for a demo that plays until `now`."""
        first = _month(now, self.months_ago)
        asked = {"amount_usd": self.amount_usd, "first_month": f"{first:%Y-%m}"}
        if self.department is not None:
            return asked | {
                "scope": "department",
                "department_id": ids[self.department],
            }
        if self.project is not None:
            return asked | {"scope": "project", "project": self.project}
        return asked | {"scope": "workspace"}


@dataclass(frozen=True)
class Tag:
    """A label that a project carries from the first day on."""

    project: str
    tag: str


@dataclass(frozen=True)
class Allocation:
    """A rule that gives a project to a department from one midnight to another.

    Or what is matched on instead: with `tag`, every project that carries it, with
    `member` every machine of the person of that address.
    """

    value: str
    department: str
    since_days_ago: int = DAYS_OF_HISTORY
    until_days_ago: int | None = None
    priority: int = 100
    match_on: str = "project"

    def valid(self, now: datetime) -> tuple[datetime, datetime | None]:
        """Return the stretch of time, half-open, for a demo that plays until `now`."""
        until = self.until_days_ago
        return (
            midnight(now, self.since_days_ago),
            None if until is None else midnight(now, until),
        )


@dataclass(frozen=True)
class Bill:
    """What a provider billed for a closed month, as a ratio of what was logged."""

    provider: str
    months_ago: int
    ratio: Decimal
    invoice_id: str

    def month(self, now: datetime) -> date:
        """Return the first day of the UTC month that was billed."""
        return _month(now, self.months_ago)

    def amount_usd(self, logged_usd: str) -> str:
        """Return the total to enter, in dollars and cents, from exact logged spend."""
        exact = Decimal(logged_usd) * self.ratio
        return str(exact.quantize(CENT, ROUND_HALF_UP))


@dataclass(frozen=True)
class Close:
    """A provider's month that one person prepares and another, if any, closes."""

    provider: str
    months_ago: int
    prepared_by: str
    closed_by: str | None = None

    def month(self, now: datetime) -> date:
        """Return the first day of the UTC month that is closed."""
        return _month(now, self.months_ago)


@dataclass(frozen=True)
class AgreedPrice:
    """What a model cost in one month after all, learnt once that month was closed."""

    provider: str
    model: str
    months_ago: int
    usd_per_mtok: Mapping[str, str]
    stated_by: str

    def asked(self, now: datetime) -> dict[str, str]:
        """Return what is asked of the API, for a demo that plays until `now`."""
        first, next_first = (
            _month(now, self.months_ago),
            _month(now, self.months_ago - 1),
        )
        return {
            "provider": self.provider,
            "model": self.model,
            "valid_from": f"{first}T00:00:00Z",
            "valid_to": f"{next_first}T00:00:00Z",
            **{f"{what}_usd_per_mtok": usd for what, usd in self.usd_per_mtok.items()},
        }


@dataclass(frozen=True)
class Workspace:
    """A workspace of the demo with its owner and everything that belongs to it."""

    slug: str
    name: str
    tier: Tier
    owner: str
    machines: tuple[Machine, ...]
    people: tuple[Person, ...] = ()
    departments: tuple[Department, ...] = ()
    tags: tuple[Tag, ...] = ()
    allocations: tuple[Allocation, ...] = ()
    pools: tuple[Pool, ...] = ()
    budgets: tuple[Budget, ...] = ()
    bills: tuple[Bill, ...] = ()
    closes: tuple[Close, ...] = ()
    agreed_prices: tuple[AgreedPrice, ...] = ()


def midnight(now: datetime, days_ago: int) -> datetime:
    """Return the start of the UTC day so many days before today."""
    today = now.astimezone(UTC).date()
    return datetime.combine(today - timedelta(days=days_ago), time(), tzinfo=UTC)


def _month(now: datetime, months_ago: int) -> date:
    """Return the first day of the UTC month so many before this one."""
    today = now.astimezone(UTC).date()
    months = today.year * 12 + today.month - 1 - months_ago
    return date(months // 12, months % 12 + 1, 1)
