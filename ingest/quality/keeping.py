"""One look at the warehouse's health, kept as rows that the API shows.

Expectations of fresh rows, dbt's tests and freshness, and how many rows are whose.
"""

from datetime import timedelta
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from ingest.quality.looking import Unexpected, engine, unexpected
from ingest.rebuild import dbt
from models.quality import expectations
from models.tenancy import Frozen
from models.trouble import Trouble
from warehouse.cluster import composed

LOOKING = 7_204  # advisory lock: one look at a time
LOOKED_BACK = timedelta(days=1)
KNOWN = {"pass", "warn", "fail"}  # of dbt's words; whatever else it says is an error
KEPT = timedelta(days=90)  # what is over, before it is forgotten


class LookRunning(Trouble):
    """Another process is looking at this warehouse."""


class Looked(Frozen):
    """What one look found."""

    run_id: int
    expectations: int
    findings: int
    tests: dict[str, int]
    freshness: dict[str, str]
    seconds: float


def look(owner: Connection[Any]) -> Looked:
    """Look at everything once; LookRunning when another does.

    A look that fails half-way leaves what the last one found.
    """
    got = owner.execute("select pg_try_advisory_lock(%s)", [LOOKING]).fetchone()
    if got != (True,):
        raise LookRunning("another process is looking at the warehouse's health")
    try:
        return _look(owner)
    finally:
        owner.execute("select pg_advisory_unlock(%s)", [LOOKING])


def _look(owner: Connection[Any]) -> Looked:
    run_id, since = owner.execute(
        """
        insert into raw.quality_runs (engine, newest_change_id)
        values (%s, (select coalesce(max(change_id), 0) from raw.requests))
        returning run_id, (
            select coalesce(max(newest_change_id), 0) from raw.quality_runs
            where finished_at is not null and started_at < now() - %s
        )
        """,
        [engine(), LOOKED_BACK],
    ).fetchone() or (0, 0)
    found = list(unexpected(since))
    tests, freshness = _known(dbt.tested()), _known(dbt.freshness())
    with owner.transaction():
        _keep_findings(owner, found)
        _keep(owner, "raw.dbt_tests (test, status)", tests)
        _keep(owner, "raw.dbt_freshness (source, status)", freshness)
        _count_marts(owner)
        (seconds,) = owner.execute(
            """
            update raw.quality_runs set finished_at = clock_timestamp()
            where run_id = %s
            returning extract(epoch from finished_at - started_at)::float
            """,
            [run_id],
        ).fetchone() or (0.0,)
        owner.execute(
            "delete from raw.quality_runs where started_at < now() - %s", [KEPT]
        )
    return Looked(
        run_id=run_id,
        expectations=len(expectations()),
        findings=len(found),
        tests={went: list(tests.values()).count(went) for went in set(tests.values())},
        freshness=freshness,
        seconds=seconds,
    )


def _known(went: dict[str, str]) -> dict[str, str]:
    return {name: how if how in KNOWN else "error" for name, how in went.items()}


def _keep_findings(owner: Connection[Any], found: list[Unexpected]) -> None:
    """Keep what is found: what stands on is seen again, what is gone is resolved."""
    moment = owner.execute("select clock_timestamp()").fetchone()
    with owner.cursor() as cursor:
        cursor.executemany(
            """
            insert into raw.quality_findings (
                workspace_id, expectation, subject, observed, least, most,
                request_count
            )
            values (
                %(workspace_id)s, %(expectation)s, %(subject)s, %(observed)s,
                %(least)s, %(most)s, %(request_count)s
            )
            on conflict (workspace_id, expectation, subject) where resolved_at is null
            do update set
                observed = excluded.observed,
                least = excluded.least,
                most = excluded.most,
                request_count = excluded.request_count,
                last_seen_at = excluded.last_seen_at
            """,
            [each.model_dump() | {"subject": Jsonb(each.subject)} for each in found],
        )
    owner.execute(
        """
        update raw.quality_findings set resolved_at = clock_timestamp()
        where resolved_at is null and last_seen_at < %s
        """,
        moment,
    )
    owner.execute(
        "delete from raw.quality_findings where resolved_at < now() - %s", [KEPT]
    )


def _keep(owner: Connection[Any], table: str, went: dict[str, str]) -> None:
    """Put the results of this run in the place of the last one's."""
    name = table.partition(" ")[0]
    owner.execute(composed(f"delete from {name}"))
    with owner.cursor() as cursor:
        cursor.executemany(
            composed(f"insert into {table} values (%s, %s)"), list(went.items())
        )


def _count_marts(owner: Connection[Any]) -> None:
    owner.execute("delete from raw.mart_sizes")
    for (mart,) in owner.execute(
        """
        select tablename from pg_tables where schemaname = 'marts' order by tablename
        """
    ).fetchall():
        owner.execute(
            composed(
                f"""
                insert into raw.mart_sizes (workspace_id, mart, row_count)
                select workspace_id, %s, count(*) from marts.{mart}
                group by workspace_id
                """
            ),
            [mart],
        )
