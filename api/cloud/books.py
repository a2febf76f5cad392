"""Which books a question is asked of: in which calendar, and as known when.

Books as known at a moment are as of the last cycle published by then. Their questions
are the same, over the same models, made from what was published then instead of from
what is now: `hmc.generate` writes them to `as_known/`. What people decide about
departments, budgets and whose a machine is shows at once, so books that hold it are as
of the last such decision too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast
from zoneinfo import ZoneInfo

from fastapi import Depends, Query
from pydantic import BaseModel

from api.cloud.asking import ask, published_at
from api.cloud.periods import Moment
from api.questions import name_of
from models.answers.books import Book, Calendar, Decided
from models.answers.workspace import Period
from models.refusals import NotRemembered
from warehouse.doors import Warehouse

Answer = TypeVar("Answer", bound=BaseModel)

AS_KNOWN = Path(__file__).with_name("as_known")
FIRST, LAST = date(1970, 1, 1), date(9999, 1, 1)
ANY_ZONE = timedelta(days=1)  # a day of any calendar lies within one of UTC and this


@dataclass(frozen=True)
class Books:
    """The books that one answer is read from; finance's, and of now, unless said."""

    calendar: Calendar = "utc"
    time_zone: str = "UTC"
    as_of: datetime | None = None
    known_at: datetime | None = None
    known_cycle: int | None = None

    @property
    def today(self) -> date:
        """The day that it is, or was at the moment of knowing, in this calendar."""
        at = self.known_at or datetime.now(UTC)
        return at.astimezone(ZoneInfo(self.time_zone)).date()

    def named(self, period: Period) -> Period:
        """Say in a period in which calendar its days are."""
        return period.model_copy(
            update={"calendar": self.calendar, "time_zone": self.time_zone}
        )

    async def ask(
        self, warehouse: Warehouse, answer: type[Answer], /, **parameters: Any
    ) -> list[Answer]:
        """Ask a question about days `since` to `until` of these books."""
        asked = {"calendar": self.calendar, **parameters}
        if self.known_cycle is None:
            return await ask(warehouse, answer, **asked)
        rows = await warehouse.execute(
            cast("Any", _question_as_known(answer)), asked | self._cut(parameters)
        )
        return [answer.model_validate(row) for row in await rows.fetchall()]

    def _cut(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "known_cycle": self.known_cycle,
            "known_at": self.known_at,
            "known_since": _midnight(parameters.get("since", FIRST)) - ANY_ZONE,
            "known_until": _midnight(parameters.get("until", LAST)) + 2 * ANY_ZONE,
        }


FINANCE = Books()


@dataclass(frozen=True)
class AskedBooks:
    """The calendar and the moment of knowing that a request asks for."""

    calendar: Calendar | None
    known_at: datetime | None
    holds_decisions: bool = False

    async def opened(self, warehouse: Warehouse) -> Books:
        """Find them; NotRemembered where nothing is known as of that moment.

        Unsaid, the calendar is the workspace's own, and what is known is known now.
        """
        books = await ask(warehouse, Book, known_at=self.known_at)
        if not books:
            if self.known_at is not None:
                raise NotRemembered
            return Books(as_of=await published_at(warehouse))
        (book,) = books
        as_of = book.published_at
        if self.holds_decisions:
            as_of = max(as_of, await self._decided(warehouse) or as_of)
        reporting = self.calendar != "utc" and book.time_zone != "UTC"
        return Books(
            calendar="reporting" if reporting else "utc",
            time_zone=book.time_zone if reporting else "UTC",
            as_of=as_of,
            known_at=self.known_at,
            known_cycle=book.cycle_id if self.known_at is not None else None,
        )

    async def _decided(self, warehouse: Warehouse) -> datetime | None:
        (decided,) = await ask(warehouse, Decided, known_at=self.known_at)
        floor = decided.remembered_from
        if self.known_at is not None and floor is not None and self.known_at < floor:
            raise NotRemembered
        return decided.decided_at


def known_books(
    known_at: Annotated[Moment | None, Query()] = None,
) -> AskedBooks:
    """Read which books of finance, in UTC, are asked for."""
    return AskedBooks("utc", known_at)


def decided_books(
    known_at: Annotated[Moment | None, Query()] = None,
) -> AskedBooks:
    """Read which books of finance, with what was decided about them, are asked for."""
    return AskedBooks("utc", known_at, holds_decisions=True)


def any_books(
    calendar: Annotated[Calendar | None, Query()] = None,
    known_at: Annotated[Moment | None, Query()] = None,
) -> AskedBooks:
    """Read which books are asked for."""
    return AskedBooks(calendar, known_at)


KnownBooks = Annotated[AskedBooks, Depends(known_books)]
DecidedBooks = Annotated[AskedBooks, Depends(decided_books)]
AnyBooks = Annotated[AskedBooks, Depends(any_books)]


@cache
def _question_as_known(answer: type) -> str:
    return (AS_KNOWN / f"{name_of(answer)}.sql").read_text("utf-8")


def _midnight(day: date | datetime) -> datetime:
    if isinstance(day, datetime):
        return day
    return datetime.combine(day, time(), tzinfo=UTC)
