"""Whether a SQLite file has changed at all, and which of its pages are in its WAL.

Files are opened once and kept open: POSIX drops every lock that a process has on a
file when it closes any descriptor of it, and with them those of DuckDB's SQLite. They
are read, not mapped: whoever cuts a mapped file short ends the process that reads it.

Formats: https://sqlite.org/fileformat2.html and https://sqlite.org/walformat.html.
"""

import os
import struct
import time
from dataclasses import dataclass
from pathlib import Path

FRAME_HEADER, WAL_HEADER, INDEX_HEADER = 24, 32, 48
FILE_HEADER = 100
MOST_OPEN = 24
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
    return state_at_rest(file) is not None


def state_at_rest(file: Path) -> bytes | None:
    """Return what any later write to the file itself changes; None if just written.

    What a WAL holds is not in the file itself.
    """
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    is_old = time.time() - max(found.st_mtime, found.st_ctime) > SETTLED_SECONDS
    return _stat(file) if is_old else None


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


def frames_of(index: WalIndex | None, wal: "Bytes | None", size: int) -> dict[int, int]:
    """Return where in the WAL the last committed image of each page stands."""
    if index is None or wal is None or not index.last_frame:
        return {}
    length = FRAME_HEADER + size
    found: dict[int, int] = {}
    for frame in range(index.last_frame):
        at = WAL_HEADER + frame * length
        page, _, *salts = struct.unpack(">IIII", wal.read(16, at))
        if tuple(salts) != index.salts:
            raise NotByPages("the WAL was begun anew while it was read")
        found[page] = at + FRAME_HEADER
    return found


class Bytes:
    """The bytes of a file that stays open."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, length: int, at: int) -> bytes:
        """Return so many bytes; NotByPages where the file ends before."""
        content = self.head(length, at)
        if len(content) != length:
            raise NotByPages("the file is shorter than it was a moment ago")
        return content

    def head(self, length: int, at: int = 0) -> bytes:
        """Return so many bytes, or as many as there are."""
        if hasattr(os, "pread"):
            return os.pread(self._descriptor, length, at)
        os.lseek(self._descriptor, at, os.SEEK_SET)
        return os.read(self._descriptor, length)


_open: dict[Path, int] = {}


def bytes_of(file: Path) -> Bytes | None:
    """Return the bytes of a file; None where there is no such file."""
    try:
        now = file.stat()
        held = _open.get(file)
        if held is None or not os.path.samestat(os.fstat(held), now):
            _open[file] = os.open(file, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            if held is not None:
                os.close(held)  # of a file that was replaced
    except FileNotFoundError:
        return None
    while len(_open) > MOST_OPEN:
        os.close(_open.pop(next(iter(_open))))
    return Bytes(_open[file])


def _beside(file: Path, suffix: str) -> Path:
    return file.with_name(f"{file.name}{suffix}")


def _head(file: Path, length: int) -> bytes:
    content = bytes_of(file)
    return content.head(length) if content else b""


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
