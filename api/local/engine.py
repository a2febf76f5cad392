"""DuckDB over a daemon's SQLite file, with the warehouse's models as views over it.

DuckDB reads the SQLite file and never writes it. Nothing is read before it is asked
for; `point_at` says which of the calls a question sees.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from api.local.daemon_file import COLUMNS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

HERE = Path(__file__).parent
SQL = HERE / "sql"
NUL = "' || chr(0) || '"  # which ends a statement, wherever it stands
PARAMETER = re.compile(r"\$([a-z_]+)")
MEMORY = "128MiB"  # beyond it DuckDB sorts and groups on disk

# Of calls, what sums are made of. The rest is read when somebody looks at one.
KEPT = (
    "place",
    "project_id",
    "project",
    "provider",
    "model",
    "rates_source",
    "input_tokens",
    "output_tokens",
    "thinking_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "submitted_millicents",
    "tokens_complete",
    "latency_ms",
    "requested_at",
    "usage_date",
    "source_machine",
    "status",
    "billing_basis",
    "is_typed",
)
# The columns of the daemon's that those are made of, beside its place.
KEPT_FROM = [
    "project_id",
    "provider",
    "model",
    "rates_source",
    "input_tokens",
    "output_tokens",
    "thinking_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cost_usd_minor_units",
    "tokens_complete",
    "latency_ms",
    "requested_at",
    "source_machine",
    "status",
    "billing_basis",
]
# Small models that every stretch of calls meets: to plan them again and again would
# take longer than to read them.
HELD = {"int_rates_banded", "int_allocation_banded"}
FACTS = "fct_"  # whose models are read once for each stretch

# Of priced requests, what questions ask of them.
PRICED = (
    "workspace_id",
    "machine_id",
    "provider",
    "model",
    "project",
    "billing_basis",
    "requested_at",
    "usage_date",
    "input_tokens",
    "output_tokens",
    "thinking_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "total_tokens",
    "is_complete",
    "is_failed",
    "latency_ms",
    "rate_id",
    "cost_pico",
    "submitted_millicents",
    "drift_millicents",
    "department_id",
)
NOT_KEPT = {
    "mode": "varchar",
    "has_cost": "boolean",
    "recorded_at": "timestamptz",
    "time_to_first_token_ms": "decimal(14, 3)",
    "source_workdir": "varchar",
    "attribution_method": "varchar",
    "request_kind": "varchar",
    "prompt_hash": "varchar",
    "idempotency_key": "varchar",
    "fx_rate": "varchar",
    "http_status": "integer",
    "provider_error_code": "varchar",
    "error_class": "varchar",
    "is_retryable": "boolean",
}


def connected(
    file: Path, folder: Path, writes_to: Path | None = None
) -> "DuckDBPyConnection":
    """Open DuckDB over a daemon's file; of all others it may touch those of a folder.

    And the one that it is to write, if any.
    """
    import duckdb_extension_sqlite_scanner as scanner

    from api.local import duck

    # The extension was installed as all of this was; to check its signature at every
    # start would take longer than most answers do.
    database = duck.connect(
        config={
            "threads": 1,  # a second would start later than most answers are there
            "memory_limit": MEMORY,
            "allow_unsigned_extensions": True,
        }
    )
    (extension,) = Path(scanner.__file__).parent.rglob("*.duckdb_extension")
    for statement in (
        f"load {quoted(extension)}",
        f"set temp_directory = {quoted(folder / 'spilt')}",
        f"set allowed_directories = [{quoted(folder)}]",
        f"set allowed_paths = [{quoted(writes_to.resolve()) if writes_to else ''}]",
        "set sqlite_all_varchar = true",
        f"attach {quoted(file)} as daemon (type sqlite, read_only)",
        # DuckDB would look for files under the names of tables that do not exist.
        "set enable_external_access = false",
    ):
        database.execute(statement)
    return database


def prepare(database: "DuckDBPyConnection", found: dict[str, list[str]]) -> None:
    """Make every view on a connection, over a file that has these columns."""
    database.execute("set timezone = 'UTC'; set sqlite_all_varchar = true")
    for table in COLUMNS:
        if table != "requests":
            _view(database, table, found[table], f"from daemon.main.{table}")
    point_at(database, found, "true")
    database.execute((HERE / "sources.sql").read_text("utf-8"))
    database.execute(models_as_views())


def point_at(
    database: "DuckDBPyConnection",
    found: dict[str, list[str]],
    which: str,
    columns: Sequence[str] = (),
) -> None:
    """Let questions see some of the calls, by a condition that SQLite checks.

    With `columns`, the others read as null, and an id says only that there is one.
    """
    has = [column for column in found["requests"] if not columns or column in columns]
    read = ["rowid as place", *(f'"{column}"' for column in has)]
    if columns:
        has.append("id")
        read.append("case when id is not null then 'known' end as id")
    asked = f"select {', '.join(read)} from requests where {which}"
    _view(
        database,
        "requests",
        has,
        f"from sqlite_query('daemon', {quoted(asked)})",
        "cast(place as bigint) as place",
    )


def root_page(database: "DuckDBPyConnection") -> int:
    """Return the page of the SQLite file that the tree of calls starts at."""
    asked = "select rootpage from sqlite_schema where type = ''table''"
    asked += " and name = ''requests''"
    found = database.execute(f"from sqlite_query('daemon', '{asked}')").fetchone()
    assert found is not None  # noqa: S101  `columns_of` saw the table
    return int(found[0])


def _view(
    database: "DuckDBPyConnection",
    table: str,
    has: list[str],
    rows: str,
    *first: str,
) -> None:
    """Make `daemon_*` with every column that there ever was, null where missing."""
    listed = [
        name if name in has else f"cast(null as varchar) as {name}"
        for name in (column.rstrip("*") for column in COLUMNS[table])
    ]
    rows = rows if has else "where false"
    database.execute(
        f"create or replace temp view daemon_{table} as"
        f" select {', '.join([*first, *listed])} {rows}"
    )


def kept_as_calls(relation: str) -> str:
    """Write `calls` over what is kept of them; what is not fails when it is asked."""
    missing = ", ".join(
        f"cast(error('{name} is not kept') as {kind}) as {name}"
        for name, kind in NOT_KEPT.items()
    )
    return (
        "create or replace temp view calls as"
        # Models join by it what a laptop has none of, so it cannot be told to fail.
        f" select {', '.join(KEPT)}, cast(null as varchar) as call_id, {missing}"
        f" from {relation}"
    )


def hold(
    database: "DuckDBPyConnection", name: str, columns: Sequence[str], rows: str
) -> None:
    """Hold some columns of a relation in a table, in place of what it held before."""
    listed = ", ".join(columns)
    database.execute(
        f"create or replace temp table {name} as select {listed} from {rows}"
    )


def hold_priced(database: "DuckDBPyConnection") -> None:
    """Price the calls that are to be seen once, for whatever is made of them."""
    hold(database, "priced", PRICED, f"({model('fct_priced_requests')})")
    show(database, "fct_priced_requests", "from priced")


def show(database: "DuckDBPyConnection", name: str, rows: str) -> None:
    """Let questions see rows under the name of a model."""
    database.execute(f"create or replace temp view {name} as {rows}")


@cache
def models_as_views() -> str:
    """Return the generated models before facts, as views or tables, in their order."""
    return ";\n".join(
        f"create temp {'table' if name in HELD else 'view'} {name} as\n{model(name)}"
        for name in (SQL / "order.txt").read_text("utf-8").split()
        if not name.startswith(FACTS)
    )


@cache
def model(name: str) -> str:
    """Return a generated model, in DuckDB's SQL."""
    return (SQL / f"{name}.sql").read_text("utf-8")


def with_values(sql: str, parameters: dict[str, Any]) -> str:
    """Write the values of a question's parameters into it, as SQL does.

    Binding them from Python makes DuckDB import pandas, wherever that is installed, to
    see whether a value is one of its; that takes longer than the question.
    """
    return PARAMETER.sub(lambda found: literal(parameters[found[1]]), sql)


def variable(name: str, value: Any) -> str:
    """Write what sets a variable."""
    return f"set variable {name} = {literal(value)}"


def literal(value: Any) -> str:
    """Write a value as SQL does."""
    match value:
        case None:
            return "null"
        case bool() | int():
            return str(value).lower()
        case datetime():
            return f"timestamptz {quoted(value.isoformat())}"
        case date():
            return f"date {quoted(value.isoformat())}"
        case UUID():
            return f"uuid {quoted(str(value))}"
        case _:
            return f"({quoted(str(value)).replace(chr(0), NUL)})"


def quoted(text: Path | str) -> str:
    """Write a text as SQL does."""
    return "'" + str(text).replace("'", "''") + "'"
