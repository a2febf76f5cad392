"""Which days a daemon's file holds, and where the calls of some days stand.

SQLite's own index of time tells, without a call being read: it keeps calls in order of
the text of their time, which starts with the day. Where it cannot tell, because there
is no such index or a time starts with no day, every call has to be read.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from api.local import engine, pages
from api.local.asked import Period

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# What an offset in a time moves a call by, and once more a reporting zone.
ASIDE = timedelta(days=2)
MOST_DAYS = 20_000

HAS_INDEX = """
    select 1 from pragma_index_list('requests') as indexes
    inner join pragma_index_info(indexes.name) as columns
    where columns.seqno = 0 and columns.name = 'requested_at' and not indexes.partial
"""
# From the first day on to the next that there is: a step in the index for each.
DAYS = f"""
    with recursive days(day) as (
        select substr(min(requested_at), 1, 10) from requests
        union
        select (
            select substr(min(requested_at), 1, 10) from requests
            where requested_at > day || char(1114111)
        )
        from days where day is not null
    )
    select iif(typeof(day) = 'text', day, '') from days where day is not null
    limit {MOST_DAYS + 1}
"""
UNDATED = "select 1 from requests where requested_at is null limit 1"
COUNT = "select count(*) from requests"
PLACES = """
    select distinct rowid >> {bits} from requests
    where requested_at >= '{since}' and requested_at < '{until}'
"""
TIMES = """
    select requested_at from requests
    where requested_at >= '{since}' and requested_at < '{until}'
"""


@dataclass(frozen=True)
class Extent:
    """What a file holds in all: calls, and their first and last day in UTC."""

    request_count: int
    first_date: date | None
    last_date: date | None


@dataclass(frozen=True)
class Places:
    """Where calls stand, as pieces of `pages.NARROW` rowids."""

    pieces: frozenset[int]

    def meet(self, first: int, last: int) -> bool:
        """Say whether any of them may stand between two rowids, both included."""
        size = pages.NARROW
        return any(
            piece in self.pieces for piece in range(first // size, last // size + 1)
        )


def extent_of(database: "DuckDBPyConnection") -> Extent | None:
    """Say what the file holds; None where its index of time cannot tell."""
    if not _asked(database, HAS_INDEX) or _asked(database, UNDATED):
        return None
    days = [_day(text) for (text,) in _asked(database, DAYS)]
    told = [day for day in days if day]
    if len(told) != len(days) or len(days) > MOST_DAYS:
        return None
    ((count,),) = _asked(database, COUNT)
    if not told:
        return Extent(int(count), None, None)
    first, _ = _edge(database, told[0], _aside(told[0], ASIDE))
    _, last = _edge(database, _aside(told[-1], -ASIDE), _aside(told[-1], ASIDE))
    return Extent(int(count), first, last)


def places_of(database: "DuckDBPyConnection", period: Period) -> Places:
    """Find where the calls of a period may stand, in a file whose index can tell."""
    asked = PLACES.format(
        bits=pages.NARROW.bit_length() - 1,
        since=_aside(period.since, -ASIDE),
        until=_aside(period.until, ASIDE),
    )
    return Places(frozenset(int(piece) for (piece,) in _asked(database, asked)))


def _edge(
    database: "DuckDBPyConnection", since: date, until: date
) -> tuple[date | None, date | None]:
    """Return the first and the last day in UTC of calls whose text lies between."""
    times = engine.quoted(TIMES.format(since=since, until=until))
    found = database.execute(
        "select min(day), max(day) from ("
        " select cast(make_timestamp(epoch_us(moment(requested_at))) as date) as day"
        f" from sqlite_query('daemon', {times}))"
    ).fetchone()
    assert found is not None  # noqa: S101  a sum has one row
    return found


def _aside(day: date, by: timedelta) -> date:
    try:
        return day + by
    except OverflowError:
        return day


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2026-08-31") else None
    except ValueError:
        return None


def _asked(database: "DuckDBPyConnection", sql: str) -> list[tuple[Any, ...]]:
    return database.execute(
        f"from sqlite_query('daemon', {engine.quoted(sql)})"
    ).fetchall()
