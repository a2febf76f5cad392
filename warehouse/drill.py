"""A backup is one when it was restored: dump, restore beside, compare.

What is compared was read in the very snapshot that was dumped, so the drill can be
run while everything goes on.
"""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, IsolationLevel
from psycopg.conninfo import make_conninfo

from models.tenancy import Frozen
from models.trouble import Trouble
from warehouse.audit import Chain, verify
from warehouse.cluster import DATABASE, Role, composed, conninfo
from warehouse.embedded import embedded_socket, leave, program

ROLES = ("hmc_ingest", "hmc_api", "hmc_analyst", "hmc_analyst_login")


class Drilled(Frozen):
    """What a dump held, and what came out of it again."""

    tables: int
    rows: int
    cost_pico: int
    chains: int
    dump_bytes: int
    seconds: float


class _Contents(Frozen):
    counts: dict[str, int]
    cost_pico: int
    chains: list[Chain]


def drill(owner: Connection[Any]) -> Drilled:
    """Restore a dump of this warehouse into another Postgres and compare the two.

    Raises Trouble that names the first difference.
    """
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="hmc-drill-"))
    dump, home = folder / "warehouse.dump", folder / "restored"
    try:
        before = _dumped(owner, dump)
        at = _empty(home, _owner_name(owner))
        _run("pg_restore", "--exit-on-error", f"--dbname={at}", str(dump))
        with psycopg.connect(at, autocommit=True) as restored:
            after = _contents(restored)
        _compare(before, after)
        return Drilled(
            tables=len(after.counts),
            rows=sum(after.counts.values()),
            cost_pico=after.cost_pico,
            chains=len(after.chains),
            dump_bytes=dump.stat().st_size,
            seconds=time.monotonic() - started,
        )
    finally:
        leave(home)
        shutil.rmtree(folder, ignore_errors=True)


def _dumped(owner: Connection[Any], dump: Path) -> _Contents:
    """Write a dump, and read what is in the snapshot that it is of."""
    owner.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with owner.transaction():
            (snapshot,) = owner.execute("select pg_export_snapshot()").fetchone() or (
                "",
            )
            # Every row has a policy that shows it to the owner; without this option
            # pg_dump asks to bypass row security, which only a superuser may.
            _run(
                "pg_dump",
                "--format=custom",
                "--enable-row-security",
                f"--snapshot={snapshot}",
                f"--file={dump}",
                conninfo(Role.OWNER),
            )
            return _contents(owner)
    finally:
        owner.isolation_level = None


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


def _contents(warehouse: Connection[Any]) -> _Contents:
    tables = warehouse.execute(
        """
        select format('%I.%I', schemaname, tablename) from pg_tables
        where schemaname in ('app', 'raw', 'marts') order by 1
        """
    ).fetchall()
    return _Contents(
        counts={
            table: _one(warehouse, f"select count(*) from {table}")
            for (table,) in tables
        },
        cost_pico=_one(
            warehouse,
            "select coalesce(sum(cost_pico), 0) from marts.fct_priced_requests",
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


def _one(warehouse: Connection[Any], query: str) -> int:
    found = warehouse.execute(composed(query)).fetchone()
    return int(found[0]) if found else 0


def _run(name: str, *words: str) -> None:
    result = subprocess.run(
        [program(name), *words], capture_output=True, text=True, check=False
    )
    if result.returncode:
        why = " ".join(result.stderr.split()) or f"exit code {result.returncode}"
        raise Trouble(f"{name}: {why[:400]}")
