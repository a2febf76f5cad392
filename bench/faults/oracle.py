"""An oracle: it knows what was acknowledged, and looks whether it is there."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg

AT_ONCE = 20_000


def tokens_of(request_id: UUID) -> int:
    """Return what a row has to hold: its content follows from its id."""
    return request_id.int % 1_000_003


@dataclass
class Found:
    """What is wrong with the tables. Empty where every promise was kept."""

    lost: set[UUID] = field(default_factory=set[UUID])
    twice: set[UUID] = field(default_factory=set[UUID])
    altered: set[UUID] = field(default_factory=set[UUID])

    def __bool__(self) -> bool:
        return bool(self.lost or self.twice or self.altered)

    def __str__(self) -> str:
        return (
            f"{len(self.lost)} lost, {len(self.twice)} twice,"
            f" {len(self.altered)} altered"
        )

    def add(self, other: "Found") -> None:
        """Add what else was found."""
        self.lost |= other.lost
        self.twice |= other.twice
        self.altered |= other.altered


class Oracle:
    """Every row that was acknowledged, from the moment that it was."""

    def __init__(self, workspace_id: UUID) -> None:
        self._workspace_id = workspace_id
        self._lock = threading.Lock()
        self._fresh: list[UUID] = []
        self._known: dict[UUID, None] = {}  # in the order of their answers
        self.acknowledged = 0

    def acknowledge(self, ids: Iterable[UUID]) -> bool:
        """Remember rows that a 200 has promised to keep; say whether any are new."""
        with self._lock:
            for one in ids:
                if one not in self._known:
                    self._known[one] = None
                    self._fresh.append(one)
            before, self.acknowledged = self.acknowledged, len(self._known)
        return self.acknowledged > before

    def snapshot(self) -> list[UUID]:
        """Return what has been acknowledged until now, oldest first."""
        with self._lock:
            return list(self._known)

    def look_at_fresh(self, database: psycopg.Connection[Any]) -> Found:
        """Look for what was acknowledged since this was last asked."""
        with self._lock:
            fresh, self._fresh = self._fresh, []
        return self.look_for(database, fresh)

    def look_at_all(self, database: psycopg.Connection[Any]) -> Found:
        """Look for everything, and for rows that are there twice."""
        found = self.look_for(database, self.snapshot())
        rows = database.execute(
            """
            select request_id from raw.requests
            group by workspace_id, request_id having count(*) > 1
            """
        ).fetchall()
        found.twice |= {request_id for (request_id,) in rows}
        return found

    def look_for(self, database: psycopg.Connection[Any], ids: list[UUID]) -> Found:
        """Look for rows by id: is each there, once, as it was sent."""
        found = Found()
        for some in _batched(ids, AT_ONCE):
            rows = database.execute(
                "select request_id, input_tokens from raw.requests"
                " where workspace_id = %s and request_id = any(%s)",
                [self._workspace_id, list(some)],
            ).fetchall()
            seen: set[UUID] = set()
            for request_id, tokens in rows:
                if request_id in seen:
                    found.twice.add(request_id)
                seen.add(request_id)
                if tokens != tokens_of(request_id):
                    found.altered.add(request_id)
            found.lost |= set(some) - seen
        return found


def _batched(ids: list[UUID], size: int) -> Iterable[list[UUID]]:
    return (ids[at : at + size] for at in range(0, len(ids), size))
