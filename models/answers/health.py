"""How healthy the data is, and how a figure is made."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from models.answers.workspace import Period, WorkspaceCard
from models.lineage import Layer
from models.tenancy import Frozen

Went = Literal["pass", "warn", "fail", "error"]


class LastBuild(Frozen):
    """The cycle that readers see, and the last look at the data."""

    published_at: datetime
    build: str = Field(description="The SQL that made the marts, by its name.")
    waiting_since: datetime | None = Field(
        description="The oldest change of this workspace that no cycle has published."
    )
    looked_at: datetime | None = Field(
        description="When expectations, tests and sizes were last looked at."
    )
    looked_with: str | None
    documented_at: datetime | None


class Arrival(Frozen):
    """When a source last brought this workspace something."""

    source: str
    newest_at: datetime | None


class Source(Arrival):
    """A raw table that is filled from outside."""

    description: str
    stale_after_hours: int
    is_stale: bool = Field(description="Nothing came for longer than that, or ever.")


class Outcome(Frozen):
    """How a test went last, over the whole warehouse."""

    test: str
    status: Went
    tested_at: datetime


class HeldTo(Frozen):
    """A test that a model is held to: a rule with given rows, or over the real ones."""

    test: str
    says: str
    kind: Literal["rule", "data"]
    status: Went | None = Field(description="Null has not been run yet.")
    tested_at: datetime | None


class MartSize(Frozen):
    """How many rows of a mart are this workspace's."""

    mart: str
    row_count: int
    counted_at: datetime


class QualityFinding(Frozen):
    """Something that is not as expected: `observed` is outside of [least, most]."""

    expectation: str
    subject: dict[str, str]
    observed: int
    least: int | None
    most: int | None
    request_count: int
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None


class ExpectationHeld(Frozen):
    """An expectation of fresh rows, with what does not meet it or lately did not."""

    name: str
    says: str
    unit: str
    is_met: bool | None = Field(description="Null has not been looked at yet.")
    findings: list[QualityFinding]


class RecentQuality(Frozen):
    """What the figures of a period leave out, or disagree about with the daemons."""

    request_count: int
    unpriced_count: int
    missing_rate_count: int
    incomplete_count: int
    unsubmitted_count: int
    submitted_millicents: int
    drift_millicents: int
    unpriced_ppm: int | None = Field(description="Millionths of all requests.")
    drift_ppm: int | None = Field(description="Millionths of what was submitted.")


class DataHealth(Frozen):
    """Whether the figures can be trusted today, and what to look at if not."""

    workspace: WorkspaceCard
    as_of: datetime | None
    period: Period
    last_build: LastBuild | None
    recent: RecentQuality
    sources: list[Source]
    expectations: list[ExpectationHeld]
    test_counts: dict[Went, int]
    failing_tests: list[HeldTo]
    marts: list[MartSize]


class Step(Frozen):
    """A model or a raw table behind a figure."""

    name: str
    layer: Layer | Literal["raw"]
    description: str
    reads: list[str]
    row_count: int | None = Field(
        description="This workspace's rows, as last counted; null where none are kept."
    )
    held_to: list[HeldTo]


class HowMade(Frozen):
    """How a figure is made: its question, and all that it rests on, nearest first."""

    workspace: WorkspaceCard
    question: str
    asked_by: list[str]
    sql: str
    last_build: LastBuild | None
    steps: list[Step]
