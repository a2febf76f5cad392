"""The period that a request asks for: whole UTC days, kept within the plan."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import Depends, Query
from pydantic import AwareDatetime, Field

from models.answers.workspace import Period
from models.plans import Surface
from models.refusals import BeyondFloor, Malformed
from models.requests import LATEST
from models.tenancy import Caller

DAYS = 30

# Asked of no later than a call can be; the last of all years has no day after it.
Day = Annotated[date, Field(le=LATEST.date())]
Moment = Annotated[AwareDatetime, Field(le=LATEST)]


class AskedPeriod:
    """`from` and `to` as asked, both inclusive; the last 30 days when unsaid."""

    def __init__(
        self,
        since: Annotated[Day | None, Query(alias="from")] = None,
        until: Annotated[Day | None, Query(alias="to")] = None,
    ) -> None:
        self.since, self.until = since, until

    def clamped(
        self, surface: Surface, caller: Caller, day: date | None = None
    ) -> Period:
        """Start no earlier than the plan's floor, and say so.

        Unsaid, the period ends today, which is `day` in another calendar than UTC's.
        """
        floor = surface.floor(caller.tier, today())
        asked = self._resolved(floor, day)
        if asked.since >= floor:
            return asked
        return Period(since=floor, until=max(asked.until, floor), is_clamped=True)

    def refused_beyond_floor(self, surface: Surface, caller: Caller) -> Period:
        """Raise BeyondFloor, naming it, when the period starts before the floor."""
        floor = surface.floor(caller.tier, today())
        asked = self._resolved(floor)
        if asked.since < floor:
            raise BeyondFloor(surface, floor.isoformat())
        return asked

    def _resolved(self, floor: date, day: date | None = None) -> Period:
        until = self.until or day or today()
        if self.since is not None:
            since = self.since
        else:
            since = max(until - timedelta(days=DAYS - 1), min(floor, until))
        if since > until:
            raise Malformed("`from` lies after `to`.")
        return Period(since=since, until=until)


Asked = Annotated[AskedPeriod, Depends()]


def today() -> date:
    """Return the current UTC day."""
    return datetime.now(UTC).date()


def preceding(period: Period) -> Period:
    """Return the period of the same length immediately before."""
    days = (period.until - period.since).days + 1
    return Period(
        since=period.since - timedelta(days=days),
        until=period.since - timedelta(days=1),
    )


def month_of(day: date) -> Period:
    """Return the calendar month that holds a day."""
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return Period(since=first, until=following - timedelta(days=1))
