"""How figures look in a terminal: money, counts, changes, sparklines, tables."""

import os
import shutil
import sys
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TextIO

WIDTH = 80
LEAST_NAME = 10
MILLICENTS_PER_CENT = 1_000
MISSING = "\u2013"  # an en dash
MINUS = "\u2212"
BARS = "▁▂▃▄▅▆▇█"
BARS_ASCII = "_.-:=+*#"


@dataclass(frozen=True)
class Ink:
    """Colour where it is wanted: not in a pipe, not under NO_COLOR."""

    is_on: bool

    def strong(self, text: str) -> str:
        """What is looked for first."""
        return self._in(text, "1")

    def quiet(self, text: str) -> str:
        """What explains."""
        return self._in(text, "2")

    def over(self, text: str) -> str:
        """More than before."""
        return self._in(text, "33")

    def under(self, text: str) -> str:
        """Less than before."""
        return self._in(text, "34")

    def warn(self, text: str) -> str:
        """What to look into."""
        return self._in(text, "33")

    def _in(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.is_on and text.strip() else text


def ink_for(stream: TextIO, *, no_color: bool = False) -> Ink:
    """Decide on colour as https://no-color.org has it."""
    is_wanted = not no_color and not os.environ.get("NO_COLOR")
    return Ink(
        is_wanted and stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    )


def width_of(stream: TextIO) -> int:
    """Return COLUMNS, or the terminal's width, or 80 into a pipe."""
    if os.environ.get("COLUMNS", "").isdigit() or stream.isatty():
        return max(shutil.get_terminal_size((WIDTH, 24)).columns, 40)
    return WIDTH


def count(number: int) -> str:
    """`1234567` -> `1,234,567`."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """`1`, `request` -> `1 request`; `2` -> `2 requests`."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def tokens(number: int) -> str:
    """Write a token count in three digits or so: `1.2M`, `34k`, `950`."""
    for size, unit in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            scaled = number / size
            return f"{scaled:.1f}{unit}" if scaled < 100 else f"{scaled:.0f}{unit}"  # noqa: PLR2004
    return str(number)


def usd(millicents: int | None) -> str:
    """Write an amount: two decimals from one cent up, four below, half away from zero.

    None is `unpriced`; what would show as zero and is not is `<$0.0001`.
    """
    if millicents is None:
        return "unpriced"
    sign, size = (MINUS if millicents < 0 else ""), abs(millicents)
    if size == 0 or size >= MILLICENTS_PER_CENT:
        cents = (size + 500) // 1_000
        return f"{sign}${cents // 100:,}.{cents % 100:02d}"
    parts = (size + 5) // 10
    return f"{sign}$0.{parts:04d}" if parts else f"{sign}<$0.0001"


def change(now: int | None, before: int | None) -> str:
    """Say how far an amount moved, in per cent; nothing where there is no base."""
    if now is None or before is None or before <= 0:
        return MISSING
    if now == before:
        return "0%"
    size, sign = abs(now - before), "+" if now > before else MINUS
    tenths = (size * 2_000 + before) // (2 * before)
    if tenths == 0:
        return f"{sign}<0.1%"
    if tenths >= 10_000:  # noqa: PLR2004
        return f"{sign}>999%"
    shown = f"{tenths / 10:.1f}" if tenths < 1_000 else str((tenths + 5) // 10)  # noqa: PLR2004
    return f"{sign}{shown}%"


def share(part: int | None, whole: int | None) -> str:
    """Say what part of a whole an amount is, in per cent."""
    if part is None or not whole:
        return MISSING
    tenths = (part * 2_000 + whole) // (2 * whole)
    return f"{tenths // 10}.{tenths % 10}%" if part == 0 or tenths else "<0.1%"


def duration(milliseconds: float | None) -> str:
    """Write a latency: `812ms`, `1.24s`, `2m05s`."""
    if milliseconds is None:
        return MISSING
    if milliseconds < 999.5:  # noqa: PLR2004
        return f"{milliseconds:.0f}ms"
    if milliseconds < 99_950:  # noqa: PLR2004
        return f"{milliseconds / 1_000:.{2 if milliseconds < 9_995 else 1}f}s"  # noqa: PLR2004
    minutes, seconds = divmod(round(milliseconds / 1_000), 60)
    return f"{minutes}m{seconds:02d}s"


def sparkline(values: Sequence[int | None], stream: TextIO | None = None) -> str:
    """Draw one bar per value, the highest full; a gap where nothing is known."""
    bars = BARS if can_write(BARS, stream or sys.stdout) else BARS_ASCII
    highest = max((value for value in values if value), default=0)
    return "".join(
        " "
        if value is None
        else bars[0]
        if value <= 0
        else bars[min(len(bars) - 1, value * len(bars) // (highest + 1))]
        for value in values
    )


def plain(text: str) -> str:
    """Take what a terminal would act on out of a name."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def cells(text: str) -> int:
    """Count the columns that a text takes up."""
    return sum(
        0
        if unicodedata.combining(letter)
        else 2
        if unicodedata.east_asian_width(letter) in "WF"
        else 1
        for letter in text
    )


@dataclass(frozen=True)
class Column:
    """A column of a table. The first one gives way when room is short."""

    title: str
    is_name: bool = False
    paint: Callable[[str], str] | None = None


def table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    total: Sequence[str] | None,
    ink: Ink,
    width: int,
) -> list[str]:
    """Lay rows out in lines of at most `width`, names left and figures right.

    Amounts of two and of four decimals stand with their points in line.
    """
    lines = [*rows, total] if total else list(rows)
    pointed = [_pointed([line[at] for line in lines]) for at in range(len(columns))]
    body = [list(line) for line in zip(*pointed, strict=True)] if lines else []
    heads = [column.title for column in columns]
    widths = [
        max([cells(heads[at]), *(cells(line[at]) for line in body)])
        for at in range(len(columns))
    ]
    spare = width - sum(widths) - 2 * (len(columns) - 1)
    if spare < 0:
        widths[0] = max(LEAST_NAME, widths[0] + spare)

    def laid(line: Sequence[str], paint: Callable[[int, str], str]) -> str:
        parts = [
            paint(at, _fitted(text, widths[at], is_left=columns[at].is_name))
            for at, text in enumerate(line)
        ]
        return "  ".join(parts).rstrip()

    def painted(at: int, text: str) -> str:
        paint = columns[at].paint
        return paint(text) if paint else text

    rule = ink.quiet("─" * min(width, sum(widths) + 2 * (len(columns) - 1)))
    drawn = [laid(heads, lambda _, text: ink.quiet(text)), rule]
    drawn += [laid(line, painted) for line in body[: len(rows)]]
    if total:
        drawn += [rule, laid(body[-1], lambda _, text: ink.strong(text))]
    return drawn


def _pointed(texts: list[str]) -> list[str]:
    """Pad amounts of two decimals where others have four."""
    if not any(text.startswith(("$0.0", "<$0.0")) and len(text) > 5 for text in texts):  # noqa: PLR2004
        return texts
    return [
        f"{text}  " if "$" in text and text[-3:-2] == "." else text for text in texts
    ]


def _fitted(text: str, width: int, *, is_left: bool) -> str:
    if cells(text) > width:
        while cells(text) > width - 1:
            text = text[:-1]
        text += "…"
    room = " " * (width - cells(text))
    return text + room if is_left else room + text


def can_write(text: str, stream: TextIO) -> bool:
    """Say whether a stream's encoding has all of a text."""
    try:
        text.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
