"""The report: what each project, model or day used and cost, as one envelope.

Costs are the daemon's own, in millicents. What they come to by the daemon's rates
stands beside them on request; every figure is a question's, none is summed here.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from api.local.asked import By, Period
from api.local.laptop import Laptop
from api.local.trouble import UnknownProject

SCHEMA = "hmc.report/1"
TREND_DAYS = 7
METERED = "api"  # flat-fee plans and imports are shown apart, never added

Row = dict[str, Any]
Key = tuple[Any, ...]


def report(
    laptop: Laptop, period: Period, by: By, *, has_drift: bool = False
) -> dict[str, Any]:
    """Make the envelope of one report: rows, totals, and what to be warned of."""
    return reports(laptop, period, [by], has_drift=has_drift)[0]


def reports(
    laptop: Laptop, period: Period, wanted: list[By], *, has_drift: bool = False
) -> list[dict[str, Any]]:
    """Make several reports of one period, whose totals are the same."""
    found = laptop.ask("usage_key", grouping="total", **_booked(period))
    totals = _totals(laptop, period, found, has_drift=has_drift)
    apart = {
        row["billing_basis"]: _measures(row)  # flat-fee plans, and imports
        for row in found
        if row["billing_basis"] != METERED
    }
    extent = laptop.extent()
    unreadable = laptop.ask("unreadable", **_days(period))[0]["unreadable_count"]
    return [
        envelope(laptop, SCHEMA, period)
        | {
            "previous_range": range_of(period.before()),
            "group_by": list(_key_names(by)),
            "rows": _rows(laptop, period, by, has_drift=has_drift),
            "totals": totals,
            "apart": apart,
            "file": {
                "path": str(laptop.file),
                "requests": extent.request_count,
                "first_date": _day(extent.first_date),
                "last_date": _day(extent.last_date),
            },
            "warnings": _warnings(totals, apart, unreadable),
        }
        for by in wanted
    ]


def reach(period: Period) -> Period:
    """Return all days that a report of a period looks at, with those before it."""
    first = min(period.before().since, period.last(TREND_DAYS).since)
    return Period(first, period.until)


def envelope(laptop: Laptop, schema: str, period: Period, **filters: Any) -> Row:
    """Start the envelope that every command's JSON comes in."""
    asked = {"project": laptop.project} | filters
    return {
        "schema": schema,
        "generated_at": _moment(datetime.now(UTC)),
        "range": range_of(period),
        "filters": {name: value for name, value in asked.items() if value},
        "currency": "USD",
        "unit": "millicents",
    }


def require_project(laptop: Laptop, slug: str) -> None:
    """Raise UnknownProject, naming those there are, unless the file has it."""
    slugs = [row["slug"] for row in laptop.ask("project")]
    if slug not in slugs:
        known = ", ".join(sorted(slugs)[:12]) or "none"
        raise UnknownProject(
            f"no project {slug!r} in {laptop.file}; there are: {known}"
        )


def _rows(laptop: Laptop, period: Period, by: By, *, has_drift: bool) -> list[Row]:
    now = _usage(laptop, period, by)
    before = {} if by.bin else _usage(laptop, period.before(), by)
    latencies = _latencies(laptop, period, by)
    trends = {} if by.bin else _trends(laptop, period, by)
    quiet: list[int | None] = [0] * TREND_DAYS
    drifts = _drifts(laptop, period, by) if has_drift and not by.bin else {}
    names = _machine_names(laptop) if by is By.MACHINE else {}
    rows: list[Row] = []
    for key, usage in now.items():
        row: Row = {
            "key": dict(zip(_key_names(by), _shown(by, key, names), strict=True))
        }
        row |= _measures(usage)
        row["latency"] = latencies.get(key, NO_LATENCY)
        if not by.bin:
            row["previous"] = _measures(before[key]) if key in before else None
            row["trend"] = trends.get(key, quiet)
        if has_drift and not by.bin:
            row["recomputed"] = drifts.get(key)
        rows.append(row)
    return rows if by.bin else sorted(rows, key=_dearest_first)


def _totals(
    laptop: Laptop, period: Period, found: list[Row], *, has_drift: bool
) -> Row:
    (now,) = _metered(found) or [None]
    earlier = laptop.ask("usage_key", grouping="total", **_booked(period.before()))
    (before,) = _metered(earlier) or [None]
    total = _measures(now)
    latency = _latency_rows(laptop, period, "total", None)
    total["latency"] = _latency(latency[0]) if latency else NO_LATENCY
    total["previous"] = _measures(before) if before else None
    if has_drift:
        drift = _drift_rows(laptop, period, "total")
        total["recomputed"] = _drift(drift[0]) if drift else None
    return total


def _usage(laptop: Laptop, period: Period, by: By) -> dict[Key, Row]:
    if by.bin:
        found = laptop.ask(
            "usage_bin", grouping=by.grouping, bin=by.bin, **_booked(period)
        )
    else:
        found = laptop.ask("usage_key", grouping=by.grouping, **_booked(period))
    return {_key(by, row): row for row in _metered(found)}


def _metered(found: list[Row]) -> list[Row]:
    return [row for row in found if row["billing_basis"] == METERED]


def _trends(laptop: Laptop, period: Period, by: By) -> dict[Key, list[int | None]]:
    """Return the cost of each of the period's last days, oldest first."""
    last = period.last(TREND_DAYS)
    days = [last.since + timedelta(days=day) for day in range(TREND_DAYS)]
    found = laptop.ask("usage_day", grouping=by.grouping, **_booked(last))
    trends: dict[Key, list[int | None]] = {}
    for row in _metered(found):
        trend = trends.setdefault(_key(by, row), [0] * TREND_DAYS)
        trend[days.index(row["usage_date"])] = _cost(row)
    return trends


def _latencies(laptop: Laptop, period: Period, by: By) -> dict[Key, Row]:
    found = _latency_rows(laptop, period, by.grouping, by.bin)
    return {_key(by, row): _latency(row) for row in found}


def _latency_rows(
    laptop: Laptop, period: Period, grouping: str, bin_: str | None
) -> list[Row]:
    return _metered(
        laptop.ask("latency_key", grouping=grouping, bin=bin_, **_days(period))
    )


def _drifts(laptop: Laptop, period: Period, by: By) -> dict[Key, Row]:
    return {
        _key(by, row): _drift(row) for row in _drift_rows(laptop, period, by.grouping)
    }


def _drift_rows(laptop: Laptop, period: Period, grouping: str) -> list[Row]:
    return _metered(laptop.ask("drift_key", grouping=grouping, **_days(period)))


def _machine_names(laptop: Laptop) -> dict[Any, str | None]:
    return {row["machine_id"]: row["source_machine"] for row in laptop.ask("machine")}


def _measures(row: Row | None) -> Row:
    if row is None:
        row = dict.fromkeys(COUNTS, 0) | {"submitted_millicents": 0}
    return {
        "requests": row["request_count"],
        "failed_requests": row["failed_count"],
        "incomplete_requests": row["incomplete_count"],
        "unpriced_requests": row["unsubmitted_count"],
        "tokens": {
            "input": row["input_tokens"],
            "output": row["output_tokens"],
            "thinking": row["thinking_tokens"],
            "cache_read": row["cached_tokens"],
            "cache_write": row["cache_write_tokens"],
        },
        "cost_millicents": _cost(row),
    }


COUNTS = (
    "request_count",
    "failed_count",
    "incomplete_count",
    "unsubmitted_count",
    "input_tokens",
    "output_tokens",
    "thinking_tokens",
    "cached_tokens",
    "cache_write_tokens",
)
NO_LATENCY: Row = {"requests": 0, "average_ms": None, "p95_ms": None}


def _cost(row: Row) -> int | None:
    """Where the daemon priced nothing there is no cost: null, not zero."""
    is_unpriced = 0 < row["request_count"] == row["unsubmitted_count"]
    return None if is_unpriced else int(row["submitted_millicents"])


def _latency(row: Row) -> Row:
    return {
        "requests": row["latency_count"],
        "average_ms": round(float(row["latency_ms"]) / row["latency_count"], 3),
        "p95_ms": round(float(row["p95_ms"]), 3),
    }


def _drift(row: Row) -> Row:
    cost = row["cost_pico"]
    return {
        "cost_picodollars": None if cost is None else int(cost),
        "compared_requests": row["compared_count"],
        "agreeing_requests": row["agreed_count"],
        "priced_here_only_requests": row["priced_here_only_count"],
        "priced_by_daemon_only_requests": row["priced_there_only_count"],
        "drift_millicents": row["drift_millicents"],
    }


def _warnings(totals: Row, apart: dict[str, Row], unreadable: int) -> list[Row]:
    counts = {
        "unpriced": totals["unpriced_requests"],
        "incomplete": totals["incomplete_requests"],
        "apart": sum(row["requests"] for row in apart.values()),
        "unreadable": unreadable,
    }
    return [{"code": code, "count": count} for code, count in counts.items() if count]


def _key(by: By, row: Row) -> Key:
    return tuple(row[column] for column in by.columns)


def _key_names(by: By) -> tuple[str, ...]:
    return ("provider", "model") if by is By.MODEL else (str(by),)


def _shown(by: By, key: Key, names: dict[Any, str | None]) -> Iterable[Any]:
    if by is By.MACHINE:
        return [names.get(key[0])]
    if by is By.MONTH:
        return [key[0].strftime("%Y-%m")]
    return [_day(part) if isinstance(part, date) else part for part in key]


def _dearest_first(row: Row) -> tuple[bool, int, int, str]:
    cost = row["cost_millicents"]
    return cost is None, -(cost or 0), -row["requests"], str(row["key"])


def _booked(period: Period) -> dict[str, Any]:
    return {"calendar": "utc", **_days(period)}


def _days(period: Period) -> dict[str, date]:
    return {"since": period.since, "until": period.until}


def range_of(period: Period) -> Row:
    """Write a period as envelopes have it."""
    return {
        "since": _day(period.since),
        "until": _day(period.until),
        "days": period.day_count,
        "time_zone": "UTC",
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
