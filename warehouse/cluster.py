"""Where the warehouse is: its address for each role, embedded or external."""

import getpass
import os
from enum import StrEnum
from functools import cache
from typing import Any, LiteralString, cast
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL

from models.trouble import NotReachable
from warehouse.embedded import embedded_socket, keep_running
from warehouse.settings import settings

DATABASE = "halton"


class Role(StrEnum):
    """Who a connection is to Postgres."""

    OWNER = "hmc_owner"
    INGEST = "hmc_ingest"
    API = "hmc_api"
    ANALYST = "hmc_analyst"


class WarehouseUnreachable(NotReachable):
    """Postgres does not answer, or refuses us; the text names the server, no secret."""


def conninfo(role: Role) -> str:
    """Return a libpq connection string for a role; starts the embedded server.

    On an external server a role without its own URL assumes it from the owner's.
    """
    setting, url = _address(role)
    if url is None:
        socket = _embedded()
        return make_conninfo(dbname=DATABASE, user=role.value, host=socket)
    if setting != "DATABASE_URL":
        return url
    if role is Role.OWNER:
        return make_conninfo(url, connect_timeout=10)
    return make_conninfo(url, connect_timeout=10, options=f"-c role={role.value}")


def replicating() -> str:
    """Return a connection string of a login that may read the WAL.

    On the embedded server its superuser; on an external one the owner's login, which
    has to have REPLICATION.
    """
    _, url = _address(Role.OWNER)
    if url is None:
        return make_conninfo(dbname="postgres", user="postgres", host=_embedded())
    return make_conninfo(url, connect_timeout=10)


def keep_embedded_running() -> None:
    """Have this process start the embedded server again whenever it is gone."""
    if settings().database_url is None:
        keep_running(settings().home)


def connect(role: Role) -> psycopg.Connection[Any]:
    """Open one connection, autocommit on; for commands and the worker.

    What it changes is in the audit log under the operator's login on this machine.
    """
    try:
        connection = psycopg.connect(conninfo(role), autocommit=True)
        connection.execute(
            "select set_config('app.actor_kind', 'operator', false),"
            "set_config('app.actor_id', %s, false)",
            [_login()],
        )
    except (psycopg.OperationalError, psycopg.ProgrammingError) as failure:
        raise WarehouseUnreachable(unreachable(failure, role)) from failure
    else:
        return connection


def unreachable(failure: Exception, role: Role = Role.OWNER) -> str:
    """Say in one line why Postgres was not reached, without its password."""
    setting, url = _address(role)
    why = " ".join(str(failure).split())
    if url is None:
        return f"embedded Postgres: {why}"
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return f"{setting} is not a Postgres address (postgresql://user@host/name)"
    server = f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}"
    if password := parts.get("password"):
        why = why.replace(str(password), "***")
    return f"{setting} ({server}): {why}"


def composed(text: str) -> SQL:
    """Vouch for SQL that is put together from our own names, never from a value."""
    return SQL(cast("LiteralString", text))


def sqlalchemy_url(role: Role) -> str:
    """Write the same address as Alembic wants it."""
    parts = conninfo_to_dict(conninfo(role))
    query = "&".join(f"{key}={quote(str(value))}" for key, value in parts.items())
    return f"postgresql+psycopg://?{query}"


def _address(role: Role) -> tuple[str, str | None]:
    """Return the setting that a role's address comes from, and what it says."""
    known = settings()
    own = {
        Role.INGEST: ("HMC_INGEST_DATABASE_URL", known.ingest_database_url),
        Role.API: ("HMC_API_DATABASE_URL", known.api_database_url),
        Role.ANALYST: ("HMC_ANALYST_DATABASE_URL", known.analyst_database_url),
    }
    setting, url = own.get(role, ("", None))
    return (setting, url) if url else ("DATABASE_URL", known.database_url)


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return str(os.getuid())


@cache
def _embedded() -> str:
    socket = embedded_socket(settings().home)
    with psycopg.connect(
        make_conninfo(dbname="postgres", user="postgres", host=socket), autocommit=True
    ) as cluster:
        known = cluster.execute(
            "select 1 from pg_database where datname = %s", [DATABASE]
        )
        if known.fetchone() is None:
            found_owner = cluster.execute(
                "select 1 from pg_roles where rolname = 'hmc_owner'"
            )
            if found_owner.fetchone() is None:
                cluster.execute("create role hmc_owner login createrole")
            for serving in (Role.INGEST, Role.API, Role.ANALYST):
                cluster.execute(composed(f"create role {serving} login"))
            cluster.execute(
                "grant hmc_ingest, hmc_api, hmc_analyst to hmc_owner with admin option"
            )
            cluster.execute(composed(f"create database {DATABASE} owner hmc_owner"))
    return socket
