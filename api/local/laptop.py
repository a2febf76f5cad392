"""A daemon's file, read as the warehouse reads its own: same models, same questions.

DuckDB reads the SQLite file and never writes it. What is asked of it are the files
of `sql/questions`, which the cloud asks of Postgres, and those of `questions/`, about
what only a laptop has.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.local.daemon_file import (
    columns_of,
    daemon_file,
    sources_as_written,
    trouble_with,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

HERE = Path(__file__).parent
SQL = HERE / "sql"


@dataclass(frozen=True)
class Laptop:
    """An open file. Use it within `opened`."""

    file: Path
    database: "DuckDBPyConnection"
    project: str | None = None

    def ask(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        """Ask a question by its name; one dictionary per row."""
        import duckdb

        try:
            asked = self.database.execute(question(name), parameters or None)
            columns = [column[0] for column in asked.description]
            rows = asked.fetchall()
        except duckdb.Error as failure:
            raise trouble_with(self.file, str(failure)) from failure
        return [dict(zip(columns, row, strict=True)) for row in rows]


@contextmanager
def opened(
    asked: Path | None = None,
    project: str | None = None,
    time_zone: str | None = None,
) -> Generator[Laptop]:
    """Open a daemon's file, or one project of it, by its slug.

    With a time zone there are days of the calendar `reporting` beside those of UTC. A
    Trouble says in one line why it cannot be.
    """
    import duckdb

    file = daemon_file(asked)
    found = columns_of(file)
    with duckdb.connect(config={"threads": 2}) as database:
        try:
            _attach(database, file)
            database.execute(sources_as_written(found, "daemon.main"))
            database.execute("set variable project = $slug", {"slug": project})
            database.execute("set variable time_zone = $zone", {"zone": time_zone})
            database.execute((HERE / "sources.sql").read_text("utf-8"))
            for model in (SQL / "order.txt").read_text("utf-8").split():
                text = (SQL / f"{model}.sql").read_text("utf-8")
                kind = "table" if model.startswith("fct_") else "view"
                database.execute(f"create temp {kind} {model} as\n{text}")
        except duckdb.Error as failure:
            raise trouble_with(file, str(failure)) from failure
        yield Laptop(file, database, project)


@cache
def question(name: str) -> str:
    """Return a question in DuckDB's SQL: a shared one, or one of the laptop's own."""
    shared, own = SQL / "questions" / f"{name}.sql", HERE / "questions" / f"{name}.sql"
    return (shared if shared.exists() else own).read_text("utf-8")


def _attach(database: "DuckDBPyConnection", file: Path) -> None:
    import duckdb_extension_sqlite_scanner as scanner

    (extension,) = Path(scanner.__file__).parent.rglob("*.duckdb_extension")
    database.execute(f"load {_quoted(extension)}")
    database.execute("set timezone = 'UTC'; set sqlite_all_varchar = true")
    database.execute(f"attach {_quoted(file)} as daemon (type sqlite, read_only)")
    # DuckDB would look for files under the names of tables that do not exist.
    database.execute("set enable_external_access = false")


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
