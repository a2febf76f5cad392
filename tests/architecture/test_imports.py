"""Imports run one way, and what is heavy stays where it is used."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ["models", "warehouse", "ingest", "api", "hmc", "web", "notebooks"]
HEAVY = ["dbt", "great_expectations", "polars", "pandas", "sqlglot", "duckdb"]
ONE_MODULE = {
    "great_expectations": "ingest/quality/looking.py",
    "dbt": "ingest/rebuild/dbt.py",
}
MAY_IMPORT = {
    "models": set[str](),
    "warehouse": {"models"},
    "ingest": {"models", "warehouse"},
    "api": {"models", "warehouse"},
    "web": set[str](),
    "notebooks": {"models", "warehouse", "api"},
    "hmc": {"models", "warehouse", "ingest", "api", "web"},
}


def modules(room: str) -> list[Path]:
    return list((ROOT / room).rglob("*.py"))


def imported_rooms(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names & set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_lies_below_it(room: str) -> None:
    for path in modules(room):
        assert imported_rooms(path) <= MAY_IMPORT[room] | {room}, path


def test_the_laptop_imports_nothing_of_the_cloud_or_the_warehouse() -> None:
    for path in modules("api/local"):
        text = path.read_text("utf-8")
        assert "warehouse" not in imported_rooms(path), path
        assert "api.cloud" not in text, path


def loaded(statement: str) -> set[str]:
    """What is in sys.modules after a statement, in a Python of its own."""
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{statement}; import sys; print(' '.join(sys.modules))",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.split(".")[0] for name in result.stdout.split()}


@pytest.mark.parametrize("tool", ["great_expectations", "dbt"])
def test_what_takes_seconds_to_import_is_imported_by_one_module(tool: str) -> None:
    importing = {
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in modules(room)
        if any(
            name.split(".")[0] == tool
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        )
    }
    assert importing == {ONE_MODULE[tool]}


@pytest.mark.parametrize(
    ("statement", "may"),
    [
        ("import hmc.server", set[str]()),
        ("import hmc.__main__", set[str]()),
        ("import ingest.rebuild.worker, hmc.running, hmc.looking", set[str]()),
        ("import api.local.laptop, api.local.loopback", {"duckdb"}),
    ],
)
def test_serving_loads_nothing_heavy(statement: str, may: set[str]) -> None:
    assert not (loaded(statement) & set(HEAVY)) - may


def test_the_command_line_loads_neither_database_nor_web_framework() -> None:
    assert not loaded("import hmc.__main__") & {"psycopg", "fastapi", "pydantic"}
