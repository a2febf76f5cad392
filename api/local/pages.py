"""Which rows of a SQLite table may have changed, without reading its rows.

SQLite keeps a table's rows in leaf pages, in order of rowid, under a tree of pages that
say which leaf ends where. A row whose leaf stands in the same place of the tree with
the same bytes is the same row. So a checksum per leaf says what changed between two
moments: the rowids of those leaves that are not in both. Pages that a writer has
committed and not yet brought home are read from the WAL beside the file.

Formats: https://sqlite.org/fileformat2.html and https://sqlite.org/walformat.html.
"""

import mmap
import os
import sqlite3
import struct
from array import array
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

INTERIOR, LEAF = 0x05, 0x0D
FRAME_HEADER, WAL_HEADER, INDEX_HEADER = 24, 32, 48
BEYOND = 2**63 - 1  # no rowid is greater
WAL_MAGIC = {0x377F0682, 0x377F0683}


class NotByPages(Exception):
    """The table cannot be followed by its pages; its rows have to be read."""


@dataclass(frozen=True)
class Leaves:
    """The leaves of a table in order of rowid: checksum, and last rowid it may hold.

    A page's bytes may hold more than rows (free space keeps what was there), so two
    leaves that differ may hold the same rows; two that are equal do.
    """

    marks: "array[int]"
    last_rowids: "array[int]"

    def to_bytes(self) -> tuple[bytes, bytes]:
        """Return what `from_bytes` makes the same leaves of, on the same machine."""
        return self.marks.tobytes(), self.last_rowids.tobytes()

    @staticmethod
    def from_bytes(marks: bytes, last_rowids: bytes) -> "Leaves":
        """Make leaves of what `to_bytes` returned."""
        leaves = Leaves(array("I"), array("q"))
        leaves.marks.frombytes(marks)
        leaves.last_rowids.frombytes(last_rowids)
        return leaves


@dataclass(frozen=True)
class Rowids:
    """A stretch of rowids, both ends included."""

    first: int
    last: int


def changed_rowids(before: Leaves, after: Leaves) -> list[Rowids]:
    """Return the stretches in which any row may have come, gone or changed."""
    alike = _alike_from_the_start(before.last_rowids, after.last_rowids)
    stretches = [
        _span(before, at) for at in range(alike) if before.marks[at] != after.marks[at]
    ]
    held = {(_span(before, at), before.marks[at]) for at in _from(alike, before)}
    holds = {(_span(after, at), after.marks[at]) for at in _from(alike, after)}
    stretches += sorted(span for span, _ in held.symmetric_difference(holds))
    merged: list[Rowids] = []
    for first, last in stretches:
        if merged and first <= merged[-1].last + 1:
            merged[-1] = Rowids(merged[-1].first, max(merged[-1].last, last))
        else:
            merged.append(Rowids(first, last))
    return merged


def _alike_from_the_start(some: "array[int]", others: "array[int]") -> int:
    """Return how many leaves end where the other table's do, from the first on."""
    low, high = 0, min(len(some), len(others))
    while low < high:
        middle = (low + high + 1) // 2
        if some[low:middle] == others[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _from(at: int, leaves: Leaves) -> range:
    return range(at, len(leaves.marks))


def _span(leaves: Leaves, at: int) -> tuple[int, int]:
    first = leaves.last_rowids[at - 1] + 1 if at else -BEYOND - 1
    return first, leaves.last_rowids[at]


def fingerprint(file: Path) -> bytes:
    """Return bytes that differ after any commit to the file, and may differ earlier.

    The WAL's index names the last committed frame and the checksum over all up to it;
    without a WAL it is the file that was written, which its times tell.
    """
    parts = [_stat(file), _head(file, 100)]
    for beside, length in (("-wal", WAL_HEADER), ("-shm", INDEX_HEADER)):
        other = file.with_name(file.name + beside)
        parts.append(_head(other, length))
        if beside == "-wal":
            parts.append(_stat(other))
    return b"|".join(parts)


def leaves_of(file: Path, snapshot: sqlite3.Connection, table: str) -> Leaves:
    """Read the leaves of a table as `snapshot`, which is in a transaction, sees it.

    Raises NotByPages where rows are kept otherwise, or a writer was too quick.
    """
    root = _root(snapshot, table)
    with _pages(file) as pages:
        numbers, last_rowids = pages.leaves_below(root)
        leaves = Leaves(array("I", pages.marks(numbers)), array("q", last_rowids))
        pages.refuse_if_restarted()
    return leaves


def _root(snapshot: sqlite3.Connection, table: str) -> int:
    found = snapshot.execute(
        "select rootpage, sql from sqlite_schema where type = 'table' and name = ?",
        [table],
    ).fetchone()
    if not found or not found[0]:
        raise NotByPages(f"{table} is no table of its own")
    return found[0]


class _Pages:
    """The pages of one committed state: those in the WAL, and the file's own."""

    def __init__(self, file: Path, main: mmap.mmap, wal: bytes | mmap.mmap) -> None:
        self._file, self._main, self._wal = file, memoryview(main), memoryview(wal)
        (size,) = struct.unpack_from(">H", main, 16)
        self.size = 65_536 if size == 1 else size
        self._index = _wal_index(file)
        self._in_wal = self._read_wal()

    def marks(self, numbers: list[int]) -> list[int]:
        """Return the checksums of pages."""
        # A table of a million rows has some hundred thousand leaves: hence one loop.
        main, size, in_wal = self._main, self.size, self._in_wal
        if numbers and max(numbers) * size > len(main):
            return [crc32(self._bytes(number)) for number in numbers]
        return [
            crc32(self._bytes(number))
            if number in in_wal
            else crc32(main[number * size - size : number * size])
            for number in numbers
        ]

    def leaves_below(self, root: int) -> tuple[list[int], list[int]]:
        """Return a table's leaves in order, and the last rowid that each may hold.

        Leaves are all at one depth, as in every B-tree.
        """
        level, last_rowids = [root], [BEYOND]
        while (kind := self._kind(level[0])) == INTERIOR:
            numbers: list[int] = []
            bounds: list[int] = []
            for number, last in zip(level, last_rowids, strict=True):
                self._add_children(number, last, numbers, bounds)
            level, last_rowids = numbers, bounds
        if kind != LEAF:
            raise NotByPages("rows are not kept by rowid")
        return level, last_rowids

    def _kind(self, number: int) -> int:
        return self._bytes(number)[_header_at(number)]

    def _add_children(
        self, number: int, last: int, numbers: list[int], bounds: list[int]
    ) -> None:
        content, at = bytes(self._bytes(number)), _header_at(number)
        if content[at] != INTERIOR:
            raise NotByPages("the tree is not what it was a moment ago")
        (count,) = struct.unpack_from(">H", content, at + 3)
        for cell in struct.unpack_from(f">{count}H", content, at + 12):
            numbers.append(int.from_bytes(content[cell : cell + 4], "big"))
            bounds.append(_varint(content, cell + 4))
        numbers.append(int.from_bytes(content[at + 8 : at + 12], "big"))
        bounds.append(last)

    def refuse_if_restarted(self) -> None:
        """Raise NotByPages if the WAL was begun anew, over frames that were read.

        Frames added after those that were read do no harm.
        """
        before, now = self._index, _wal_index(self._file)
        if (before is None) != (now is None) or (
            before and now and before.salts != now.salts
        ):
            raise NotByPages("the WAL was begun anew while it was read")

    def close(self) -> None:
        """Let go of the files."""
        self._main.release()
        self._wal.release()

    def _bytes(self, number: int) -> memoryview:
        at = self._in_wal.get(number)
        source, start = (
            (self._main, (number - 1) * self.size) if at is None else (self._wal, at)
        )
        content = source[start : start + self.size]
        if number < 1 or len(content) != self.size:
            raise NotByPages(f"page {number} lies beyond the file")
        return content

    def _read_wal(self) -> dict[int, int]:
        """Return where in the WAL the last committed image of each page stands."""
        if self._index is None or not self._index.last_frame:
            return {}
        length = FRAME_HEADER + self.size
        if len(self._wal) < WAL_HEADER + self._index.last_frame * length:
            raise NotByPages("the WAL is shorter than its index says")
        found: dict[int, int] = {}
        for frame in range(self._index.last_frame):
            at = WAL_HEADER + frame * length
            page, _, *salts = struct.unpack_from(">IIII", self._wal, at)
            if tuple(salts) != self._index.salts:
                raise NotByPages("the WAL was begun anew while it was read")
            found[page] = at + FRAME_HEADER
        return found


@dataclass(frozen=True)
class _WalIndex:
    """What the index says of the WAL: its salts and its last committed frame."""

    salts: tuple[int, int]
    last_frame: int


def _wal_index(file: Path) -> _WalIndex | None:
    """Read the index; None where there is no WAL in use."""
    wal = _head(file.with_name(f"{file.name}-wal"), WAL_HEADER)
    if not wal:
        return None
    shm = _head(file.with_name(f"{file.name}-shm"), 2 * INDEX_HEADER)
    if len(shm) < 2 * INDEX_HEADER or shm[:INDEX_HEADER] != shm[INDEX_HEADER:]:
        raise NotByPages("the WAL's index is missing or being written")
    (last_frame,) = struct.unpack_from("=I", shm, 16)
    if not shm[12]:
        raise NotByPages("the WAL's index is not ready")
    # Salts are kept as they stand in the WAL, byte for byte.
    first, second = struct.unpack_from(">II", shm, 32)
    return _WalIndex((first, second), last_frame)


@contextmanager
def _pages(file: Path) -> Generator[_Pages]:
    with _mapped(file) as main:
        if main is None:
            raise NotByPages("the file is empty")
        with _mapped(file.with_name(f"{file.name}-wal")) as wal:
            pages = _Pages(file, main, wal or b"")
            try:
                yield pages
            finally:
                pages.close()


@contextmanager
def _mapped(file: Path) -> Generator[mmap.mmap | None]:
    try:
        opened = file.open("rb")
    except FileNotFoundError:
        yield None
        return
    with opened:
        if os.fstat(opened.fileno()).st_size == 0:
            yield None
            return
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped


def _header_at(number: int) -> int:
    return 100 if number == 1 else 0  # the first page starts with the file's own


def _varint(content: bytes, at: int) -> int:
    value = 0
    for position in range(8):
        byte = content[at + position]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004  the last byte of it
            return value
    value = value << 8 | content[at + 8]
    return value - 2**64 if value >= 2**63 else value


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
