"""Where the warehouse is: its address for each role, embedded or external."""

from enum import StrEnum
from functools import cache
from typing import Any, LiteralString, cast
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL

from models.trouble import NotReachable
from warehouse.embedded import embedded_socket
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
    known = settings()
    if known.database_url is None:
        socket = _embedded()
        return make_conninfo(dbname=DATABASE, user=role.value, host=socket)
    own = {Role.INGEST: known.ingest_database_url, Role.API: known.api_database_url}
    if url := own.get(role):
        return url
    if role is Role.OWNER:
        return make_conninfo(known.database_url, connect_timeout=10)
    return make_conninfo(
        known.database_url, connect_timeout=10, options=f"-c role={role.value}"
    )


def connect(role: Role) -> psycopg.Connection[Any]:
    """Open one connection, autocommit on; for commands and the worker."""
    try:
        return psycopg.connect(conninfo(role), autocommit=True)
    except (psycopg.OperationalError, psycopg.ProgrammingError) as failure:
        raise WarehouseUnreachable(unreachable(failure)) from failure


def unreachable(failure: Exception) -> str:
    """Say in one line why Postgres was not reached, without its password."""
    url = settings().database_url
    why = " ".join(str(failure).split())
    if url is None:
        return f"embedded Postgres: {why}"
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return "DATABASE_URL is not a Postgres address (postgresql://user@host/name)"
    server = f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}"
    if password := parts.get("password"):
        why = why.replace(str(password), "***")
    return f"DATABASE_URL ({server}): {why}"


def composed(text: str) -> SQL:
    """Vouch for SQL that is put together from our own names, never from a value."""
    return SQL(cast("LiteralString", text))


def sqlalchemy_url(role: Role) -> str:
    """Write the same address as Alembic wants it."""
    parts = conninfo_to_dict(conninfo(role))
    query = "&".join(f"{key}={quote(str(value))}" for key, value in parts.items())
    return f"postgresql+psycopg://?{query}"


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
