"""One cycle: freeze the ledger, let dbt prepare, publish all marts at once.

Exactly once: the statements that change the marts and the crossing-off of the ledger
commit together, so a cycle that dies anywhere is simply run again.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from ingest.rebuild.adjustments import post_adjustments
from ingest.rebuild.dbt import (
    build_version,
    fact_columns,
    made_by_cycles,
    run_models,
)
from models.trouble import Trouble
from warehouse.cluster import Role, composed, connect

REBUILDING = 7_202  # advisory lock: one rebuild at a time
MOST_CHANGES = 20_000  # in one cycle, so that a backlog is worked off in bounded steps


@dataclass(frozen=True)
class Published:
    """What a cycle made visible."""

    cycle_id: int
    is_full_refresh: bool
    request_count: int
    revised_hour_count: int
    seconds: float


class RebuildRunning(Trouble):
    """Another process is rebuilding this warehouse."""


@contextmanager
def rebuilding(*, wait: bool = True) -> Generator[Connection[Any]]:
    """Hold the one right to rebuild; RebuildRunning when taken and not waiting."""
    with connect(Role.OWNER) as owner:
        if wait:
            owner.execute("select pg_advisory_lock(%s)", [REBUILDING])
        else:
            got = owner.execute(
                "select pg_try_advisory_lock(%s)", [REBUILDING]
            ).fetchone()
            if got != (True,):
                raise RebuildRunning("another process is rebuilding")
        yield owner


def needs_full_refresh(owner: Connection[Any]) -> bool:
    """Say whether the marts are missing or were made by other SQL than this."""
    last = owner.execute(
        """
        select build from raw.cycles where published_at is not null
        order by published_at desc limit 1
        """
    ).fetchone()
    return last != (build_version(),)


def something_changed(owner: Connection[Any]) -> bool:
    """Say whether the ledger has an entry that no cycle has published."""
    found = owner.execute(
        "select exists (select 1 from raw.changes where published_at is null)"
    ).fetchone()
    return found == (True,)


def rebuild(owner: Connection[Any], *, full_refresh: bool = False) -> Published:
    """Run one cycle over the changes that are open now.

    Raises BuildFailed with the ledger untouched: the same changes come again.
    """
    is_other_build = needs_full_refresh(owner)
    whole = full_refresh or is_other_build
    cycle_id = _freeze(owner, whole=whole)
    compared = (
        whole
        and _can_be_compared(owner)
        and (is_other_build or _revises(owner, cycle_id))
    )
    run_models(full_refresh=whole, compared=compared)
    published = _publish(
        owner,
        cycle_id,
        whole=whole,
        compared=compared,
        forgets=is_other_build and not compared,
    )
    if whole and _lacks_what_cycles_make(owner):
        # Or a new warehouse would show as failing every test that reads such a table.
        rebuild(owner)
    return published


def _lacks_what_cycles_make(owner: Connection[Any]) -> bool:
    """Say whether no cycle has run yet that makes the tables which only cycles make."""
    found = owner.execute(
        "select bool_or(to_regclass('intermediate.' || made) is null)"
        " from unnest(%s::text []) as made",
        [made_by_cycles()],
    ).fetchone()
    return found == (True,)


def _revises(owner: Connection[Any], cycle_id: int) -> bool:
    found = owner.execute(
        """
        select exists (
            select 1 from raw.changes where cycle_id = %s and kind = 'revision'
        )
        """,
        [cycle_id],
    ).fetchone()
    return found == (True,)


def _can_be_compared(owner: Connection[Any]) -> bool:
    """Say whether requests stand, in the columns in which they are remembered."""
    found = owner.execute(
        """
        select array_agg(attname::text) from pg_attribute
        where
            attrelid = to_regclass('marts.fct_priced_requests')
            and attnum > 0
            and not attisdropped
        """
    ).fetchone()
    standing = set(found[0] or ()) if found else set[str]()
    return bool(standing) and standing == set(fact_columns())


def _freeze(owner: Connection[Any], *, whole: bool) -> int:
    with owner.transaction():
        (cycle_id,) = owner.execute(
            """
            insert into raw.cycles (is_full_refresh, build) values (%s, %s)
            returning cycle_id
            """,
            [whole, build_version()],
        ).fetchone() or (0,)
        # By id and not by time: a landing that commits late is never crossed off
        # unseen. A cycle that failed left its marks; they are taken over.
        owner.execute(
            """
            update raw.changes set cycle_id = %(cycle_id)s
            where published_at is null and change_id in (
                select change_id from raw.changes where published_at is null
                order by change_id limit %(most)s
            )
            """,
            {"cycle_id": cycle_id, "most": None if whole else MOST_CHANGES},
        )
        owner.execute(
            """
            update raw.changes set cycle_id = null
            where published_at is null and cycle_id <> %s
            """,
            [cycle_id],
        )
        owner.execute("delete from pending.publications")
    return cycle_id


def _publish(
    owner: Connection[Any],
    cycle_id: int,
    *,
    whole: bool,
    compared: bool,
    forgets: bool,
) -> Published:
    with owner.transaction():
        if forgets:
            # In columns of other SQL, what was known before can't be told from now.
            owner.execute(
                "update raw.cycles set is_remembered = false where cycle_id < %s",
                [cycle_id],
            )
        if whole:
            # Tables are about to be swapped, which no snapshot protects from:
            # readers hold this table's share lock for as long as they read.
            owner.execute("lock table raw.cycles in access exclusive mode")
        request_count = _count(owner, "pending.fct_priced_requests")
        hour_count = 0 if whole else _count(owner, "intermediate.int_hours_revised")
        owner.execute(
            """
            select raw.follow_columns(
                'raw.superseded_requests', 'pending.fct_priced_requests'
            )
            """
        )
        if compared or not whole:
            _remember(owner)
        statements = owner.execute(
            "select statement from pending.publications order by position"
        ).fetchall()
        for (statement,) in statements:
            owner.execute(statement)
        owner.execute(
            """
            update raw.changes set published_at = clock_timestamp()
            where cycle_id = %s and published_at is null
            """,
            [cycle_id],
        )
        (seconds,) = owner.execute(
            """
            update raw.cycles set
                published_at = clock_timestamp(),
                request_count = %s,
                revised_hour_count = %s
            where cycle_id = %s
            returning extract(epoch from published_at - started_at)::float
            """,
            [request_count, hour_count, cycle_id],
        ).fetchone() or (0.0,)
        post_adjustments(owner, cycle_id, whole=whole)
    owner.execute(
        "delete from raw.cycles where published_at is null and cycle_id < %s",
        [cycle_id],
    )
    return Published(cycle_id, whole, request_count, hour_count, seconds)


def _remember(owner: Connection[Any]) -> None:
    """Keep what this cycle publishes differently as it was published until now."""
    superseded = "intermediate.int_requests_superseded"
    if _count(owner, superseded) == 0:
        return
    columns = ", ".join([*fact_columns(), "known_to_cycle"])
    owner.execute(
        composed(
            f"insert into raw.superseded_requests ({columns})"
            f" select {columns} from {superseded}"
        )
    )
    # In a cycle the new rows say so themselves; a full refresh reads it from memory,
    # which had not been written when it was prepared.
    owner.execute(
        composed(
            f"""
            update pending.fct_priced_requests as requests
            set known_from_cycle = superseded.known_to_cycle
            from {superseded} as superseded
            where
                requests.workspace_id = superseded.workspace_id
                and requests.request_id = superseded.request_id
                and requests.known_from_cycle <> superseded.known_to_cycle
            """
        )
    )


def _count(owner: Connection[Any], table: str) -> int:
    found = owner.execute(composed(f"select count(*) from {table}")).fetchone()
    return int(found[0]) if found else 0
