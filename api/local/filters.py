"""What a request to the loopback API may narrow calls by, read from its query."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends, HTTPException, Query

from api.local import moments
from api.local.calls import newest_calls
from api.local.laptop import Laptop

MOST_ROWS = 200
Read = TypeVar("Read")


class Filters:
    """Each is None where it was not given; `until` itself is not in the period."""

    def __init__(
        self,
        since: Annotated[str | None, Query(description="A date or a moment.")] = None,
        until: Annotated[
            str | None, Query(description="A date, with its day, or a moment.")
        ] = None,
        provider: str | None = None,
    ) -> None:
        self.since = _read(moments.start_of, "since", since)
        self.until = _read(moments.end_of, "until", until)
        self.provider = provider or None

    def parameters(self, project_id: str | None) -> dict[str, Any]:
        """Return them as the parameters of a question."""
        return {
            "since": self.since,
            "until": self.until,
            "provider": self.provider,
            "project_id": project_id,
        }


class CallFilters(Filters):
    """Those of a list of calls, with the page of it that is asked for."""

    def __init__(  # noqa: PLR0913, PLR0917  one parameter per key of the query
        self,
        since: str | None = None,
        until: str | None = None,
        provider: str | None = None,
        model: str | None = None,
        status: str | None = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
    ) -> None:
        super().__init__(since, until, provider)
        self.model, self.status = model or None, status or None
        self.limit = limit
        place = _read(moments.place_of, "cursor", cursor)
        self.cursor_at, self.cursor_id = place or (None, None)

    def parameters(self, project_id: str | None) -> dict[str, Any]:
        """Return them as the parameters of a question, without the page."""
        return super().parameters(project_id) | {
            "model": self.model,
            "status": self.status,
        }


AskedPeriod = Annotated[Filters, Depends()]
AskedCalls = Annotated[CallFilters, Depends()]


def project_id_of(laptop: Laptop, slug: str) -> str:
    """Return the daemon's id of a project; 404 where there is none of that slug."""
    for project in laptop.ask("project"):
        if project["slug"] == slug:
            return project["id"]
    raise HTTPException(404, f"Project {slug!r} not found")


def page_of_calls(
    laptop: Laptop, filters: CallFilters, project_id: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """Return one page of calls, newest first, and the cursor of the next."""
    calls = newest_calls(
        laptop,
        filters.limit + 1,
        cursor_at=filters.cursor_at,
        cursor_id=filters.cursor_id,
        **filters.parameters(project_id),
    )
    if len(calls) <= filters.limit:
        return calls, None
    last = calls[filters.limit - 1]
    return calls[: filters.limit], moments.cursor_after(
        last["requested_at"], last["id"]
    )


def _read(read: Callable[[str], Read], name: str, text: str | None) -> Read | None:
    if not text:
        return None
    try:
        return read(text)
    except ValueError:
        raise HTTPException(422, f"{name}: cannot read {text!r}") from None


def month_start(at: datetime) -> datetime:
    """Return the first moment of its month."""
    return at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
