"""Broken twins: each breaks one promise, and a bench that misses it proves nothing.

python -m bench.faults.twins NAME --port 8000    serves as one of them
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bench.faults.serving import Forked, Serving, Started
from bench.faults.site import Site

LATE_SECONDS = 0.3


@dataclass(frozen=True)
class Twin:
    """How a twin is served, and what is done to its database first."""

    name: str
    prepare: Callable[[Site], None]
    is_another_server: bool = False

    def serving(self, site: Site) -> Serving:
        """Serve as the twin."""
        if not self.is_another_server:
            return Forked(site.home, site.log)
        return Started(site.home, site.log, ("-m", "bench.faults.twins", self.name))


def _drop_unique_key(site: Site) -> None:
    with site.product.superuser() as database:
        database.execute("alter table raw.requests drop constraint requests_pkey")
        database.execute(
            "create index requests_pkey on raw.requests (workspace_id, request_id)"
        )


def _as_it_is(_site: Site) -> None:
    pass


TWINS = {
    twin.name: twin
    for twin in (
        Twin("answer-before-commit", _as_it_is, is_another_server=True),
        Twin("no-unique-key", _drop_unique_key, is_another_server=True),
        Twin(
            "synchronous-commit-off",
            lambda site: site.configure(
                synchronous_commit="off", wal_writer_delay="2000ms"
            ),
        ),
        Twin("fsync-off", lambda site: site.configure(fsync="off")),
    )
}


def _answer_before_commit() -> None:
    from warehouse import doors

    held: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def landing_as(self: Any, machine: Any) -> AsyncGenerator[Any]:
        pool = self.pool(doors.Role.INGEST)
        connection = await pool.getconn()
        await connection.execute("begin")
        await doors._mark(  # noqa: SLF001  a twin may
            connection,
            workspace_id=machine.workspace_id,
            actor_kind="daemon",
            actor_id=machine.machine_id,
        )
        yield connection

        async def commit_later() -> None:
            await asyncio.sleep(LATE_SECONDS)
            try:
                await connection.commit()
            finally:
                await pool.putconn(connection)

        task = asyncio.create_task(commit_later())
        held.add(task)
        task.add_done_callback(held.discard)

    doors.Doors.landing_as = landing_as  # pyright: ignore[reportAttributeAccessIssue]


def _no_unique_key() -> None:
    from ingest.daemons import landing
    from warehouse.cluster import composed

    text = landing.LAND.as_string(None)
    landing.LAND = composed(  # pyright: ignore[reportAttributeAccessIssue, reportConstantRedefinition]
        text.replace("on conflict (workspace_id, request_id) do nothing", "")
    )


def main() -> None:
    """Serve as the twin of that name."""
    from hmc.running import run_api

    breaking = {
        "answer-before-commit": _answer_before_commit,
        "no-unique-key": _no_unique_key,
    }
    breaking[sys.argv[1]]()
    run_api("127.0.0.1", int(sys.argv[3]))


if __name__ == "__main__":
    main()
