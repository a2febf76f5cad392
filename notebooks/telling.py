"""Figures as an analyst reads them: money to its last digit, tables, and prose.

Nothing here computes a figure. What is shown is exact unless it says `about`.
"""

from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from html import escape
from typing import Any

import polars as pl

from models.money import PICO_PER_MILLICENT, usd_text
from notebooks.reading import EXACT, PICO_DECIMALS

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EM DASH}"
CENT = Decimal("0.01")
CENTS = 2
DIFFERENCES = ("variance_", "drift_", "off_")  # shown with their sign


def usd(amount: Decimal, *, signed: bool = False) -> str:
    """Write dollars with every digit that is there: `$1,234.5000001`."""
    pico = int(EXACT.scaleb(amount, PICO_DECIMALS))
    whole, _, decimals = usd_text(abs(pico)).partition(".")
    sign = MINUS if pico < 0 else "+" if signed and pico > 0 else ""
    return f"{sign}${int(whole):,}.{decimals}"


def about(amount: Decimal) -> str:
    """Write an estimate in cents, marked as one: `about $0.27`. Nothing is $0.00."""
    rounded = amount.quantize(CENT, ROUND_HALF_UP)
    if amount and not rounded:
        return "less than a cent"
    return f"about {usd(rounded)}" if amount else usd(rounded)


def percent(part: Decimal, whole: Decimal, *, signed: bool = False) -> str:
    """Write a share with two decimals; a dash where there is no whole."""
    if not whole:
        return NOTHING
    share = (part * 100 / abs(whole)).quantize(CENT, ROUND_HALF_UP)
    sign = MINUS if share < 0 else "+" if signed and share > 0 else ""
    return f"{sign}{abs(share):,} %"


def counted(count: int, noun: str) -> str:
    """Write `1 call`, `1,200 calls`, `no calls`."""
    return f"{f'{count:,}' if count else 'no'} {noun}{'' if count == 1 else 's'}"


def month_name(month: date) -> str:
    """Write `September 2026`."""
    return f"{month:%B %Y}"


def status_name(status: str) -> str:
    """Write a status as words."""
    return {"missing_invoice": "no bill yet"}.get(status, status.replace("_", " "))


@dataclass(frozen=True)
class Prose:
    """Sentences in Markdown; plain where there is no notebook."""

    text: str

    def _repr_markdown_(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Table:
    """A frame as a table. `columns` picks, orders and heads its columns.

    `_usd` and `_millicents` are shown as dollars, each column at one precision that
    loses nothing, with the digits beyond the cent lighter. `total` is a frame of one
    row with the same columns; a null is shown as `absent` says.
    """

    frame: pl.DataFrame
    columns: dict[str, str]
    caption: str
    total: pl.DataFrame | None = None
    absent: dict[str, str] = field(default_factory=dict[str, str])

    def _repr_html_(self) -> str:
        heads = "".join(
            f'<th scope="col" style="{self._side(name)}">{escape(heading)}</th>'
            for name, heading in self.columns.items()
        )
        lines = self._lines()
        body = "".join(self._html_row(line) for line in lines[: self.frame.height])
        foot = "".join(
            self._html_row(line, "font-weight:600;border-top:1px solid")
            for line in lines[self.frame.height :]
        )
        return (
            '<table style="font-variant-numeric:tabular-nums;border-collapse:collapse">'
            '<caption style="caption-side:top;text-align:left;padding:4px 8px">'
            f"{escape(self.caption)}</caption>"
            f'<thead><tr style="border-bottom:1px solid">{heads}</tr></thead>'
            f"<tbody>{body}</tbody><tfoot>{foot}</tfoot></table>"
        )

    def __repr__(self) -> str:
        lines = [list(self.columns.values()), *self._lines()]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        rights = [self._is_right(name) for name in self.columns]
        rows = [
            "  ".join(
                cell.rjust(width) if is_right else cell.ljust(width)
                for cell, width, is_right in zip(line, widths, rights, strict=True)
            ).rstrip()
            for line in lines
        ]
        return "\n".join([self.caption, *rows])

    def _lines(self) -> list[list[str]]:
        whole = self.frame.select(list(self.columns))
        if self.total is not None:
            whole = pl.concat([whole, self.total.select(list(self.columns))])
        written = [self._written(name, whole[name].to_list()) for name in self.columns]
        return [list(line) for line in zip(*written, strict=True)]

    def _written(self, name: str, values: list[Any]) -> list[str]:
        absent = self.absent.get(name, NOTHING)
        if _is_money(name):
            amounts = [_amount(name, value) for value in values]
            signed = name.startswith(DIFFERENCES)
            texts = [
                None if one is None else usd(one, signed=signed) for one in amounts
            ]
            places = max(
                (len(one.partition(".")[2]) for one in texts if one), default=CENTS
            )
            return [_padded(one, places) if one else absent for one in texts]
        return [absent if value is None else _plain(value) for value in values]

    def _html_row(self, line: list[str], style: str = "") -> str:
        cells = "".join(
            f'<td style="{self._side(name)}">{_html(name, cell)}</td>'
            for name, cell in zip(self.columns, line, strict=True)
        )
        return f'<tr style="{style}">{cells}</tr>'

    def _side(self, name: str) -> str:
        return (
            f"text-align:{'right' if self._is_right(name) else 'left'};padding:4px 8px"
        )

    def _is_right(self, name: str) -> bool:
        return _is_money(name) or self.frame.schema[name].is_numeric()


def _is_money(name: str) -> bool:
    return name.endswith(("_usd", "_millicents"))


def _amount(name: str, value: Any) -> Decimal | None:
    if value is None or name.endswith("_usd"):
        return value
    return EXACT.scaleb(Decimal(value * PICO_PER_MILLICENT), -PICO_DECIMALS)


def _padded(text: str, places: int) -> str:
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.ljust(places, '0')}"


def _plain(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _html(name: str, cell: str) -> str:
    whole, point, decimals = cell.partition(".")
    if not (_is_money(name) and point):
        return escape(cell)
    beyond = decimals[CENTS:]
    lighter = f'<span style="opacity:.6">{beyond}</span>' if beyond else ""
    return f"{escape(whole)}.{decimals[:CENTS]}{lighter}"
