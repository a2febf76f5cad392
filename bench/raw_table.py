"""What the table of landed requests costs as it grows: room, landing, finding.

    python -m bench.raw_table [--sizes 1000000 10000000] [--partitions 16]

Rows are those of 200 uneven workspaces, put there in the order of their time and with
every index in place, as daemons do: a million to a year, so that a day holds as many
whatever the size. At each size: bytes a row by index, rows a second of batches of
500 with their commits and of the same batches sent again, and how long each way of
finding rows takes. With `--partitions` the rows stand in a table that is split by the
hash of the workspace instead. All in SQL: no HTTP, no JSON.
"""

import argparse
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from psycopg.rows import dict_row

from bench.product import superuser
from bench.rebuild import MAKE_WORKSPACES, WORKSPACES, land

ROWS = 500
BATCHES = 60
TIMES = 21
SEED = 1_000_000  # made one by one; what is more is those again, with ids of their own

SPLIT = """
create schema if not exists bench;
alter table raw.requests set schema bench;
create table raw.requests (like bench.requests including all)
partition by hash (workspace_id);
alter table raw.requests alter column change_id set (n_distinct = -0.002);
"""
# Changes of a copy stand beside each other as those of the seed do.
COPY = """
insert into raw.requests ({columns})
select {selected} from raw.requests as seed
where change_id between %(first)s and %(last)s
"""
NEW_BATCHES = """
create unlogged table bench_batches as
select
    seed.*,
    gen_random_uuid() as new_id,
    dense_rank() over (order by change_id) as batch
from raw.requests as seed
where change_id in (
    select change_id from (
        select distinct change_id from raw.requests where change_id <= %(last)s
    ) as changes order by random() limit %(batches)s
)
"""
LAND = """
insert into raw.requests ({columns})
select {selected} from bench_batches
where batch = %(batch)s order by new_id
on conflict (workspace_id, request_id) do nothing
"""
FOUND = {
    "one receipt": """
        select * from raw.requests
        where workspace_id = %(workspace_id)s and request_id = %(request_id)s
    """,
    "a cycle's 60 landings": """
        select count(cost) from (
            select submitted_millicents as cost from raw.requests
            where change_id between %(change_id)s and %(change_id)s + 59
        ) as found
    """,
    "an hour of the largest": """
        select count(submitted_millicents) from raw.requests
        where
            workspace_id = %(workspace_id)s
            and requested_at >= %(at)s
            and requested_at < %(at)s::timestamptz + interval '1 hour'
    """,
    "a day of the largest": """
        select count(submitted_millicents) from raw.requests
        where
            workspace_id = %(workspace_id)s
            and requested_at >= %(at)s
            and requested_at < %(at)s::timestamptz + interval '1 day'
    """,
}
SIZES = """
with tables as (
    select 'raw.requests'::regclass as oid
    union
    select relid from pg_partition_tree('raw.requests')
),

relations as (
    select
        oid,
        'table' as named
    from tables
    union all
    select
        indexrelid,
        (
            select string_agg(attname, ', ' order by attnum)
            from pg_attribute where attrelid = indexrelid
        )
    from pg_index where indrelid in (select oid from tables)
)

select
    named,
    sum(pg_relation_size(oid))::bigint
from relations
group by named
order by 2 desc
"""
A_REQUEST = """
select
    workspace_id,
    request_id,
    requested_at as at,
    change_id
from raw.requests
where
    change_id = 1 + floor(%(share)s * %(changes)s)::int
    and workspace_id = (
        select workspace_id from app.workspaces where slug = 'bench-1'
    )
limit 1
"""


class Table:
    """The table under measurement, and the connection that works on it."""

    def __init__(self, owner: psycopg.Connection[Any]) -> None:
        self._owner = owner
        self._columns: list[str] = [
            name
            for (name,) in owner.execute(
                """
                select attname from pg_attribute
                where attrelid = 'raw.requests'::regclass
                and attnum > 0 and not attisdropped
                """
            ).fetchall()
        ]
        self._seed_changes = 0
        self._rows = 0

    def split(self, partitions: int) -> None:
        """Split by the hash of the workspace; every key and index stays."""
        self._execute(SPLIT)
        for number in range(partitions):
            self._execute(
                f"create table raw.requests_{number} partition of raw.requests"
                f" for values with (modulus {partitions}, remainder {number})"
            )

    def fill(self, count: int) -> None:
        """Bring the table to so many rows."""
        if not self._rows:
            land(self._owner, min(count, SEED), days=365, in_order=True)
            self._rows = min(count, SEED)
            self._seed_changes = self._one("select max(change_id) from raw.requests")
        while self._rows < count:
            copies = self._rows // SEED
            selected = self._selected(
                request_id="gen_random_uuid()",
                change_id=f"change_id + {copies * self._seed_changes}",
                **_years_later(copies),
            )
            copy = COPY.format(columns=", ".join(self._columns), selected=selected)
            for first in range(1, self._seed_changes, 500):
                self._execute(copy, first=first, last=first + 499)
            self._rows += SEED
        self._execute("vacuum analyze raw.requests")
        self._execute("checkpoint")

    def measure(self) -> None:
        """Print each figure as soon as there is one."""
        print(f"{self._rows:,} rows", flush=True)
        for named, size in self._owner.execute(SIZES).fetchall():
            print(f"{named:>26}  {size / self._rows:9.1f} bytes a row")
        self._execute("drop table if exists bench_batches")
        self._execute(NEW_BATCHES, last=self._seed_changes, batches=BATCHES)
        print(f"{'landing':>26}  {self._land():9,.0f} rows/s")
        print(f"{'landing them again':>26}  {self._land():9,.0f} rows/s")
        for what, sql in FOUND.items():
            print(f"{what:>26}  {self._find(sql):9.2f} ms", flush=True)
        print(f"{'letting 10,000 go':>26}  {self._let_go():9.2f} s", flush=True)

    def _land(self) -> float:
        """Land the batches, a commit each; return rows a second."""
        selected = self._selected(
            request_id="new_id",
            change_id="1000000000 + batch",
            received_at="now()",
            **_years_later(-(-self._rows // SEED)),
        )
        sql = LAND.format(columns=", ".join(self._columns), selected=selected)
        runs = [
            _timed(lambda batch=batch: self._execute(sql, batch=batch))
            for batch in range(1, BATCHES + 1)
        ]
        return ROWS / median(runs)

    def _find(self, sql: str) -> float:
        """Return the milliseconds of finding rows, each time others."""
        changes = self._seed_changes * max(1, self._rows // SEED)
        runs: list[float] = []
        for _ in range(20 * TIMES):
            share = {"share": random.random(), "changes": changes}
            cursor = self._owner.cursor(row_factory=dict_row)
            asked = cursor.execute(A_REQUEST, share).fetchone()
            if asked:  # or it was a landing of another workspace
                runs.append(_timed(lambda asked=asked: self._execute(sql, **asked)))
            if len(runs) == TIMES:
                break
        return 1_000 * median(runs)

    def _let_go(self) -> float:
        """Delete a batch of the oldest, as retention does; return the seconds."""
        from warehouse.retention import BATCH, FORGET_REQUESTS

        workspace_id = self._one(
            "select workspace_id::text from app.workspaces where slug = 'bench-1'"
        )
        return median(
            _timed(
                lambda: self._execute(
                    FORGET_REQUESTS,
                    workspace_id=workspace_id,
                    until="infinity",
                    batch=BATCH,
                )
            )
            for _ in range(3)
        )

    def _selected(self, **instead: str) -> str:
        return ", ".join(instead.get(name) or name for name in self._columns)

    def _one(self, sql: str) -> Any:
        row = self._owner.execute(sql).fetchone()  # type: ignore[arg-type]
        return row[0] if row else None

    def _execute(self, sql: str, **asked: Any) -> None:
        self._owner.execute(sql, asked or None)  # type: ignore[arg-type]


def _years_later(years: int) -> dict[str, str]:
    moments = ("requested_at", "recorded_at")
    return {one: f"{one} + {years} * interval '365 days'" for one in moments}


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--sizes", type=int, nargs="*", default=[1_000_000, 10_000_000])
    words.add_argument("--partitions", type=int, default=0)
    asked = words.parse_args()
    home = Path(tempfile.mkdtemp(prefix="hmc-bench-"))
    os.environ["HMC_DATA_DIR"] = str(home)
    from warehouse.embedded import leave
    from warehouse.migrate import migrate

    migrate()
    try:
        with superuser(home) as owner:
            owner.execute(MAKE_WORKSPACES, {"workspaces": WORKSPACES})
            table = Table(owner)
            if asked.partitions:
                table.split(asked.partitions)
            for size in asked.sizes:
                table.fill(size)
                table.measure()
    finally:
        leave(home)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
