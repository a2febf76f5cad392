"""What the daemon's open-source dashboard reads: `/health` and `/v1`.

The shapes are fixed by that dashboard. Money is the daemon's own, in millicents, and
every call counts, whatever plan it was billed by.
"""

from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, HTTPException, Response

from api.csv_text import csv_text
from api.local.filters import (
    AskedCalls,
    AskedPeriod,
    CallFilters,
    Filters,
    month_start,
    page_of_calls,
    project_id_of,
)
from api.local.laptop import Laptop
from api.local.moments import written
from api.local.resident import Reading

router = APIRouter()

MOST_CSV_ROWS = 10_000
# The last days that anything was recorded on. A time starts with a date, in some zone;
# within a day the order of the text is not that of time.
LATELY = """
    recorded_at >= (
        select date(substr(max(recorded_at), 1, 10), '-1 day')
        from requests
        where recorded_at < ':'
    )
"""
MILLICENT_DECIMALS = 5
TOTALS = (
    "total_requests",
    "total_input_tokens",
    "total_output_tokens",
    "total_thinking_tokens",
    "total_cache_read_tokens",
    "total_cache_write_tokens",
    "total_cost_usd_minor_units",
)
PROJECT_STATS = (
    "requests_this_month",
    "cost_usd_this_month_minor_units",
    "previous_month_cost_usd_minor_units",
    "all_time_cost_usd_minor_units",
    "all_time_requests",
    "last_active_at",
    "primary_model",
    "primary_provider",
    "top_model",
    "top_provider",
)
CALL = (
    "id",
    "provider",
    "model",
    "mode",
    "input_tokens",
    "output_tokens",
    "thinking_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cost_usd_minor_units",
    "latency_ms",
    "tokens_complete",
    "requested_at",
    "status",
    "rates_source",
)
CSV_COLUMNS = (
    "timestamp",
    "provider",
    "model",
    "mode",
    "input_tokens",
    "output_tokens",
    "thinking_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cost_usd",
    "latency_ms",
    "status",
)


@router.get("/health")
def health() -> dict[str, str]:
    """Say that this answers, and which version of it."""
    return {"status": "ok", "version": version("halton-meter-cloud")}


@router.get("/v1/daemon/status")
def daemon_status(laptop: Reading) -> dict[str, Any]:
    """Say when the daemon last recorded a call, and how many it did this hour."""
    (seen,) = laptop.ask_of(LATELY, "last_seen")
    (pulse,) = laptop.ask("pulse", since=datetime.now(UTC) - timedelta(hours=1))
    return {
        "last_seen_at": written(seen["last_seen_at"]),
        "request_count_last_hour": pulse["request_count"],
    }


@router.get("/v1/stats")
def stats(laptop: Reading, filters: AskedPeriod) -> dict[str, Any]:
    """Sum up the calls of all projects."""
    return _stats(laptop, filters, None)


@router.get("/v1/projects")
def projects(laptop: Reading) -> list[dict[str, Any]]:
    """List every project with what it used."""
    return _projects(laptop, None)


@router.get("/v1/projects/{slug}")
def project(laptop: Reading, slug: str) -> dict[str, Any]:
    """Return one project with what it used."""
    found = _projects(laptop, slug)
    if not found:
        raise HTTPException(404, f"Project {slug!r} not found")
    return found[0]


@router.get("/v1/projects/{slug}/stats")
def project_stats(laptop: Reading, slug: str, filters: AskedPeriod) -> dict[str, Any]:
    """Sum up the calls of one project, with the first page of them."""
    project_id = project_id_of(laptop, slug)
    summed = _stats(laptop, filters, project_id)
    summed["summary"] |= {
        "active_projects": 0,
        "models_in_use": 0,
        "last_request_at": None,
    }
    first = CallFilters()
    first.since, first.until = filters.since, filters.until
    first.provider = filters.provider
    return summed | {"requests": _calls(laptop, first, project_id)}


@router.get("/v1/projects/{slug}/requests")
def project_requests(laptop: Reading, slug: str, filters: AskedCalls) -> dict[str, Any]:
    """List the calls of one project, newest first."""
    return _calls(laptop, filters, project_id_of(laptop, slug))


@router.get("/v1/projects/{slug}/requests.csv")
def project_requests_csv(laptop: Reading, slug: str, filters: AskedCalls) -> Response:
    """Write the newest calls of one project as CSV."""
    filters.limit = MOST_CSV_ROWS
    calls, _ = page_of_calls(laptop, filters, project_id_of(laptop, slug))
    text = csv_text(
        CSV_COLUMNS,
        (
            [
                written(call["requested_at"]),
                *(call[name] for name in CSV_COLUMNS[1:9]),
                _six_decimals(call["cost_usd_minor_units"]),
                call["latency_ms"],
                call["status"],
            ]
            for call in calls
        ),
    )
    name = "".join(letter if letter.isalnum() else "-" for letter in slug)
    return Response(
        text,
        media_type="text/csv; charset=utf-8",
        headers={
            "content-disposition": f'attachment; filename="{name}-requests.csv"'
            if name.isascii()
            else "attachment"
        },
    )


def _stats(laptop: Laptop, filters: Filters, project_id: str | None) -> dict[str, Any]:
    period = (filters.since, filters.until)
    which = {"provider": filters.provider, "project_id": project_id}
    (summed,) = laptop.ask_between("stats_summary", *period, **which)
    parts: dict[str, list[dict[str, Any]]] = {
        "day": [],
        "day_provider": [],
        "provider": [],
        "provider_model": [],
    }
    for row in laptop.ask_between("stats_part", *period, **which):
        parts[row["part"]].append(row | {"date": str(row["usage_date"])})
    cached = summed["total_cache_read_tokens"]
    prompted = summed["total_input_tokens"] + cached
    spent = ("requests", "cost_usd_minor_units")
    tokens = ("input_tokens", "output_tokens")
    return {
        "summary": {name: summed[name] for name in TOTALS}
        | {
            "cache_hit_rate": round(cached / prompted, 4) if prompted else 0,
            "active_projects": summed["active_projects"],
            "models_in_use": summed["models_in_use"],
            "last_request_at": written(summed["last_request_at"]),
            "rates_breakdown": _only(summed, "bundled", "override", "unknown"),
        },
        "by_day": [_only(row, "date", *spent) for row in parts["day"]],
        "by_day_by_provider": [
            _only(row, "date", "provider", *spent) for row in parts["day_provider"]
        ],
        "by_provider": [_only(row, "provider", *spent) for row in parts["provider"]],
        "by_model": [
            _only(row, "provider", "model", "requests", *tokens, spent[1])
            for row in parts["provider_model"]
        ],
    }


def _projects(laptop: Laptop, slug: str | None) -> list[dict[str, Any]]:
    this_month = month_start(datetime.now(UTC))
    last_month = month_start(this_month - timedelta(days=1))
    found = laptop.ask(
        "project_stats",
        slug=slug,
        this_month=this_month.date(),
        last_month=last_month.date(),
    )
    return [
        {
            **_only(row, "id", "name", "slug"),
            "created_at": written(row["created_at"]),
            "archived_at": written(row["archived_at"]),
            "stats": _only(row, *PROJECT_STATS)
            | {"last_active_at": written(row["last_active_at"])},
        }
        for row in found
    ]


def _calls(laptop: Laptop, filters: CallFilters, project_id: str) -> dict[str, Any]:
    calls, next_cursor = page_of_calls(laptop, filters, project_id)
    (counted,) = laptop.ask("call_count", **filters.parameters(project_id))
    return {
        "items": [
            _only(call, *CALL) | {"requested_at": written(call["requested_at"])}
            for call in calls
        ],
        "next_cursor": next_cursor,
        "total": counted["total"],
    }


def _only(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _six_decimals(millicents: int | None) -> str | None:
    if millicents is None:
        return None
    whole, rest = divmod(abs(millicents), 10**MILLICENT_DECIMALS)
    return f"{'-' if millicents < 0 else ''}{whole}.{rest:05d}0"
