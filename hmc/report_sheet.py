"""A report as a sheet for a terminal, and as CSV: drawn from its envelope alone."""

import sys
from collections.abc import Callable
from datetime import date
from typing import Any

from api.csv_text import csv_text
from hmc import terminal
from hmc.terminal import Column, Ink, change, count, counted, duration, share, usd

Row = dict[str, Any]
Figures = list[tuple[Column, Callable[[Row], str]]]
PICO_PER_MILLICENT = 10**7
TITLES = {
    "project": "Project",
    "model": "Model",
    "provider": "Provider",
    "day": "Day",
    "week": "Week of",
    "month": "Month",
    "machine": "Machine",
}
MEASURES = (
    "requests",
    "failed_requests",
    "incomplete_requests",
    "unpriced_requests",
)
TOKENS = ("input", "output", "thinking", "cache_read", "cache_write")
DRIFT = (
    "cost_picodollars",
    "compared_requests",
    "agreeing_requests",
    "priced_here_only_requests",
    "priced_by_daemon_only_requests",
    "drift_millicents",
)


def sheet(reports: list[Row], *, vs_previous: bool, drift: bool, no_color: bool) -> str:
    """Draw reports of one period, one table each, and what to know about them."""
    ink = terminal.ink_for(sys.stdout, no_color=no_color)
    width = terminal.width_of(sys.stdout)
    first = reports[0]
    lines = [*_head(first, ink), ""]
    if first["totals"]["requests"] == 0 and not first["apart"]:
        return "\n".join([*lines, _nothing(first), ""])
    for made in reports:
        lines += [*_table(made, ink, width, vs_previous=vs_previous), ""]
        if drift and made["totals"].get("recomputed"):
            lines += [*_drift_table(made, ink, width), ""]
    notes = list(_notes(first))
    lines += [ink.warn(note) for note in notes] + ([""] if notes else [])
    return "\n".join(lines)


def csv_of(report: Row) -> str:
    """Write a report's rows, costs in millicents as the envelope has them."""
    names = report["group_by"]
    has_previous = any("previous" in row for row in report["rows"])
    has_drift = any("recomputed" in row for row in report["rows"])
    header = [*names, *MEASURES, *(f"{name}_tokens" for name in TOKENS)]
    header += ["cost_millicents", "average_latency_ms", "p95_latency_ms"]
    header += ["previous_requests", "previous_cost_millicents"] if has_previous else []
    header += DRIFT if has_drift else []
    return csv_text(
        header,
        (
            [
                *(row["key"][name] for name in names),
                *(row[name] for name in MEASURES),
                *(row["tokens"][name] for name in TOKENS),
                row["cost_millicents"],
                row["latency"]["average_ms"],
                row["latency"]["p95_ms"],
                *(_previous_cells(row) if has_previous else []),
                *((row["recomputed"] or {}).get(name) for name in DRIFT if has_drift),
            ]
            for row in report["rows"]
        ),
    )


def _previous_cells(row: Row) -> list[int | None]:
    before = row["previous"]
    return [before["requests"], before["cost_millicents"]] if before else [0, 0]


def _head(report: Row, ink: Ink) -> list[str]:
    totals, range_ = report["totals"], report["range"]
    days = counted(range_["days"], "day")
    title = ink.strong(usd(totals["cost_millicents"]))
    about = f"  {_span(range_)} · {days}, UTC"
    if project := report["filters"].get("project"):
        about += f" · {terminal.plain(project)}"
    before = totals["previous"]
    moved = change(totals["cost_millicents"], before and before["cost_millicents"])
    lines = [
        title + ink.quiet(about),
        ink.quiet(
            f"{counted(totals['requests'], 'request')} ·"
            f" {terminal.tokens(_inward(totals))} tokens in,"
            f" {terminal.tokens(_outward(totals))} out"
        ),
    ]
    if moved != terminal.MISSING:
        was = usd(before["cost_millicents"])
        lines.append(ink.quiet(f"{moved} against {was} in the {days} before"))
    return lines


def _table(report: Row, ink: Ink, width: int, *, vs_previous: bool) -> list[str]:
    by = report["group_by"][-1]
    is_time = by in {"day", "week", "month"}
    cost = Column("Cost", paint=ink.strong)
    moved = Column("Δ", paint=_moved(ink))
    figures: Figures = [(Column(TITLES[by], is_name=True), _name)]
    figures.append((Column("Requests"), _requests))
    if by == "model" or is_time:
        figures += [(Column("In"), _tokens_in), (Column("Out"), _tokens_out)]
    figures.append((cost, _cost))
    if not is_time:
        figures += [(Column("Before"), _before)] if vs_previous else []
        figures.append((moved, _change))
    if by != "model":
        figures.append((Column("Share"), _share_of(report["totals"])))
    figures += [(Column("Avg"), _average), (Column("p95"), _p95)]
    if not is_time and by != "model" and not vs_previous:
        figures.append((Column("7 days", is_name=True), _trend))
    return _drawn(figures, report["rows"], report["totals"], ink, width)


def _drift_table(report: Row, ink: Ink, width: int) -> list[str]:
    by = report["group_by"][-1]
    rows = [row for row in report["rows"] if row.get("recomputed")]
    figures: Figures = [
        (Column(TITLES[by], is_name=True), _name),
        (Column("Daemon says"), _cost),
        (Column("By its rates"), _recomputed),
        (Column("Drift"), _drift),
        (Column("Agree"), _agreement),
    ]
    return _drawn(figures, rows, report["totals"], ink, width)


def _drawn(
    figures: Figures, rows: list[Row], totals: Row, ink: Ink, width: int
) -> list[str]:
    return terminal.table(
        [column for column, _ in figures],
        [[cell(row) for _, cell in figures] for row in rows],
        [cell(totals) for _, cell in figures],
        ink,
        width,
    )


def _recomputed(row: Row) -> str:
    pico = row["recomputed"]["cost_picodollars"]
    return usd(None if pico is None else pico // PICO_PER_MILLICENT)


def _drift(row: Row) -> str:
    return usd(row["recomputed"]["drift_millicents"] or 0)


def _agreement(row: Row) -> str:
    drift = row["recomputed"]
    return f"{count(drift['agreeing_requests'])} of {count(drift['compared_requests'])}"


def _name(row: Row) -> str:
    if "key" not in row:
        return "Total"
    by, name = list(row["key"].items())[-1]
    return terminal.plain(str(name)) if name is not None else f"no {by}"


def _requests(row: Row) -> str:
    return count(row["requests"])


def _tokens_in(row: Row) -> str:
    return terminal.tokens(_inward(row))


def _tokens_out(row: Row) -> str:
    return terminal.tokens(_outward(row))


def _average(row: Row) -> str:
    return duration(row["latency"]["average_ms"])


def _p95(row: Row) -> str:
    return duration(row["latency"]["p95_ms"])


def _trend(row: Row) -> str:
    return terminal.sparkline(row["trend"]) if "trend" in row else ""


def _share_of(totals: Row) -> Callable[[Row], str]:
    def shared(row: Row) -> str:
        return share(row["cost_millicents"], totals["cost_millicents"])

    return shared


def _cost(row: Row) -> str:
    return usd(row["cost_millicents"])


def _before(row: Row) -> str:
    return usd(row["previous"]["cost_millicents"] if row["previous"] else 0)


def _change(row: Row) -> str:
    before = row["previous"]
    if before is None:
        return "new" if row["cost_millicents"] else terminal.MISSING
    return change(row["cost_millicents"], before["cost_millicents"])


def _moved(ink: Ink) -> Callable[[str], str]:
    def painted(text: str) -> str:
        shown = text.strip()
        if shown.startswith("+") or shown == "new":
            return ink.over(text)
        return ink.under(text) if shown.startswith(terminal.MINUS) else text

    return painted


def _inward(row: Row) -> int:
    used = row["tokens"]
    return used["input"] + used["cache_read"] + used["cache_write"]


def _outward(row: Row) -> int:
    return row["tokens"]["output"] + row["tokens"]["thinking"]


def _notes(report: Row) -> list[str]:
    counts = {each["code"]: each["count"] for each in report["warnings"]}
    said = {
        "unpriced": "unpriced: counted with their tokens, left out of the cost",
        "incomplete": "incomplete: the stream was cut, so tokens may be missing",
        "unreadable": "unreadable: a time, a count or a cost, so in no figure",
    }
    notes = [
        f"{counted(counts[code], 'request')} {why}"
        for code, why in said.items()
        if code in counts
    ]
    for basis, row in report["apart"].items():
        what = "of flat-fee plans" if basis == "subscription_imputed" else "imported"
        notes.append(
            f"{counted(row['requests'], 'request')} {what}, {_cost(row)} at list price,"
            " apart from the above"
        )
    return notes


def _nothing(report: Row) -> str:
    held = report["file"]
    if not held["requests"]:
        return "No calls yet. They appear here once the daemon has captured one.\n"
    return (
        f"No calls in these days. The file's {counted(held['requests'], 'request')}"
        f" run from {held['first_date']} to {held['last_date']}.\n"
    )


def _span(range_: Row) -> str:
    since, until = (date.fromisoformat(range_[end]) for end in ("since", "until"))
    first = f"{since.day} {since:%b}"
    if since.year != until.year:
        first += f" {since.year}"
    return f"{first} {terminal.MISSING} {until.day} {until:%b} {until.year}"
