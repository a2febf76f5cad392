"""What a report is asked for: a period of whole days, and what its rows stand for."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum


class By(StrEnum):
    """What a row of the report stands for."""

    PROJECT = "project"
    MODEL = "model"
    PROVIDER = "provider"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    MACHINE = "machine"

    @property
    def grouping(self) -> str:
        """The grouping of the day rollup that has these rows."""
        if self.bin:
            return "total"
        return "provider_model" if self is By.MODEL else str(self)

    @property
    def bin(self) -> str | None:
        """The stretch of time that a row covers, for rows that are one."""
        return str(self) if self in (By.DAY, By.WEEK, By.MONTH) else None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a question that tell rows apart."""
        if self.bin:
            return ("bin_date",)
        if self is By.MACHINE:
            return ("machine_id",)
        return ("provider", "model") if self is By.MODEL else (str(self),)


@dataclass(frozen=True)
class Period:
    """Whole UTC days, both ends included."""

    since: date
    until: date

    @property
    def day_count(self) -> int:
        """How many days it has."""
        return (self.until - self.since).days + 1

    def before(self) -> "Period":
        """Return as many days, immediately before."""
        length = timedelta(days=self.day_count)
        return Period(self.since - length, self.until - length)

    def last(self, day_count: int) -> "Period":
        """Return its last days."""
        first = self.until - timedelta(days=day_count - 1)
        return Period(first, self.until)


def last_days(day_count: int, until: date | None = None) -> Period:
    """Return so many days up to a day, by default today."""
    last = until or datetime.now(UTC).date()
    return Period(last - timedelta(days=day_count - 1), last)
