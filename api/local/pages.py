"""What a stretch of a SQLite table holds, known without reading its rows.

SQLite keeps a table's rows in leaf pages, in order of rowid, under a tree of pages that
say which leaf ends where. As long as the leaves of a stretch of rowids hold the same
bytes, it holds the same rows; so a digest of those bytes names what the stretch holds.
Pages that a writer has committed and not yet brought home are read from the WAL.

Formats: https://sqlite.org/fileformat2.html and https://sqlite.org/walformat.html.
"""

import hashlib
import struct
from array import array
from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from api.local.wal import (
    Bytes,
    NotByPages,
    bytes_of,
    frames_of,
    state_at_rest,
    wal_index,
)

INTERIOR, LEAF = 0x05, 0x0D
FURTHEST = 2**63 - 1  # no rowid is greater
WIDE, NARROW = 1 << 16, 1 << 14  # rowids to a stretch; the newest rows are cut finer
MOST_AT_ONCE = 64  # pages


@dataclass(frozen=True)
class Stretch:
    """A stretch of rowids, both ends included, and a digest of what it holds."""

    first: int
    last: int
    digest: str


def stretches_of(
    file: Path, root: int, is_wanted: Callable[[int, int], bool]
) -> list[Stretch]:
    """Cut the table whose tree starts at a page into stretches; return those wanted.

    They are wanted or not by their first and last rowid. Raises NotByPages where rows
    are kept otherwise, or a writer was too quick.
    """
    with _pages(file) as pages:
        leaves = pages.leaves_below(root, -FURTHEST - 1, FURTHEST)
        if (extent := pages.extent(leaves)) is None:
            return []
        found = [
            Stretch(first, last, pages.digest(leaves.between(first, last)))
            for first, last in _cut(*extent, most=len(leaves.numbers) + 8)
            if is_wanted(first, last)
        ]
        pages.refuse_if_restarted()
    return found


def digested(file: Path, root: int, stretch: Stretch) -> Stretch:
    """Return a stretch as it is now."""
    with _pages(file) as pages:
        leaves = pages.leaves_below(root, stretch.first, stretch.last)
        digest = pages.digest(leaves.between(stretch.first, stretch.last))
        pages.refuse_if_restarted()
    return Stretch(stretch.first, stretch.last, digest)


def has_overflow(file: Path, root: int, stretch: Stretch) -> bool:
    """Say whether any row of a stretch reaches beyond its leaf, and may change there.

    The digest of the stretch says nothing of such a change.
    """
    with _pages(file) as pages:
        leaves = pages.leaves_below(root, stretch.first, stretch.last)
        numbers = leaves.between(stretch.first, stretch.last)
        found = any(map(pages.has_overflow, numbers))
        pages.refuse_if_restarted()
    return found


def _cut(low: int, high: int, *, most: int) -> Iterator[tuple[int, int]]:
    """Cut a span at the same rowids however far it reaches, the last piece finer."""
    tail = high - high % WIDE
    if (high - low) // WIDE > most:
        raise NotByPages("rowids lie too far apart")
    for first in range(low - low % WIDE, tail, WIDE):
        yield first, first + WIDE - 1
    for first in range(tail, high + 1, NARROW):
        yield first, first + NARROW - 1


# Of each file, its state when nobody was writing to it, and the digests of then.
_digests: dict[Path, tuple[bytes, dict[bytes, str]]] = {}


@dataclass(frozen=True)
class _Leaves:
    """Leaves in order of rowid, and the last rowid that each may hold."""

    numbers: list[int]
    bounds: list[int]

    def between(self, first: int, last: int) -> list[int]:
        """Return the leaves that may hold a row of a stretch."""
        start = bisect_left(self.bounds, first)
        return self.numbers[start : bisect_left(self.bounds, last) + 1]


class _Pages:
    """The pages of one committed state: those in the WAL, and the file's own."""

    def __init__(self, file: Path, main: Bytes, wal: Bytes | None) -> None:
        self._file, self._main, self._wal = file, main, wal
        head = main.read(100, 0)
        (size,) = struct.unpack_from(">H", head, 16)
        self._size = 65_536 if size == 1 else size
        self._most_local = self._size - head[20] - 35  # 20: reserved of each page
        self._index = wal_index(file)
        self._in_wal = frames_of(self._index, wal, self._size)
        self._at_rest = state_at_rest(file)

    def leaves_below(self, root: int, first: int, last: int) -> _Leaves:
        """Find a table's leaves that may hold rows of a stretch.

        Leaves are all at one depth, as in every B-tree.
        """
        level = _Leaves([root], [FURTHEST])
        while (kind := self._kind(level.numbers[0])) == INTERIOR:
            below = _Leaves([], [])
            for number, bound in zip(level.numbers, level.bounds, strict=True):
                self._add_children(number, bound, below)
            start = bisect_left(below.bounds, first)
            end = bisect_left(below.bounds, last) + 1
            level = _Leaves(below.numbers[start:end], below.bounds[start:end])
        if kind != LEAF:
            raise NotByPages("rows are not kept by rowid")
        return level

    def extent(self, leaves: _Leaves) -> tuple[int, int] | None:
        """Return the first and the last rowid there are; None without a row."""
        ends: list[int] = []
        for number, at in ((leaves.numbers[0], 0), (leaves.numbers[-1], -1)):
            content, cells = self._cells(number)
            if not cells:
                return None
            _, payload_end = _varint(content, cells[at])
            rowid, _ = _varint(content, payload_end)
            ends.append(rowid - 2**64 if rowid > FURTHEST else rowid)
        return ends[0], ends[1]

    def digest(self, numbers: Sequence[int]) -> str:
        """Return the digest of pages.

        Those of the file itself are not read again while nobody has written to it.
        """
        if self._at_rest is None or not self._in_wal.keys().isdisjoint(numbers):
            return self._digest(numbers)
        state, known = _digests.get(self._file, (b"", {}))
        if state != self._at_rest:
            known = dict[bytes, str]()
            _digests[self._file] = (self._at_rest, known)
        name = hashlib.sha256(array("q", numbers)).digest()
        if name not in known:
            digest = self._digest(numbers)
            if state_at_rest(self._file) != self._at_rest:
                return digest
            known[name] = digest
        return known[name]

    def _digest(self, numbers: Sequence[int]) -> str:
        """Digest pages; neighbours in the file are read together."""
        made = hashlib.sha256()
        first = after = 0
        for number in numbers:
            is_in_wal = number in self._in_wal
            if number == after and after - first < MOST_AT_ONCE and not is_in_wal:
                after += 1
                continue
            made.update(self._run(first, after))
            first = after = 0
            if is_in_wal:
                made.update(self._bytes(number))
            else:
                first, after = number, number + 1
        made.update(self._run(first, after))
        return made.hexdigest()

    def _run(self, first: int, after: int) -> bytes:
        """Return the file's own pages from one to before another."""
        size = self._size
        return (
            self._main.read((after - first) * size, (first - 1) * size)
            if first
            else b""
        )

    def has_overflow(self, number: int) -> bool:
        """Say whether any row of a leaf spills over to pages of its own."""
        content, cells = self._cells(number)
        most = self._most_local
        # The first two bytes of nearly every row tell that it is short: hence maps.
        if not cells or (
            max(map(content.__getitem__, cells)) < 0x80 | (most >> 7)
            and max(map(content.__getitem__, map((1).__add__, cells))) < 0x80  # noqa: PLR2004
        ):
            return False
        return any(_varint(content, cell)[0] > most for cell in cells)

    def refuse_if_restarted(self) -> None:
        """Raise NotByPages if the WAL was begun anew, over frames that were read.

        Frames added after those that were read do no harm.
        """
        before, now = self._index, wal_index(self._file)
        if (before is None) != (now is None) or (
            before and now and before.salts != now.salts
        ):
            raise NotByPages("the WAL was begun anew while it was read")

    def _kind(self, number: int) -> int:
        return self._bytes(number)[_header_at(number)]

    def _cells(self, number: int) -> tuple[bytes, tuple[int, ...]]:
        content, at = self._bytes(number), _header_at(number)
        if content[at] != LEAF:
            raise NotByPages("the tree is not what it was a moment ago")
        (count,) = struct.unpack_from(">H", content, at + 3)
        return content, struct.unpack_from(f">{count}H", content, at + 8)

    def _add_children(self, number: int, bound: int, below: _Leaves) -> None:
        content, at = self._bytes(number), _header_at(number)
        if content[at] != INTERIOR:
            raise NotByPages("the tree is not what it was a moment ago")
        (count,) = struct.unpack_from(">H", content, at + 3)
        for cell in struct.unpack_from(f">{count}H", content, at + 12):
            below.numbers.append(int.from_bytes(content[cell : cell + 4], "big"))
            rowid, _ = _varint(content, cell + 4)
            below.bounds.append(rowid - 2**64 if rowid > FURTHEST else rowid)
        below.numbers.append(int.from_bytes(content[at + 8 : at + 12], "big"))
        below.bounds.append(bound)

    def _bytes(self, number: int) -> bytes:
        if number < 1:
            raise NotByPages(f"there is no page {number}")
        if self._wal is not None and (at := self._in_wal.get(number)) is not None:
            return self._wal.read(self._size, at)
        return self._main.read(self._size, (number - 1) * self._size)


@contextmanager
def _pages(file: Path) -> Generator[_Pages]:
    main = bytes_of(file)
    if main is None:
        raise NotByPages("the file is gone")
    try:
        yield _Pages(file, main, bytes_of(file.with_name(f"{file.name}-wal")))
    except (IndexError, struct.error) as torn:
        raise NotByPages("a page is not what its tree says") from torn


def _header_at(number: int) -> int:
    return 100 if number == 1 else 0  # the first page starts with the file's own


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Read a number of up to nine bytes, and where the next thing starts."""
    value = 0
    for position in range(8):
        byte = content[at + position]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004  the last byte of it
            return value, at + position + 1
    return value << 8 | content[at + 8], at + 9
