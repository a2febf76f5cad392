"""A daemon's file, read as the warehouse reads its own: same models, same questions.

What is asked of it are the files of `sql/questions`, which the cloud asks of Postgres,
and those of `questions/`, about what only a laptop has. Sums are made of what is kept
of the calls (`kept.py`); whatever else is asked for is read from the file itself.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.local import engine
from api.local.asked import Period
from api.local.daemon_file import columns_of, daemon_file, trouble_with
from api.local.days import Extent
from api.local.kept import Kept, a_folder, keep

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PRICED, SUMS = "fct_priced_requests", "fct_usage_days"
BILLS = ("fct_invoice_reconciliations", "fct_adjustments")
# What these ask of calls is not kept, so they read the file.
OF_THE_FILE = {"trace"}
# These ask for bills, which a laptop has none of.
OF_BILLS = {"invoice_reconciliation"}
# As `requests` in sources.sql sees calls.
DAYS = """
    where
        usage_date >= coalesce(day_in('since'), date '-infinity')
        and usage_date <= coalesce(day_in('until'), date 'infinity')
"""
PRICED_OF_THE_PROJECT = """
    from priced_kept
    where getvariable('project') is null or project = getvariable('project')
"""


@dataclass(frozen=True)
class Laptop:
    """An open file. Use it within `opened`."""

    file: Path
    database: "DuckDBPyConnection"
    found: dict[str, list[str]]
    project: str | None = None
    told: Extent | None = None

    def ask(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        """Ask a question by its name; one dictionary per row."""
        if name in OF_BILLS:
            for model in BILLS:
                engine.show(self.database, model, engine.model(model))
        if name not in OF_THE_FILE:
            return self._answer(question(name), parameters)
        self._answer("create or replace temp view calls as from calls_read", {})
        engine.show(self.database, PRICED, engine.model(PRICED))
        try:
            return self.ask_of("true", name, **parameters)
        finally:
            self._answer(engine.kept_as_calls("calls_kept"), {})
            engine.show(self.database, PRICED, PRICED_OF_THE_PROJECT)

    def extent(self) -> Extent:
        """Say what the file holds in all, also of other days than these."""
        return self.told or Extent(**self.ask("extent")[0])

    def ask_of(self, which: str, name: str, **parameters: Any) -> list[dict[str, Any]]:
        """Ask a question of `calls_read`, where SQLite finds a condition to hold."""
        engine.point_at(self.database, self.found, which)
        return self._answer(question(name), parameters)

    def ask_between(
        self, name: str, since: datetime | None, until: datetime | None, **more: Any
    ) -> list[dict[str, Any]]:
        """Ask a question of the sums of calls between two moments.

        Sums of whole days are kept; those of other stretches are made now.
        """
        is_whole = all(at is None or _is_midnight(at) for at in (since, until))
        for variable, at in {"sums_since": since, "sums_until": until}.items():
            day = at.astimezone(UTC).date() if at and is_whole else at
            self._set({variable: day})
        sums = "sums_of_days()" if is_whole else "sums_of_moments()"
        self._answer(f"create or replace temp view call_sums as from {sums}", {})
        return self._answer(question(name), more)

    def stream(self, name: str, at_once: int, **variables: Any) -> Iterator[list[Any]]:
        """Return the columns' names of a question to the whole file, then its rows."""
        self._set(variables)
        engine.point_at(self.database, self.found, "true")
        asked = self.database.execute(question(name))
        yield [column[0] for column in asked.description]
        while rows := asked.fetchmany(at_once):
            yield rows

    def write(self, name: str, to: Path, **variables: Any) -> None:
        """Write the answer of the whole file to a Parquet file."""
        self._set(variables)
        engine.point_at(self.database, self.found, "true")
        file = engine.quoted(to.resolve())
        self._answer(
            f"copy ({question(name)}) to {file} (format parquet, compression zstd)", {}
        )

    def _set(self, variables: dict[str, Any]) -> None:
        for name, value in variables.items():
            self._answer(engine.variable(name, value), {})

    def _answer(self, sql: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        from api.local import duck

        try:
            asked = self.database.execute(engine.with_values(sql, parameters))
            columns = [column[0] for column in asked.description]
            rows = asked.fetchall()
        except duck.Error as failure:
            raise trouble_with(self.file, failure) from failure
        return [dict(zip(columns, row, strict=True)) for row in rows]


@contextmanager
def opened(
    asked: Path | None = None,
    project: str | None = None,
    within: Period | None = None,
    time_zone: str | None = None,
) -> Generator[Laptop]:
    """Open a daemon's file, or one project of it, by its slug.

    With `within`, questions see the calls of those days alone, and little else is read;
    with a time zone there are days of the calendar `reporting` beside those of UTC. A
    Trouble says in one line why it cannot be opened.
    """
    with _connected(asked) as (file, folder, found, database):
        kept = None
        try:
            kept = keep(database, file, folder, found, within)
            for name, value in {
                "project": project,
                "time_zone": time_zone,
                "since": within and within.since,
                "until": within and within.until,
            }.items():
                database.execute(engine.variable(name, value))
            _show(database, kept, has_sums=not (project or time_zone))
            yield Laptop(file, database, found, project, kept.extent)
        finally:
            if kept:
                kept.let_go()


@contextmanager
def opened_to_copy(asked: Path | None, writes_to: Path | None) -> Generator[Laptop]:
    """Open a daemon's file to stream its calls, or write them to another file."""
    with _connected(asked, writes_to) as (file, _, found, database):
        yield Laptop(file, database, found)


@contextmanager
def _connected(
    asked: Path | None, writes_to: Path | None = None
) -> "Generator[tuple[Path, Path, dict[str, list[str]], DuckDBPyConnection]]":
    from api.local import duck

    file = daemon_file(asked)
    found = columns_of(file)
    with (
        a_folder(file) as folder,
        engine.connected(file, folder, writes_to) as database,
    ):
        try:
            engine.prepare(database, found)
            yield file, folder, found, database
        except duck.Error as failure:
            raise trouble_with(file, failure) from failure


def _show(database: "DuckDBPyConnection", kept: Kept, *, has_sums: bool) -> None:
    """Let questions see what is kept, in place of what it was made from.

    Sums are kept of all projects together, and of days in UTC.
    """

    def held(kind: str, made_of: str, which: str = "") -> str:
        files = ", ".join(engine.quoted(file) for file in kept.files(kind))
        return (
            f"from read_parquet([{files}]) {which}" if files else f"{made_of} limit 0"
        )

    calls, priced = (", ".join(columns) for columns in (engine.KEPT, engine.PRICED))
    calls = held("calls", f"select {calls} from calls_read")
    database.execute(f"create temp view calls_kept as {calls}")
    database.execute(engine.kept_as_calls("calls_kept"))
    days = held("call_days", "from call_days")
    database.execute(f"create temp table days_kept as {days}")
    engine.show(database, "call_days", "from days_kept")
    priced = held("priced", f"select {priced} from ({engine.model(PRICED)})", DAYS)
    database.execute(f"create temp view priced_kept as {priced}")
    engine.show(database, PRICED, PRICED_OF_THE_PROJECT)
    sums, shown = engine.model(SUMS), "from usage_days_kept"
    if has_sums:
        sums = held("usage_days", f"from ({sums})", DAYS)
        shown = (engine.HERE / "usage_days.sql").read_text("utf-8")
    database.execute(f"create temp table usage_days_kept as {sums}")
    engine.show(database, SUMS, shown)


def _is_midnight(at: datetime) -> bool:
    return at.astimezone(UTC).timetz() == time(tzinfo=UTC)


@cache
def question(name: str) -> str:
    """Return a question in DuckDB's SQL: a shared one, or one of the laptop's own."""
    shared = engine.SQL / "questions" / f"{name}.sql"
    own = engine.HERE / "questions" / f"{name}.sql"
    return (shared if shared.exists() else own).read_text("utf-8")
