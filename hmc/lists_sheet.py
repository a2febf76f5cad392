"""Lists of calls for a terminal, and as CSV: drawn from their envelopes alone."""

import sys
from typing import Any

from api.csv_text import csv_text
from hmc import terminal
from hmc.report_sheet import TITLES, csv_of
from hmc.terminal import Column, counted, duration, share, usd

Row = dict[str, Any]
BAR_CELLS = 24
FULL, EIGHTHS = "█", " ▏▎▍▌▋▊▉"
CALL_COLUMNS = (
    "id",
    "requested_at",
    "project",
    "provider",
    "model",
    "mode",
    "input_tokens",
    "output_tokens",
    "thinking_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cost_millicents",
    "latency_ms",
    "tokens_complete",
    "status",
)


def top(made: Row, *, as_csv: bool, no_color: bool) -> str:
    """Draw a ranking: the dearest first, each with a bar as long as it is dear."""
    if as_csv:
        return csv_of(made)
    ink, width = _drawing(no_color=no_color)
    rows, total = made["rows"], made["totals"]["cost_millicents"]
    if not rows:
        return "No calls in these days.\n"
    most = max((row["cost_millicents"] or 0 for row in rows), default=0)
    columns = [
        Column(TITLES[made["group_by"][-1]], is_name=True),
        Column("", is_name=True),
        Column("Cost", paint=ink.strong),
        Column("Share"),
        Column("Requests"),
    ]
    lines = [
        [
            _name(row),
            bar(row["cost_millicents"] or 0, most),
            usd(row["cost_millicents"]),
            share(row["cost_millicents"], total),
            terminal.count(row["requests"]),
        ]
        for row in rows
    ]
    head = ink.quiet(f"{_days(made)} · {usd(total)} in all")
    return "\n".join([head, "", *terminal.table(columns, lines, None, ink, width), ""])


def calls(made: Row, *, as_csv: bool, no_color: bool) -> str:
    """Draw calls one below the other, newest first."""
    if as_csv:
        rows = ([row[name] for name in CALL_COLUMNS] for row in made["rows"])
        return csv_text(CALL_COLUMNS, rows)
    ink, width = _drawing(no_color=no_color)
    if not made["rows"]:
        return "No calls match.\n"
    columns = [
        Column("Model", is_name=True),
        Column("Requested, UTC", is_name=True, paint=ink.quiet),
        Column("Project", is_name=True),
        Column("In"),
        Column("Out"),
        Column("Cost", paint=ink.strong),
        Column("Took"),
    ]
    lines = [
        [
            terminal.plain(row["model"]) + _mark(row),
            row["requested_at"][5:19].replace("T", " "),
            terminal.plain(row["project"] or "no project")[:14],
            terminal.tokens(row["input_tokens"] + row["cache_read_tokens"]),
            terminal.tokens(row["output_tokens"] + row["thinking_tokens"]),
            usd(row["cost_millicents"]),
            duration(row["latency_ms"]),
        ]
        for row in made["rows"]
    ]
    return "\n".join([*terminal.table(columns, lines, None, ink, width), ""])


def unpriced(made: Row, *, as_csv: bool, no_color: bool) -> str:
    """Draw what has no price, and say what to do about it."""
    names = ("requests", "tokens", "requests_without_rate", "first_date", "last_date")
    if as_csv:
        return csv_text(
            ("provider", "model", *names),
            (
                [*row["key"].values(), *(row[name] for name in names)]
                for row in made["rows"]
            ),
        )
    ink, width = _drawing(no_color=no_color)
    if not made["rows"]:
        return f"{_days(made)}: every request has a price.\n"
    columns = [
        Column("Model", is_name=True),
        Column("Provider", is_name=True),
        Column("Requests", paint=ink.strong),
        Column("Tokens"),
        Column("No rate"),
        Column("First"),
        Column("Last"),
    ]
    lines = [
        [
            terminal.plain(row["key"]["model"]),
            terminal.plain(row["key"]["provider"]),
            terminal.count(row["requests"]),
            terminal.tokens(row["tokens"]),
            terminal.count(row["requests_without_rate"]),
            row["first_date"],
            row["last_date"],
        ]
        for row in made["rows"]
    ]
    total = made["totals"]
    rateless = terminal.count(total["requests_without_rate"])
    requests = counted(total["requests"], "request")
    note = f"{requests} without a cost, {rateless} of them without a rate today either"
    table = terminal.table(columns, lines, None, ink, width)
    return "\n".join([*table, "", ink.warn(note), ""])


def bar(amount: int, most: int) -> str:
    """Draw an amount in eighths of a cell; the most fills the bar."""
    if most <= 0 or amount <= 0:
        return ""
    eighths = max(1, amount * BAR_CELLS * 8 // most)
    whole, part = divmod(eighths, 8)
    if not terminal.can_write(FULL + EIGHTHS, sys.stdout):
        return "#" * max(1, whole)
    return FULL * whole + (EIGHTHS[part] if part else "")


def _drawing(*, no_color: bool) -> tuple[terminal.Ink, int]:
    ink = terminal.ink_for(sys.stdout, no_color=no_color)
    return ink, terminal.width_of(sys.stdout)


def _name(row: Row) -> str:
    by, name = list(row["key"].items())[-1]
    return terminal.plain(str(name)) if name is not None else f"no {by}"


def _mark(row: Row) -> str:
    return "" if row["status"] == "success" else f" ({terminal.plain(row['status'])})"


def _days(made: Row) -> str:
    range_ = made["range"]
    if range_["days"] == 1:
        return f"{range_['until']}, UTC, so far"
    return f"{range_['since']} to {range_['until']}, UTC"
