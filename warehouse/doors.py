"""The doors to the warehouse: each opens one transaction that sees one workspace.

Nothing else in the product hands out a connection to a request. Every door sets the
workspace for its transaction alone, so nothing of it is left in the pool.
"""

import select
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection, IsolationLevel
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from psycopg_pool.base import AttemptWithBackoff

from models.tenancy import Caller, Person, Sender, WorkspaceId
from warehouse.cluster import Role, composed, conninfo

Warehouse = AsyncConnection[DictRow]

# Longest anyone waits for a connection, and longest a statement runs: a daemon
# gives up at 60 s, so an answer of 503 has to come well before.
WAIT_SECONDS = 10
STATEMENT_SECONDS = 30
# A pool that lost its connections tries again after pauses that double, up to minutes:
# after an outage everybody would wait out the pause. So it tries five times a second.
AttemptWithBackoff.INITIAL_DELAY = 0.2
AttemptWithBackoff.DELAY_BACKOFF = 1.0


class Origin(NamedTuple):
    """Where a request came from, for the audit log to say."""

    address: str
    request_id: str


# Set by the server for each request; every door marks its transaction with it.
origin: ContextVar[Origin | None] = ContextVar("origin", default=None)


class Doors:
    """The pools of one process: one per role, opened on first need, closed once."""

    def __init__(self, *, ingest: int = 10, api: int = 10) -> None:
        self._sizes = {Role.INGEST: ingest, Role.API: api}
        self._pools: dict[Role, AsyncConnectionPool[Warehouse]] = {}

    def pool(self, role: Role) -> AsyncConnectionPool[Warehouse]:
        """Return a role's pool. It opens whether or not Postgres answers yet."""
        if role not in self._pools:
            raise RuntimeError("the doors are closed")
        return self._pools[role]

    async def open(self) -> None:
        """Make the pools; connections come when Postgres does."""
        for role, size in self._sizes.items():
            pool = AsyncConnectionPool(
                conninfo(role),
                connection_class=AsyncConnection[DictRow],
                kwargs={"row_factory": dict_row},
                configure=_configure,
                min_size=1,
                max_size=size,
                timeout=WAIT_SECONDS,
                check=_still_open,
                open=False,
            )
            await pool.open(wait=False)
            self._pools[role] = pool

    async def close(self) -> None:
        """Give all connections back."""
        while self._pools:
            _, pool = self._pools.popitem()
            await pool.close()

    @asynccontextmanager
    async def reading_as(self, caller: Caller) -> AsyncGenerator[Warehouse]:
        """Open a read-only snapshot of one workspace: whole cycles, nothing else's."""
        async with self.pool(Role.API).connection() as connection:
            await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
            await connection.set_read_only(True)
            async with connection.transaction():
                # The lock comes before the snapshot: a full refresh swaps tables
                # under an exclusive lock on raw.cycles, which no snapshot survives.
                await connection.execute(
                    composed(
                        "lock table raw.cycles in access share mode;"
                        f"select {_setting('workspace_id', caller.workspace_id)},"
                        f"{_setting('user_id', caller.user_id)}"
                    )
                )
                yield connection

    @asynccontextmanager
    async def deciding_as(self, caller: Caller) -> AsyncGenerator[Warehouse]:
        """Open a transaction in which a member changes what is theirs to decide."""
        async with self._writing(
            Role.API,
            workspace_id=caller.workspace_id,
            user_id=caller.user_id,
            actor_kind=caller.actor_kind,
            actor_id=caller.actor_id,
        ) as connection:
            yield connection

    @asynccontextmanager
    async def landing_as(self, machine: Sender) -> AsyncGenerator[Warehouse]:
        """Open a transaction in which a machine's rows land in its workspace.

        What needs no answer is sent with what does: a cursor says nothing of its
        statement until something is fetched from it.
        """
        async with (
            self.pool(Role.INGEST).connection() as connection,
            connection.pipeline(),
            connection.transaction(),
        ):
            await _mark(
                connection,
                workspace_id=machine.workspace_id,
                actor_kind="daemon",
                actor_id=machine.machine_id,
            )
            yield connection

    @asynccontextmanager
    async def identifying(
        self, person: Person | None = None
    ) -> AsyncGenerator[Warehouse]:
        """Open a transaction in no workspace: only lookups by a secret answer."""
        who = (
            {}
            if person is None
            else {"user_id": person.user_id, "actor_id": person.user_id}
        )
        async with self._writing(Role.API, actor_kind="person", **who) as connection:
            yield connection

    @asynccontextmanager
    async def recognising(self) -> AsyncGenerator[Warehouse]:
        """Lend a connection for one lookup of a daemon by its secret."""
        async with self.pool(Role.INGEST).connection() as connection:
            yield connection

    @asynccontextmanager
    async def pairing(self) -> AsyncGenerator[Warehouse]:
        """Open a transaction in no workspace, as the daemons' side."""
        async with self._writing(Role.INGEST, actor_kind="daemon") as connection:
            yield connection

    @asynccontextmanager
    async def hearing(self) -> AsyncGenerator[Warehouse]:
        """Open a transaction in no workspace, for what the sessions' issuer tells."""
        async with self._writing(
            Role.API, actor_kind="issuer", actor_id="clerk"
        ) as connection:
            yield connection

    @asynccontextmanager
    async def _writing(
        self, role: Role, **marks: UUID | str
    ) -> AsyncGenerator[Warehouse]:
        async with self.pool(role).connection() as connection:
            await connection.set_isolation_level(IsolationLevel.READ_COMMITTED)
            await connection.set_read_only(False)
            async with connection.transaction():
                await _mark(connection, **marks)
                yield connection


async def enter(warehouse: Warehouse, workspace_id: UUID) -> WorkspaceId:
    """Let a transaction that was opened in no workspace into one that it looked up."""
    await warehouse.execute(
        "select set_config('app.workspace_id', %s, true)", [str(workspace_id)]
    )
    return WorkspaceId(workspace_id)


async def _mark(connection: Warehouse, **marks: UUID | str) -> None:
    """Say for this transaction alone where it is, who acts, and from where."""
    asked = origin.get()
    said = marks | (asked._asdict() if asked else {})
    await connection.execute(
        """
        select set_config('app.' || key, value, true) from jsonb_each_text(%s)
        """,
        [Jsonb({name: str(value) for name, value in said.items()})],
    )


def _setting(name: str, value: UUID) -> str:
    # A UUID prints as hex and dashes only, so it can stand in the text; and one
    # text with two statements is one round trip.
    return f"set_config('app.{name}', '{UUID(str(value))}', true)"


async def _configure(connection: AsyncConnection[Any]) -> None:
    await connection.set_autocommit(True)
    await connection.execute(
        composed(
            "select set_config('search_path', 'marts', false),"
            "set_config('timezone', 'UTC', false),"
            f"set_config('statement_timeout', '{STATEMENT_SECONDS}s', false)"
        )
    )


async def _still_open(connection: AsyncConnection[Any]) -> None:
    """Let a connection that a restarted Postgres cut be replaced, not handed out.

    Nothing comes unasked on one that stands, so there is seldom a need to ask.
    """
    something_came = select.poll()
    something_came.register(connection.fileno(), select.POLLIN | select.POLLHUP)
    if something_came.poll(0):
        await AsyncConnectionPool.check_connection(connection)
