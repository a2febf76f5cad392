"""The analyst's one way in: questions of one workspace, answered as Polars frames.

    with reading.workspace("meridian") as warehouse:
        bills = reading.ask(
            warehouse, InvoiceReconciliation, since=first, until=last
        )

It connects as `hmc_analyst`, which can read the marts of the workspace that is set and
write nothing. Money arrives as exact decimals of dollars, in columns named as in the
API's JSON: a question's `cost_pico` is the frame's `cost_usd`.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any, cast
from uuid import UUID

import polars as pl
import psycopg
from psycopg import Column, Connection, IsolationLevel
from pydantic import BaseModel

from api.questions import question
from models.answers.traces import Trace
from models.trouble import Trouble
from warehouse.cluster import Role, composed, connect
from warehouse.settings import settings
from warehouse.workspaces import workspace_of

Warehouse = Connection[Any]

PICO_DECIMALS = 12
PICODOLLAR = Decimal(1).scaleb(-PICO_DECIMALS)
DIGITS = 38
ROWS_AT_ONCE = 50_000
LAST_ID = UUID(int=2**128 - 1)
# Raises rather than rounds: a digit that does not fit is a mistake, not a remainder.
EXACT = Context(prec=DIGITS, traps=[Inexact, InvalidOperation])


@contextmanager
def workspace(named: str | UUID) -> Generator[Warehouse]:
    """Open a read-only snapshot of one workspace, named by slug or by id.

    Everything asked inside is of one moment. Leave it before you think: an open
    snapshot holds up the next full refresh.
    """
    workspace_id = _id_of(named)
    with connect(Role.ANALYST) as connection:
        connection.execute(
            "select set_config('search_path', 'marts', false),"
            "set_config('timezone', 'UTC', false)"
        )
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            # The lock comes before the snapshot: see Doors.reading_as.
            connection.execute("lock table raw.cycles in access share mode")
            connection.execute(
                "select set_config('app.workspace_id', %s, true)", [str(workspace_id)]
            )
            yield connection


def ask(
    warehouse: Warehouse, answer: type[BaseModel], /, **parameters: Any
) -> pl.DataFrame:
    """Ask the question that is named after the answer, in the days of finance."""
    return frame(warehouse, question(answer), **{"calendar": "utc"} | parameters)


def receipts(
    warehouse: Warehouse,
    since: datetime,
    until: datetime,
    **filters: Any,
) -> pl.DataFrame:
    """Return every receipt of [since, until), newest first.

    Filters are those of the traces page: provider, model, project, status, machine_id.
    """
    everything = dict.fromkeys(("provider", "model", "project", "status", "machine_id"))
    return ask(
        warehouse,
        Trace,
        since=since,
        until=until,
        cursor_at=until,
        cursor_id=LAST_ID,
        limit=None,
        **everything | filters,
    )


def published_at(warehouse: Warehouse) -> datetime | None:
    """Say when the figures that this snapshot sees were published."""
    row = warehouse.execute("select max(published_at) from raw.cycles").fetchone()
    return cast("datetime | None", row[0]) if row else None


def frame(warehouse: Warehouse, sql: str, /, **parameters: Any) -> pl.DataFrame:
    """Return the rows of a select of your own; what ends in `_pico` becomes dollars."""
    with psycopg.ServerCursor(warehouse, "frame") as cursor:
        cursor.itersize = ROWS_AT_ONCE
        cursor.execute(composed(sql), parameters)
        columns = [_read_as(column, warehouse) for column in cursor.description or ()]
        schema = {name: dtype for name, dtype, _ in columns}
        pieces = [pl.DataFrame(schema=schema)]
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            values = zip(*rows, strict=True)
            pieces.append(
                pl.DataFrame(
                    {
                        name: [None if one is None else read(one) for one in column]
                        for (name, _, read), column in zip(columns, values, strict=True)
                    },
                    schema=schema,
                )
            )
    return pl.concat(pieces)


def dollars(pico: Decimal | int) -> Decimal:
    """Turn picodollars into dollars; Inexact when a digit would be lost."""
    amount = EXACT.scaleb(EXACT.create_decimal(pico), -PICO_DECIMALS)
    return EXACT.quantize(amount, PICODOLLAR)


Reader = Callable[[Any], Any]


def _read_as(
    column: Column, warehouse: Warehouse
) -> tuple[str, "pl.DataType | type[pl.DataType]", Reader]:
    if column.name.endswith("_pico"):
        name = f"{column.name.removesuffix('_pico')}_usd"
        return name, pl.Decimal(DIGITS, PICO_DECIMALS), dollars
    known = warehouse.adapters.types.get(column.type_code)
    kind = known.name if known else "text"
    if kind == "numeric":
        scale = PICO_DECIMALS if column.scale is None else column.scale
        last = Decimal(1).scaleb(-scale)
        return (
            column.name,
            pl.Decimal(DIGITS, scale),
            lambda value: EXACT.quantize(value, last),
        )
    dtype, read = _KINDS.get(kind, (pl.String, str))
    return column.name, dtype, read


def _as_is(value: Any) -> Any:
    return value


_KINDS: dict[str, tuple["pl.DataType | type[pl.DataType]", Reader]] = {
    "bool": (pl.Boolean, _as_is),
    "int2": (pl.Int64, _as_is),
    "int4": (pl.Int64, _as_is),
    "int8": (pl.Int64, _as_is),
    "float8": (pl.Float64, _as_is),
    "date": (pl.Date, _as_is),
    "timestamptz": (pl.Datetime("us", "UTC"), _as_is),
}


def _id_of(named: str | UUID) -> UUID:
    """Whoever runs the database may name a workspace by slug; others know its id."""
    try:
        return UUID(str(named))
    except ValueError:
        if settings().analyst_database_url:
            raise Trouble(
                f"{named!r} is a slug: with a login of your own, name the workspace"
                " by its id"
            ) from None
    with connect(Role.OWNER) as owner:
        return workspace_of(owner, str(named))
