"""What was read of a daemon's file before, kept in columns, and never stale.

Calls are kept by stretches of rowids. The name of what is kept of one is a digest of
the very bytes that SQLite holds of it, of the rates and projects that its rows meet,
and of the SQL that read them: so what is found under a name is right, and what changed
has another name. Nothing is kept of a stretch that cannot be named so.
"""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from api.local import engine, pages
from api.local.wal import NotByPages, fingerprint, is_settled

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# What is kept of a stretch, and the relation that it is.
KINDS = {"calls": "stretch", "call_days": "call_days", "usage_days": "fct_usage_days"}
KNOWN, PASSING = "known.json", "passing-"
ATTEMPTS = 3
GRACE_SECONDS = 60  # somebody may still be reading what was replaced
Columns = dict[str, list[str]]


def folder_of(file: Path) -> Path:
    """Return the folder for what is kept of a file: nobody else's to read."""
    root = os.environ.get("HMC_CACHE_DIR")
    if root is None:
        base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
        root = Path(base, "halton-meter")
    name = hashlib.sha256(os.fsencode(file)).hexdigest()[:16]
    return Path(root, name)


@contextmanager
def a_folder(file: Path) -> Generator[Path]:
    """Make the folder; where that is not allowed, one that is gone afterwards."""
    folder = folder_of(file)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / f"probe-{uuid4().hex}"
        probe.touch()
        probe.unlink()
    except OSError:
        with tempfile.TemporaryDirectory(prefix="halton-meter-") as made:
            yield Path(made)
        return
    yield folder


@dataclass(frozen=True)
class Kept:
    """Where what is kept of a file's calls stands: one base name per stretch."""

    folder: Path
    names: list[str]
    passing: list[str]  # of those, what is true of this moment alone

    def files(self, kind: str) -> list[str]:
        """Return the files of one kind."""
        return [str(self.folder / f"{name}.{kind}.parquet") for name in self.names]

    def let_go(self) -> None:
        """Remove what is true of this moment alone."""
        for name in self.passing:
            _remove(self.folder, name)


def keep(
    database: "DuckDBPyConnection", file: Path, folder: Path, found: Columns
) -> Kept:
    """Bring what is kept up to what the file holds now, and say where it stands."""
    before, is_sure = fingerprint(file), is_settled(file)
    if names := _known(folder, before):
        return Kept(folder, names, [])
    meaning = _meaning(database, found)
    reader = _Reader(database, file, folder, found, meaning, before, is_sure)
    names = reader.bring_up()
    passing = [name for name in names if name.startswith(PASSING)]
    if not passing:
        if is_sure and fingerprint(file) == before:
            _remember(folder, before, names)
        _tidy(folder, names)
    return Kept(folder, names, passing)


@dataclass(frozen=True)
class _Reader:
    """Reads stretches of calls, two at a time: SQLite reads each with one thread."""

    database: "DuckDBPyConnection"
    file: Path
    folder: Path
    found: Columns
    meaning: str
    before: bytes
    is_settled: bool

    def bring_up(self) -> list[str]:
        """Return the names of all stretches, each of them kept by then."""
        root = engine.root_page(self.database)
        for _ in range(ATTEMPTS):
            with suppress(NotByPages):
                stretches = pages.stretches_of(self.file, root)
                made = self._in_parallel(
                    lambda cursor, stretch: self._kept(cursor, root, stretch),
                    [each for each in stretches if not self._is_there(each)],
                )
                return [made.get(each) or self._name(each) for each in stretches]
        whole = [pages.Stretch(1 - 2**63, 2**63 - 1, "")]
        return list(self._in_parallel(self._passing, whole).values())

    def _kept(
        self, cursor: "DuckDBPyConnection", root: int, stretch: pages.Stretch
    ) -> str:
        # Rows are read after their bytes: if those have changed by then, once more.
        for _ in range(ATTEMPTS):
            written = self._write(cursor, stretch)
            if self.is_settled and fingerprint(self.file) == self.before:
                now = stretch
            else:
                now = pages.digested(self.file, root, stretch)
            if now == stretch and not pages.has_overflow(self.file, root, stretch):
                return self._place(written, self._name(stretch))
            _remove(self.folder, written)
            if now == stretch:
                break
            stretch = now
        return self._passing(cursor, stretch)

    def _passing(self, cursor: "DuckDBPyConnection", stretch: pages.Stretch) -> str:
        """Read a stretch for this moment alone."""
        written = self._write(cursor, stretch)
        return self._place(written, f"{PASSING}{written}")

    def _write(self, cursor: "DuckDBPyConnection", stretch: pages.Stretch) -> str:
        """Read a stretch, sum it up by the models, and write all of it under a name."""
        where = f"rowid between {stretch.first} and {stretch.last}"
        engine.point_at(cursor, self.found, where, engine.KEPT_FROM)
        cursor.execute(
            "create or replace temp table stretch as"
            f" select {', '.join(engine.KEPT)} from calls_read"
        )
        cursor.execute(engine.kept_as_calls("stretch"))
        written = uuid4().hex
        for kind, rows in KINDS.items():
            file = engine.quoted(self.folder / f"{written}.{kind}.parquet")
            cursor.execute(
                f"copy (from {rows}) to {file} (format parquet, compression snappy)"
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
        crew = [self.database]
        crew += [self.database.cursor() for _ in stretches[1 : engine.THREADS]]
        for cursor in crew[1:]:
            engine.prepare(cursor, self.found)
        free = list(crew)

        def one(stretch: pages.Stretch) -> tuple[pages.Stretch, str]:
            cursor = free.pop()
            try:
                return stretch, work(cursor, stretch)
            finally:
                free.append(cursor)

        try:
            with ThreadPoolExecutor(engine.THREADS) as threads:
                return dict(threads.map(one, stretches))
        finally:
            for cursor in crew[1:]:
                cursor.close()

    def _is_there(self, stretch: pages.Stretch) -> bool:
        return _is_there(self.folder, self._name(stretch))

    def _name(self, stretch: pages.Stretch) -> str:
        told = f"{self.meaning} {stretch.first} {stretch.last} {stretch.digest}"
        return hashlib.sha256(told.encode()).hexdigest()[:40]


def _meaning(database: "DuckDBPyConnection", found: Columns) -> str:
    """Digest what the rows of a stretch meet: projects, rates, columns, SQL."""
    projects = database.execute(
        "select id, slug from daemon_projects order by id, slug"
    ).fetchall()
    rates = database.execute(
        "select * exclude (source, source_version) from pricing_rates order by rate_id"
    ).fetchall()
    told = repr((projects, rates, sorted(found["requests"]), _sql()))
    return hashlib.sha256(told.encode()).hexdigest()


@cache
def _sql() -> str:
    import duckdb

    texts = [engine.models_as_views(), (engine.HERE / "sources.sql").read_text("utf-8")]
    return repr((duckdb.__version__, engine.KEPT, engine.KEPT_FROM, texts))


def _is_there(folder: Path, name: str) -> bool:
    return all((folder / f"{name}.{kind}.parquet").exists() for kind in KINDS)


def _remove(folder: Path, name: str) -> None:
    for kind in KINDS:
        (folder / f"{name}.{kind}.parquet").unlink(missing_ok=True)


def _known(folder: Path, fingerprint_now: bytes) -> list[str] | None:
    """Return the names of a file that nobody has written to since they were made."""
    try:
        known = json.loads((folder / KNOWN).read_text("utf-8"))
        is_same = known["of"] == _told(fingerprint_now)
        names: list[str] = known["names"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    there = is_same and all(_is_there(folder, name) for name in names)
    return names if there else None


def _remember(folder: Path, fingerprint_then: bytes, names: list[str]) -> None:
    written = folder / f"{KNOWN}.{uuid4().hex}"
    written.write_text(
        json.dumps({"of": _told(fingerprint_then), "names": names}), "utf-8"
    )
    written.rename(folder / KNOWN)


def _told(fingerprint_then: bytes) -> str:
    return hashlib.sha256(fingerprint_then + _sql().encode()).hexdigest()


def _tidy(folder: Path, names: list[str]) -> None:
    """Remove what was replaced, once nobody can be reading it any more.

    What is replaced now is marked by a time of access that is none.
    """
    now = time.time()
    for file in folder.iterdir():
        if file.name == KNOWN or file.name.split(".")[0] in names or file.is_dir():
            continue
        with suppress(FileNotFoundError):
            found = file.stat()
            if found.st_atime != 0:
                os.utime(file, (0, now))
            elif now - found.st_mtime > GRACE_SECONDS:
                file.unlink()
