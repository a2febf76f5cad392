"""What has been kept long enough goes: in batches, noted in the audit log.

Requests go with a revision of the hours that they were in, so that the next rebuild
shows what a full refresh would show.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from graphlib import TopologicalSorter
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

from models.plans import plans
from models.tenancy import Frozen
from warehouse.cluster import composed

BATCH = 10_000
FOR_GOOD = datetime.max.replace(tzinfo=UTC)
# What outlives a workspace: its audit chain, for as long as audit logs are kept, and
# the ledger, which the rebuild still has to read. Neither names anybody.
OUTLIVING = {"app.audit_events", "app.audit_heads", "raw.changes"}

FORGET_REQUESTS = """
    with gone as (
        delete from raw.requests
        where workspace_id = %(workspace_id)s and request_id in (
            select request_id from raw.requests
            where workspace_id = %(workspace_id)s and requested_at < %(until)s
            order by requested_at limit %(batch)s
        )
        returning requested_at
    )

    insert into raw.changes (kind, cause, workspace_id, since, until, row_count)
    select
        'revision', 'retention', %(workspace_id)s, min(requested_at),
        max(requested_at) + interval '1 microsecond', count(*)
    from gone
    having count(*) > 0
    returning row_count
"""


# Nothing is asked as known before the oldest request that anybody keeps.
FORGET_CYCLES = """
    delete from raw.cycles
    where
        published_at < now() - make_interval(
            days => coalesce(
                (
                    select max(greatest(data_retention_days, 1)) from app.workspaces
                    where data_retention_days is not null
                ), 0
            )
        )
        and published_at < now() - make_interval(days => %s)
        and cycle_id < (
            select max(cycle_id) from raw.cycles where published_at is not null
        )
"""

# What a request was published as goes with it, and a landing whose requests are all
# gone has nothing left to say.
FORGET_WHAT_THEY_WERE = (
    """
    delete from raw.superseded_requests
    where workspace_id = %(workspace_id)s and usage_hour < %(until)s
    """,
    """
    delete from raw.changes as arrivals
    where
        workspace_id = %(workspace_id)s
        and kind = 'arrival'
        and published_at < %(until)s
        and not exists (
            select 1 from raw.requests
            where requests.change_id = arrivals.change_id
        )
    """,
)


class Retained(Frozen):
    """What went of one workspace, and whether all of it did."""

    workspace_id: UUID
    slug: str
    requests: int
    rejected_records: int
    audit_events: int
    is_purged: bool


def retain(owner: Connection[Any]) -> Iterator[Retained]:
    """Let go of what is past its time, workspace by workspace."""
    with owner.transaction():
        owner.execute(
            "delete from app.pairings where expires_at < now() - interval '1 day'"
        )
        owner.execute(
            """
            delete from app.webhook_messages
            where received_at < now() - interval '7 days'
            """
        )
        owner.execute(FORGET_CYCLES, [plans()["retention"]["data_retention_days"]])
    grace = timedelta(days=plans()["retention"]["deleted_workspace_days"])
    for workspace_id, slug, days, deleted_at in owner.execute(
        """
        select workspace_id, slug, data_retention_days, deleted_at
        from app.workspaces order by slug
        """
    ).fetchall():
        is_over = deleted_at is not None and deleted_at + grace < datetime.now(UTC)
        until = _midnight(days or plans()["retention"]["data_retention_days"])
        retained = _forget(owner, workspace_id, slug, FOR_GOOD if is_over else until)
        if is_over:
            _purge(owner, workspace_id)
            retained = retained.model_copy(update={"is_purged": True})
        yield retained


def _forget(
    owner: Connection[Any], workspace_id: UUID, slug: str, until: datetime
) -> Retained:
    asked = {"workspace_id": workspace_id, "until": until, "batch": BATCH}
    requests = 0
    while gone := owner.execute(FORGET_REQUESTS, asked).fetchone():
        requests += int(gone[0])
    for forget in FORGET_WHAT_THEY_WERE:
        owner.execute(forget, asked)
    rejected = owner.execute(
        """
        delete from raw.rejected_records
        where workspace_id = %(workspace_id)s and received_at < %(until)s
        """,
        asked,
    ).rowcount
    with owner.transaction():
        pruned = owner.execute(
            "select app.prune_audit(%s, %s)",
            [workspace_id, _midnight(plans()["retention"]["audit_log_retention_days"])],
        ).fetchone()
        if requests or rejected:
            owner.execute(
                """
                select app.append_event(
                    %s, 'retention.applied', 'workspaces', %s, null, %s
                )
                """,
                [
                    workspace_id,
                    str(workspace_id),
                    Jsonb(
                        {
                            "until": until.isoformat(),
                            "requests": requests,
                            "rejected_records": rejected,
                        }
                    ),
                ],
            )
    return Retained(
        workspace_id=workspace_id,
        slug=slug,
        requests=requests,
        rejected_records=rejected,
        audit_events=int(pruned[0]) if pruned else 0,
        is_purged=False,
    )


def _purge(owner: Connection[Any], workspace_id: UUID) -> None:
    """Delete every row of a workspace, from what refers to what is referred to."""
    with owner.transaction():
        for (login,) in owner.execute(
            "select login from app.analyst_logins where workspace_id = %s",
            [workspace_id],
        ).fetchall():
            owner.execute(composed(f'drop role if exists "{login}"'))
        for table in _referring_first(owner):
            owner.execute(
                composed(f"delete from {table} where workspace_id = %s"),
                [workspace_id],
            )
        owner.execute(
            """
            select app.append_event(
                null, 'workspaces.purged', 'workspaces', %s, null, null
            )
            """,
            [str(workspace_id)],
        )


def _referring_first(owner: Connection[Any]) -> list[str]:
    """Return every table with a workspace, each before the tables that it refers to."""
    tables = {
        name
        for (name,) in owner.execute(
            """
            select nspname || '.' || relname from pg_class
            inner join pg_namespace on relnamespace = pg_namespace.oid
            inner join pg_attribute
                on pg_class.oid = attrelid and attname = 'workspace_id'
            where
                nspname in ('app', 'raw')
                and relkind in ('r', 'p')
                and not relispartition
            """
        ).fetchall()
    } - OUTLIVING
    references: dict[str, set[str]] = {table: set() for table in tables}
    for referring, referred in owner.execute(
        "select conrelid::regclass::text, confrelid::regclass::text"
        " from pg_constraint where contype = 'f'"
    ).fetchall():
        if referring != referred and {referring, referred} <= tables:
            references[referred].add(referring)
    return list(TopologicalSorter(references).static_order())


def _midnight(days_ago: int) -> datetime:
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=days_ago - 1)
