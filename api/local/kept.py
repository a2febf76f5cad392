"""What was read of a daemon's file before, kept in columns, and never stale.

Calls are kept by stretches of rowids. The name of what is kept of one ends with a
digest of the very bytes that SQLite holds of it, of the rates and projects that its
rows meet, and of the SQL that read them: so what is found under a name is right, and
what changed has another name. Nothing is kept of a stretch that cannot be named so.
"""

import hashlib
import json
import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from api.local import days, reading
from api.local.asked import Period
from api.local.days import Extent
from api.local.wal import fingerprint, is_settled

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KNOWN = "known.json"
GRACE_SECONDS = 60  # somebody may still be reading what was replaced


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
        import tempfile

        with tempfile.TemporaryDirectory(prefix="halton-meter-") as made:
            yield Path(made)
        return
    yield folder


@dataclass(frozen=True)
class Kept:
    """Where what is kept of a file's calls stands: one base name per stretch."""

    folder: Path
    names: list[str]
    extent: Extent | None  # of the whole file; None where only its calls can tell

    def files(self, kind: str) -> list[str]:
        """Return the files of one kind."""
        return [str(self.folder / f"{name}.{kind}.parquet") for name in self.names]

    def let_go(self) -> None:
        """Remove what is true of this moment alone."""
        for name in self._passing():
            reading.remove(self.folder, name)

    def may_be_remembered(self) -> bool:
        """Say whether all of it is true of what it was read from for good."""
        return not self._passing()

    def _passing(self) -> list[str]:
        return [name for name in self.names if name.startswith(reading.PASSING)]


def keep(
    database: "DuckDBPyConnection",
    file: Path,
    folder: Path,
    found: reading.Columns,
    within: Period | None,
) -> Kept:
    """Bring what is kept up to what the file holds now, and say where it stands.

    With `within`, of the stretches that may hold calls of those days, and no others.
    """
    before, is_sure = fingerprint(file), is_settled(file)
    if kept := _known(folder, before, within):
        return kept
    extent = days.extent_of(database)
    places = days.places_of(database, within) if extent and within else None
    names = reading.Reader(
        database, file, folder, found, before, is_sure, places
    ).bring_up()
    kept = Kept(folder, names, extent)
    if kept.may_be_remembered():
        if is_sure and fingerprint(file) == before:
            _remember(kept, before, within)
        _tidy(folder, names)
    return kept


def _known(folder: Path, now: bytes, within: Period | None) -> Kept | None:
    """Return what is kept for some days of a file that nobody wrote to since."""
    known = _all_known(folder, now)
    try:
        names, extent = known[_asked(within)]
        kept = Kept(folder, names, extent and Extent(**_dated(extent)))
    except (LookupError, TypeError, ValueError):
        return None
    return kept if all(reading.is_there(folder, name) for name in names) else None


def _all_known(folder: Path, now: bytes) -> dict[str, Any]:
    """Return what is known of a file, by the days that were asked for."""
    try:
        known = json.loads((folder / KNOWN).read_text("utf-8"))
        return known["asked"] if known["of"] == _told(now) else {}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def _remember(kept: Kept, then: bytes, within: Period | None) -> None:
    known = _all_known(kept.folder, then)
    known[_asked(within)] = (kept.names, kept.extent and asdict(kept.extent))
    written = kept.folder / f"{KNOWN}.{uuid4().hex}"
    content = {"of": _told(then), "asked": known}
    written.write_text(json.dumps(content, default=str), "utf-8")
    written.rename(kept.folder / KNOWN)


def _asked(within: Period | None) -> str:
    return f"{within.since}/{within.until}" if within else "all"


def _dated(extent: dict[str, Any]) -> dict[str, Any]:
    return extent | {
        name: day and date.fromisoformat(day)
        for name, day in extent.items()
        if name.endswith("_date")
    }


def _told(fingerprint_then: bytes) -> str:
    return hashlib.sha256(fingerprint_then + reading.sql().encode()).hexdigest()


def _tidy(folder: Path, names: list[str]) -> None:
    """Remove what was replaced, once nobody can be reading it any more.

    That is whatever stands for rowids that one of the names stands for as well, and
    whatever stands for none. What is replaced now is marked by a time of access that
    is none.
    """
    now, standing = time.time(), [reading.rowids(name) for name in names]
    for file in folder.iterdir():
        name = file.name.split(".")[0]
        if name in names or file.name == KNOWN or file.is_dir():
            continue
        rowids = reading.rowids(name)
        if rowids and not any(
            each and rowids[0] <= each[1] and each[0] <= rowids[1] for each in standing
        ):
            continue
        with suppress(FileNotFoundError):
            found = file.stat()
            if found.st_atime != 0:
                os.utime(file, (0, now))
            elif now - found.st_mtime > GRACE_SECONDS:
                file.unlink()
