"""A backup is one when it was restored: keep, restore beside, compare.

What is compared was read in the very snapshot that was kept, so a drill can be run
while everything goes on.
"""

import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, IsolationLevel
from psycopg.conninfo import make_conninfo

from models.tenancy import Frozen
from models.trouble import Trouble
from warehouse.audit import Chain, verify
from warehouse.backup import receiving_wal, restore, run, take_base, wait_until_received
from warehouse.cluster import DATABASE, Role, composed, connect, conninfo
from warehouse.embedded import embedded_socket, leave

ROLES = ("hmc_ingest", "hmc_api", "hmc_analyst", "hmc_analyst_login")


class Drilled(Frozen):
    """What a backup held, and what came out of it again.

    `behind_seconds` is how long a commit took to be in the backup: what is lost when
    the server is lost at once. A dump has no such figure; it ends where it was taken.
    """

    tables: int
    rows: int
    cost_pico: int
    chains: int
    backup_bytes: int
    seconds: float
    behind_seconds: float | None = None


class _Contents(Frozen):
    counts: dict[str, int]
    cost_pico: int
    chains: list[Chain]


def drill(owner: Connection[Any]) -> Drilled:
    """Restore a dump of this warehouse into another Postgres and compare the two.

    Raises Trouble that names the first difference.
    """
    with _beside() as (folder, home):
        started = time.monotonic()
        dump = folder / "warehouse.dump"
        with _snapshot(owner) as snapshot:
            # Every row has a policy that shows it to the owner; without this option
            # pg_dump asks to bypass row security, which only a superuser may.
            run(
                "pg_dump",
                "--format=custom",
                "--enable-row-security",
                f"--snapshot={snapshot}",
                f"--file={dump}",
                conninfo(Role.OWNER),
            )
            before = _contents(owner)
        at = _empty(home, _owner_name(owner))
        run("pg_restore", "--exit-on-error", f"--dbname={at}", str(dump))
        return _compared(before, at, folder, started)


def drill_base_backup(owner: Connection[Any]) -> Drilled:
    """Restore a base backup and the WAL since, to one commit, and compare the two.

    Raises Trouble that names the first difference.
    """
    with _beside() as (folder, home):
        started = time.monotonic()
        with receiving_wal(folder):
            take_base(folder)
            with _snapshot(owner, still=True):
                place = str(_one(owner, "select pg_current_wal_insert_lsn()"))
                asked = time.monotonic()
                # A commit of our own, so that WAL flows where nothing else goes on.
                with connect(Role.OWNER) as other:
                    other.execute("select pg_logical_emit_message(true, 'drill', '')")
                wait_until_received(place)
                behind = time.monotonic() - asked
                before = _contents(owner)
        at = restore(folder, home, until=place)
        drilled = _compared(before, at, folder, started)
        return drilled.model_copy(update={"behind_seconds": behind})


@contextmanager
def _beside() -> Generator[tuple[Path, Path]]:
    """Give a folder for a backup and one for what comes out of it; then neither."""
    folder = Path(tempfile.mkdtemp(prefix="hmc-drill-"))
    home = folder / "restored"
    try:
        yield folder, home
    finally:
        leave(home)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _snapshot(owner: Connection[Any], *, still: bool = False) -> Generator[str]:
    """Read one snapshot for as long as the block lasts; give its name.

    `still`: taken while nobody writes, so that it is all that the WAL holds until now.
    """
    owner.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with _nobody_writing() if still else nullcontext():
            owner.execute("begin")
            snapshot = str(_one(owner, "select pg_export_snapshot()"))
        yield snapshot
    finally:
        owner.execute("commit")
        owner.isolation_level = None


@contextmanager
def _nobody_writing() -> Generator[None]:
    """Hold all writers back for the moment of the block."""
    with connect(Role.OWNER) as other, other.transaction():
        other.execute("set local lock_timeout = '30s'")
        for table in _tables(other):
            other.execute(composed(f"lock table {table} in share mode"))
        yield


def _compared(before: _Contents, at: str, folder: Path, started: float) -> Drilled:
    with psycopg.connect(at, autocommit=True) as restored:
        after = _contents(restored)
    _compare(before, after)
    files = [file for file in folder.rglob("*") if "restored" not in file.parts]
    return Drilled(
        tables=len(after.counts),
        rows=sum(after.counts.values()),
        cost_pico=after.cost_pico,
        chains=len(after.chains),
        backup_bytes=sum(file.stat().st_size for file in files if file.is_file()),
        seconds=time.monotonic() - started,
    )


def _empty(home: Path, owner_name: str) -> str:
    """Start another Postgres with our roles and an empty database; say where."""
    socket = embedded_socket(home)
    at = {"user": "postgres", "host": socket}
    with psycopg.connect(
        make_conninfo("", dbname="postgres", **at), autocommit=True
    ) as cluster:
        for role in {*ROLES, owner_name} - {"postgres"}:
            cluster.execute(composed(f'create role "{role}"'))
        cluster.execute(composed(f'create database {DATABASE} owner "{owner_name}"'))
    return make_conninfo("", dbname=DATABASE, **at)


def _tables(warehouse: Connection[Any]) -> list[str]:
    found = warehouse.execute(
        """
        select format('%I.%I', schemaname, tablename) from pg_tables
        where schemaname in ('app', 'raw', 'marts') order by 1
        """
    )
    return [name for (name,) in found.fetchall()]


def _contents(warehouse: Connection[Any]) -> _Contents:
    return _Contents(
        counts={
            table: int(_one(warehouse, f"select count(*) from {table}"))
            for table in _tables(warehouse)
        },
        cost_pico=int(
            _one(
                warehouse,
                "select coalesce(sum(cost_pico), 0) from marts.fct_priced_requests",
            )
        ),
        chains=verify(warehouse),
    )


def _compare(before: _Contents, after: _Contents) -> None:
    for table in before.counts.keys() | after.counts.keys():
        was, is_now = before.counts.get(table), after.counts.get(table)
        if was != is_now:
            raise Trouble(f"{table} had {was} rows and was restored with {is_now}")
    if before.cost_pico != after.cost_pico:
        raise Trouble(
            f"requests cost {before.cost_pico} picodollars and, restored,"
            f" {after.cost_pico}"
        )
    for was, is_now in zip(before.chains, after.chains, strict=True):
        if was != is_now or is_now.fault:
            raise Trouble(f"the audit chain {was.name} was not restored whole")


def _owner_name(owner: Connection[Any]) -> str:
    found = owner.execute("select current_user").fetchone()
    return str(found[0]) if found else Role.OWNER


def _one(warehouse: Connection[Any], query: str) -> Any:
    found = warehouse.execute(composed(query)).fetchone()
    return found[0] if found else 0
