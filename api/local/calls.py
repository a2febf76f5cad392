"""Single calls of a daemon's file: a page of the newest, and all of them as a file."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from api.local.asked import Period
from api.local.laptop import Laptop
from api.local.trouble import UnknownProject

FILTERS = ("since", "until", "provider", "model", "status", "project_id")
EXPORTED_AT_ONCE = 10_000


def newest_calls(
    laptop: Laptop,
    limit: int,
    *,
    cursor_at: datetime | None = None,
    cursor_id: str | None = None,
    **filters: Any,
) -> list[dict[str, Any]]:
    """Return the newest calls from a cursor on; a missing filter lets all by."""
    page = {"cursor_at": cursor_at, "limit": limit}
    places = laptop.ask("call_place", **dict.fromkeys(FILTERS) | filters, **page)
    listed = ", ".join(str(row["place"]) for row in places)
    return laptop.ask_of(f"rowid in ({listed})", "call", **page, cursor_id=cursor_id)


def project_id(laptop: Laptop, slug: str) -> str:
    """Return the daemon's id of a project; UnknownProject names those there are."""
    found = {row["slug"]: row["id"] for row in laptop.ask("project")}
    if slug not in found:
        known = ", ".join(sorted(found)[:12]) or "none"
        raise UnknownProject(
            f"no project {slug!r} in {laptop.file}; there are: {known}"
        )
    return found[slug]


def bounds(period: Period) -> dict[str, datetime]:
    """Return the first moment of a period, and the first after it."""
    return {
        "since": _start(period.since),
        "until": _start(period.until + timedelta(days=1)),
    }


def exported_rows(
    laptop: Laptop, period: Period, project: str | None
) -> Iterator[list[Any]]:
    """Return the columns' names, then every call of a period, thousands at a time."""
    yield from laptop.stream("export", EXPORTED_AT_ONCE, **_asked(period, project))


def export_parquet(
    laptop: Laptop, period: Period, project: str | None, to: Path
) -> None:
    """Write every call of a period to a Parquet file."""
    laptop.write("export", to, **_asked(period, project))


def _asked(period: Period, project: str | None) -> dict[str, Any]:
    days = bounds(period)
    return {
        "export_since": days["since"],
        "export_until": days["until"],
        "export_project": project,
    }


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
