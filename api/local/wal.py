"""Whether a SQLite file has changed at all, and which of its pages are in its WAL.

Formats: https://sqlite.org/fileformat2.html and https://sqlite.org/walformat.html.
"""

import mmap
import os
import struct
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FRAME_HEADER, WAL_HEADER, INDEX_HEADER = 24, 32, 48
FILE_HEADER = 100
SETTLED_SECONDS = 2.5  # the coarsest clock that file systems stamp writes with is 2 s


class NotByPages(Exception):
    """A table cannot be followed by its pages; its rows have to be read."""


@dataclass(frozen=True)
class WalIndex:
    """What the index says of the WAL: its salts and its last committed frame."""

    salts: tuple[int, int]
    last_frame: int


def fingerprint(file: Path) -> bytes:
    """Return bytes that differ after any commit to the file, and may differ earlier.

    The WAL's index names the last committed frame and the checksum over all up to it;
    without a WAL it is the file that was written, which its times tell.
    """
    parts = [_stat(file), _head(file, FILE_HEADER)]
    wal, shm = _beside(file, "-wal"), _beside(file, "-shm")
    if head := _head(wal, WAL_HEADER):
        parts += [_stat(wal), head, _head(shm, 2 * INDEX_HEADER)]
    return b"|".join(parts)


def is_settled(file: Path) -> bool:
    """Say whether no later commit can leave the fingerprint as it is now.

    Each writes to the WAL's index. Without a WAL one might leave nothing but a time,
    which a write within the same tick of the clock leaves as it was.
    """
    if _head(_beside(file, "-wal"), WAL_HEADER):
        return len(_head(_beside(file, "-shm"), INDEX_HEADER)) == INDEX_HEADER
    found = file.stat()
    return time.time() - max(found.st_mtime, found.st_ctime) > SETTLED_SECONDS


def wal_index(file: Path) -> WalIndex | None:
    """Read the WAL's index; None where there is no WAL in use."""
    if not _head(_beside(file, "-wal"), WAL_HEADER):
        return None
    shm = _head(_beside(file, "-shm"), 2 * INDEX_HEADER)
    if len(shm) < 2 * INDEX_HEADER or shm[:INDEX_HEADER] != shm[INDEX_HEADER:]:
        raise NotByPages("the WAL's index is missing or being written")
    (last_frame,) = struct.unpack_from("=I", shm, 16)
    if not shm[12]:
        raise NotByPages("the WAL's index is not ready")
    # Salts are kept as they stand in the WAL, byte for byte.
    first, second = struct.unpack_from(">II", shm, 32)
    return WalIndex((first, second), last_frame)


def frames_of(index: WalIndex | None, wal: memoryview, size: int) -> dict[int, int]:
    """Return where in the WAL the last committed image of each page stands."""
    if index is None or not index.last_frame:
        return {}
    length = FRAME_HEADER + size
    if len(wal) < WAL_HEADER + index.last_frame * length:
        raise NotByPages("the WAL is shorter than its index says")
    found: dict[int, int] = {}
    for frame in range(index.last_frame):
        at = WAL_HEADER + frame * length
        page, _, *salts = struct.unpack_from(">IIII", wal, at)
        if tuple(salts) != index.salts:
            raise NotByPages("the WAL was begun anew while it was read")
        found[page] = at + FRAME_HEADER
    return found


@contextmanager
def mapped(file: Path) -> Generator[mmap.mmap | None]:
    """Map a file for reading; None where it is missing or empty."""
    try:
        opened = file.open("rb")
    except FileNotFoundError:
        yield None
        return
    with opened:
        if os.fstat(opened.fileno()).st_size == 0:
            yield None
            return
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as made:
            yield made


def _beside(file: Path, suffix: str) -> Path:
    return file.with_name(f"{file.name}{suffix}")


def _head(file: Path, length: int) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(length)
    except FileNotFoundError:
        return b""


def _stat(file: Path) -> bytes:
    try:
        found = file.stat()
    except FileNotFoundError:
        return b""
    return repr(
        (
            found.st_dev,
            found.st_ino,
            found.st_size,
            found.st_mtime_ns,
            found.st_ctime_ns,
        )
    ).encode()
