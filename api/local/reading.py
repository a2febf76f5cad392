"""Reads stretches of a daemon's calls into columns: typed, priced and summed up.

Two at a time, because DuckDB reads a stretch of a SQLite file with one thread. Rows
are read after their bytes were digested; if those have changed by then, once more.
"""

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from api.local import engine, pages
from api.local.days import Places
from api.local.wal import NotByPages, fingerprint

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# What is kept of a stretch, and the rows that it is.
KINDS = {
    "calls": "from stretch",
    "call_days": "from call_days",
    "priced": "from priced",
    "usage_days": engine.model("fct_usage_days"),
}
PASSING = "passing-"
NAME = re.compile(r"(-?\d+)_(-?\d+)_[0-9a-f]+")
ATTEMPTS = 3
WORTH_A_SECOND = 100_000  # rowids for which to prepare a second connection
EVERYTHING = pages.Stretch(1 - 2**63, 2**63 - 1, "")
Columns = dict[str, list[str]]


@dataclass(frozen=True)
class Reader:
    """Reads what is not kept yet of a file, or of the places that are wanted of it."""

    database: "DuckDBPyConnection"
    file: Path
    folder: Path
    found: Columns
    before: bytes
    is_settled: bool
    places: Places | None

    def bring_up(self) -> list[str]:
        """Return the names of all stretches, each of them kept by then."""
        root = engine.root_page(self.database)
        for _ in range(ATTEMPTS):
            with suppress(NotByPages):
                stretches = pages.stretches_of(self.file, root, self._wants)
                made = self._in_parallel(
                    lambda cursor, stretch: self._kept(cursor, root, stretch),
                    [
                        each
                        for each in stretches
                        if not is_there(self.folder, self._name(each))
                    ],
                )
                return [made.get(each) or self._name(each) for each in stretches]
        return list(self._in_parallel(self._passing, [EVERYTHING]).values())

    def _wants(self, first: int, last: int) -> bool:
        return self.places is None or self.places.meet(first, last)

    def _kept(
        self, cursor: "DuckDBPyConnection", root: int, stretch: pages.Stretch
    ) -> str:
        for _ in range(ATTEMPTS):
            written = self._write(cursor, stretch)
            if self.is_settled and fingerprint(self.file) == self.before:
                now = stretch
            else:
                now = pages.digested(self.file, root, stretch)
            if now == stretch and not pages.has_overflow(self.file, root, stretch):
                return self._place(written, self._name(stretch))
            remove(self.folder, written)
            if now == stretch:
                break
            stretch = now
        return self._passing(cursor, stretch)

    def _passing(self, cursor: "DuckDBPyConnection", stretch: pages.Stretch) -> str:
        """Read a stretch for this moment alone."""
        written = self._write(cursor, stretch)
        return self._place(written, f"{PASSING}{written}")

    def _write(self, cursor: "DuckDBPyConnection", stretch: pages.Stretch) -> str:
        """Read a stretch, price it, sum it up, and write all of it under a name."""
        where = f"rowid between {stretch.first} and {stretch.last}"
        engine.point_at(cursor, self.found, where, engine.KEPT_FROM)
        engine.hold(cursor, "stretch", engine.KEPT, "calls_read")
        cursor.execute(engine.kept_as_calls("stretch"))
        engine.hold_priced(cursor)
        written = uuid4().hex
        for kind, rows in KINDS.items():
            file = engine.quoted(self.folder / f"{written}.{kind}.parquet")
            cursor.execute(
                f"copy ({rows}) to {file} (format parquet, compression snappy)"
            )
        return written

    def _place(self, written: str, name: str) -> str:
        for kind in KINDS:
            file = self.folder / f"{written}.{kind}.parquet"
            file.replace(self.folder / f"{name}.{kind}.parquet")
        return name

    def _in_parallel(
        self,
        work: Callable[["DuckDBPyConnection", pages.Stretch], str],
        stretches: list[pages.Stretch],
    ) -> dict[pages.Stretch, str]:
        if sum(each.last - each.first for each in stretches) < WORTH_A_SECOND:
            return {each: work(self.database, each) for each in stretches}
        from concurrent.futures import ThreadPoolExecutor

        with self.database.cursor() as second, ThreadPoolExecutor(2) as threads:
            engine.prepare(second, self.found)
            free = [self.database, second]

            def one(stretch: pages.Stretch) -> tuple[pages.Stretch, str]:
                cursor = free.pop()
                try:
                    return stretch, work(cursor, stretch)
                finally:
                    free.append(cursor)

            return dict(threads.map(one, stretches))

    def _name(self, stretch: pages.Stretch) -> str:
        told = f"{self._meaning} {stretch.first} {stretch.last} {stretch.digest}"
        digest = hashlib.sha256(told.encode()).hexdigest()[:40]
        return f"{stretch.first}_{stretch.last}_{digest}"

    @cached_property
    def _meaning(self) -> str:
        """Digest what the rows of a stretch meet: projects, rates, columns, SQL."""
        projects = self.database.execute(
            "select id, slug from daemon_projects order by id, slug"
        ).fetchall()
        rates = self.database.execute(
            "select * exclude (source, source_version) from pricing_rates"
            " order by rate_id"
        ).fetchall()
        told = repr((projects, rates, sorted(self.found["requests"]), sql()))
        return hashlib.sha256(told.encode()).hexdigest()


@cache
def sql() -> str:
    """Return all that makes what is kept out of what a file holds."""
    from api.local import duck

    texts = [(engine.HERE / "sources.sql").read_text("utf-8"), engine.models_as_views()]
    texts += [engine.model("fct_priced_requests"), *KINDS.values()]
    columns = (engine.KEPT, engine.KEPT_FROM, engine.PRICED)
    return repr((duck.__version__, columns, texts))


def rowids(name: str) -> tuple[int, int] | None:
    """Return the first and last rowid that a name stands for."""
    match = NAME.fullmatch(name)
    return (int(match[1]), int(match[2])) if match else None


def is_there(folder: Path, name: str) -> bool:
    """Say whether all that is kept of a stretch is there."""
    return all((folder / f"{name}.{kind}.parquet").exists() for kind in KINDS)


def remove(folder: Path, name: str) -> None:
    """Remove what is kept of a stretch."""
    for kind in KINDS:
        (folder / f"{name}.{kind}.parquet").unlink(missing_ok=True)
