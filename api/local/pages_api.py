"""What the local page reads: `/api`. Costs are the daemon's own."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from api.local.asked import Period, last_days
from api.local.filters import (
    AskedCalls,
    month_start,
    page_of_calls,
    project_id_of,
)
from api.local.laptop import Laptop
from api.local.moments import written
from api.local.resident import Reading
from models.money import PICO_PER_MILLICENT, usd_text

router = APIRouter(prefix="/api")

DAYS = 30
TOP = 5
METERED, IMPUTED, IMPORTED = "api", "subscription_imputed", "imported"
MOMENTS = ("created_at", "archived_at", "last_active_at")
FLAGS = (
    "request_truncated",
    "response_truncated",
    "streaming_incomplete",
    "redaction_applied",
)


@router.get("/projects")
def projects(laptop: Reading) -> dict[str, Any]:
    """List every project: whether it is archived, captures bodies, and what it used."""
    now = datetime.now(UTC)
    this_month = month_start(now).date()
    found = laptop.ask(
        "project_stats",
        slug=None,
        this_month=this_month,
        last_month=(this_month - timedelta(days=1)).replace(day=1),
    )
    return {"items": [row | _written(row, MOMENTS) for row in found]}


@router.get("/calls")
def calls(
    laptop: Reading, filters: AskedCalls, project: str | None = None
) -> dict[str, Any]:
    """List captured calls, newest first, one page at a time."""
    project_id = project_id_of(laptop, project) if project else None
    found, next_cursor = page_of_calls(laptop, filters, project_id)
    return {
        "items": [
            call
            | _written(call, ["requested_at"])
            | {"cost_usd": _usd(call["cost_usd_minor_units"])}
            for call in found
        ],
        "next_cursor": next_cursor,
    }


@router.get("/bodies")
def bodies(laptop: Reading, call_id: str) -> dict[str, Any]:
    """Return what the daemon captured of one call; 404 where it captured nothing."""
    found = laptop.ask("body", call_id=call_id)
    if not found:
        raise HTTPException(404, f"No body was captured of call {call_id!r}")
    (body,) = found
    return body | {
        "captured_at": written(body["captured_at"]),
        "redaction_summary": _redactions(body["redaction_summary"]),
    }


@router.get("/pricing")
def pricing(laptop: Reading) -> dict[str, Any]:
    """List the rates in force, in millicents per million tokens."""
    rates = laptop.ask("rate", at=datetime.now(UTC))
    dated = ("effective_from", "effective_to", "last_verified_at")
    return {"items": [rate | _written(rate, dated) for rate in rates]}


@router.get("/summary")
def summary(
    laptop: Reading,
    since: Annotated[date | None, Query(alias="from")] = None,
    until: Annotated[date | None, Query(alias="to")] = None,
) -> dict[str, Any]:
    """Say what was spent and whether it is normal: the figures of the overview."""
    period = _period(since, until)
    day = last_days(1)
    month = Period(day.until.replace(day=1), day.until)
    ended = month.since - timedelta(days=1)
    last_month = Period(ended.replace(day=1), ended)
    same_day = min(last_month.since + (month.until - month.since), ended)
    totals = _totals(laptop, period)
    models = _by(laptop, "provider_model", period)
    unpriced = _unpriced(laptop, period)
    return {
        "as_of": written(datetime.now(UTC)),
        "period": _range(period),
        "previous_period": _range(period.before()),
        "today": _spend(laptop, day),
        "month_to_date": _spend(laptop, month),
        "previous_month_to_date": _spend(laptop, Period(last_month.since, same_day)),
        "last_month": _spend(laptop, last_month),
        "period_total": totals[METERED] | unpriced["total"],
        "previous_period_total": _spend(laptop, period.before()),
        "imputed": totals[IMPUTED],
        "imported": totals[IMPORTED],
        "days": _days(laptop, "provider", period),
        "previous_days": _days(laptop, "total", period.before()),
        "top_projects": _by(laptop, "project", period)[:TOP],
        "top_models": models[:TOP],
        "unpriced_models": unpriced["models"],
    }


def _period(since: date | None, until: date | None) -> Period:
    last = until or last_days(1).until
    period = Period(since, last) if since else last_days(DAYS, last)
    if period.since > period.until:
        raise HTTPException(422, "`from` lies after `to`")
    return period


def _totals(laptop: Laptop, period: Period) -> dict[str, dict[str, Any]]:
    nothing = dict.fromkeys(COUNTS, 0) | {"cost_usd": "0.00", "recomputed_usd": "0.00"}
    totals = {METERED: nothing, IMPUTED: nothing, IMPORTED: nothing}
    for row in _asked(laptop, "usage_key", "total", period):
        totals[row["billing_basis"]] = _usage(row)
    return totals


def _spend(laptop: Laptop, period: Period) -> dict[str, Any]:
    return _totals(laptop, period)[METERED]


def _by(laptop: Laptop, grouping: str, period: Period) -> list[dict[str, Any]]:
    """Return metered usage of each key, dearest by the daemon's cost first."""
    rows = [
        row
        for row in _asked(laptop, "usage_key", grouping, period)
        if row["billing_basis"] == METERED
    ]
    rows.sort(key=lambda row: (-row["submitted_millicents"], -row["request_count"]))
    return [_key(row) | _usage(row) for row in rows]


def _unpriced(laptop: Laptop, period: Period) -> dict[str, Any]:
    """Say what the daemon had no price for: in all, and by model."""
    rows = laptop.ask("unpriced", since=period.since, until=period.until)
    total = next((row for row in rows if row["is_total"]), NOTHING_UNPRICED)
    names = ("unpriced_count", "unpriced_tokens", "missing_rate_count")
    return {
        "total": {name: total[name] for name in names},
        "models": [
            {name: row[name] for name in ("provider", "model", *names)}
            for row in rows
            if not row["is_total"]
        ],
    }


NOTHING_UNPRICED = {"unpriced_count": 0, "unpriced_tokens": 0, "missing_rate_count": 0}


def _days(laptop: Laptop, grouping: str, period: Period) -> list[dict[str, Any]]:
    return [
        {"usage_date": str(row["usage_date"])} | _key(row) | _usage(row)
        for row in _asked(laptop, "usage_day", grouping, period)
        if row["billing_basis"] == METERED
    ]


def _asked(
    laptop: Laptop, question: str, grouping: str, period: Period
) -> list[dict[str, Any]]:
    return laptop.ask(
        question,
        calendar="utc",
        grouping=grouping,
        since=period.since,
        until=period.until,
    )


COUNTS = (
    "request_count",
    "failed_count",
    "incomplete_count",
    "unpriced_count",
    "input_tokens",
    "output_tokens",
    "thinking_tokens",
    "cached_tokens",
    "cache_write_tokens",
)


def _usage(row: dict[str, Any]) -> dict[str, Any]:
    """Name a row's measures as the cloud does, with the daemon's cost as the cost."""
    unpriced = row["unsubmitted_count"]
    cost = None if unpriced == row["request_count"] else row["submitted_millicents"]
    recomputed = row["cost_pico"]
    return {name: row[name] for name in COUNTS} | {
        "unpriced_count": unpriced,
        "cost_usd": _usd(cost),
        "recomputed_usd": None if recomputed is None else usd_text(int(recomputed)),
    }


def _key(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: row[name] for name in ("billing_basis", "provider", "model", "project")
    }


def _usd(millicents: int | None) -> str | None:
    return None if millicents is None else usd_text(millicents * PICO_PER_MILLICENT)


def _range(period: Period) -> dict[str, Any]:
    return {
        "since": period.since.isoformat(),
        "until": period.until.isoformat(),
        "is_clamped": False,
    }


def _redactions(text: str | None) -> Any:
    """Read the daemon's map of what it took out; as text where it is no JSON."""
    try:
        return json.loads(text) if text else {}
    except ValueError:
        return {"unreadable": text}


def _written(row: dict[str, Any], names: tuple[str, ...] | list[str]) -> dict[str, Any]:
    return {name: written(row[name]) for name in names}
