"""The laptop's smaller commands, their JSON, their CSV, and what they exit with."""

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from jsonschema import Draft202012Validator

from hmc.lists_sheet import bar
from tests.local.daemon_file import SEARCH, daemon_file, rate, request

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "hmc/schemas/report-1.schema.json").read_text("utf-8"))
NOW = datetime.now(UTC)


def rows() -> Iterator[dict[str, Any]]:
    for number in range(60):
        at = f"{NOW - timedelta(hours=5 * number):%Y-%m-%d %H:%M:%S.%f}"
        yield request(
            at,
            id=f"call-{number:02d}",
            model=["claude-sonnet-4-5", "gpt-5", "=new"][number % 3],
            cost_usd_minor_units=None if number % 3 == 2 else 1_000 * number,
            project_id=SEARCH if number % 2 else request()["project_id"],
            status="error" if number == 5 else "success",
            tokens_complete=number != 7,
            billing_basis="subscription_imputed" if number == 9 else None,
        )


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lists")
    return daemon_file(folder / "db.sqlite", list(rows()), [rate()])


def hmc(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hmc", *words],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("by", ["project", "model", "day", "machine"])
def test_the_report_keeps_to_the_schema_that_is_shipped(by: str, file: Path) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    made = hmc("report", "--db", str(file), "--json", "--by", by, "--drift")
    Draft202012Validator(SCHEMA).validate(json.loads(made.stdout))


def test_an_empty_report_keeps_to_it_too(tmp_path: Path) -> None:
    made = hmc("report", "--db", str(daemon_file(tmp_path / "db.sqlite")), "--json")
    Draft202012Validator(SCHEMA).validate(json.loads(made.stdout))


def test_strict_ends_with_3_where_something_is_missing(
    file: Path, tmp_path: Path
) -> None:
    assert hmc("report", "--db", str(file), "--strict").returncode == 3
    now = f"{NOW:%Y-%m-%d %H:%M:%S}"
    whole = daemon_file(tmp_path / "db.sqlite", [request(now)], [rate()])
    assert hmc("report", "--db", str(whole), "--strict").returncode == 0


def test_top_ranks_what_costs_most(file: Path) -> None:
    made = json.loads(hmc("top", "--db", str(file), "--json", "--since", "30").stdout)
    assert made["schema"] == "hmc.top/1"
    costs = [row["cost_millicents"] for row in made["rows"]]
    assert costs[:2] == sorted(costs[:2], reverse=True)
    sheet = hmc("top", "--db", str(file), "--since", "30").stdout
    assert "█" in sheet
    assert max(map(len, sheet.splitlines())) <= 80


@pytest.mark.parametrize(
    ("amount", "drawn"),
    [(0, 0), (1, 1), (500, 12), (1_000, 24)],
)
def test_a_bar_is_as_long_as_its_amount(amount: int, drawn: int) -> None:
    assert len(bar(amount, 1_000)) == drawn


def test_calls_are_the_newest_of_the_file(file: Path) -> None:
    made = json.loads(hmc("calls", "--db", str(file), "--json", "--limit", "7").stdout)
    assert made["schema"] == "hmc.calls/1"
    assert [row["id"] for row in made["rows"]] == [f"call-{n:02d}" for n in range(7)]
    failed = hmc("calls", "--db", str(file), "--json", "--status", "error").stdout
    assert [row["id"] for row in json.loads(failed)["rows"]] == ["call-05"]
    sheet = hmc("calls", "--db", str(file)).stdout
    assert max(map(len, sheet.splitlines())) <= 80
    assert len(sheet.splitlines()) == 22


def test_unpriced_models_are_counted_as_plain_sql_counts_them(file: Path) -> None:
    made = json.loads(hmc("unpriced", "--db", str(file), "--json").stdout)
    with closing(sqlite3.connect(file)) as database:
        plain = database.execute(
            "select count(*), sum(input_tokens + output_tokens) from requests"
            " where cost_usd_minor_units is null and billing_basis is null"
        ).fetchone()
    (row,) = made["rows"]
    assert row["key"] == {"provider": "anthropic", "model": "=new"}
    assert (row["requests"], row["tokens"]) == plain
    assert made["totals"]["requests"] == plain[0]
    assert "=new" in hmc("unpriced", "--db", str(file)).stdout
    assert "'=new" in hmc("unpriced", "--db", str(file), "--csv").stdout


def test_every_call_is_exported_with_its_money_exact(
    file: Path, tmp_path: Path
) -> None:
    text = hmc("export", "--db", str(file)).stdout
    lines = list(csv.DictReader(io.StringIO(text)))
    with closing(sqlite3.connect(file)) as database:
        plain = dict(
            database.execute("select id, cost_usd_minor_units from requests").fetchall()
        )
    assert {line["id"]: line["cost_millicents"] for line in lines} == {
        name: "" if cost is None else str(cost) for name, cost in plain.items()
    }
    assert lines[0]["requested_at"].endswith("Z")
    assert {line["model"] for line in lines} >= {"'=new"}
    out = tmp_path / "calls.parquet"
    assert hmc("export", "--db", str(file), "--out", str(out)).returncode == 0
    found = duckdb.sql(f"select id, cost_millicents, cost_usd from '{out}'").fetchall()
    assert {name: cost for name, cost, _ in found} == plain
    assert all(usd is None or usd == Decimal(cost) / 100_000 for _, cost, usd in found)


@pytest.mark.parametrize(
    "words",
    [
        ["export", "--format", "xlsx"],
        ["export", "--format", "parquet"],
        ["export", "--out", "/no/such/folder/calls.csv"],
        ["top", "--since", "week"],
        ["calls", "--limit", "0"],
    ],
)
def test_a_mistake_ends_with_2(words: list[str], file: Path) -> None:
    told = hmc(*words, "--db", str(file))
    assert told.returncode == 2
    assert told.stdout == ""


def test_a_project_that_is_not_there_names_those_that_are(file: Path) -> None:
    for command in ("report", "top", "calls", "unpriced", "export"):
        told = hmc(command, "--db", str(file), "--project", "checkuot")
        assert told.returncode == 1
        assert "checkout, search" in told.stderr


def test_projects_are_completed_from_the_file(file: Path) -> None:
    completed = subprocess.run(
        [Path(sys.executable).with_name("hmc")],
        cwd=ROOT,
        env=os.environ
        | {
            "_HMC_COMPLETE": "complete_bash",
            "COMP_WORDS": f"hmc report --db {file} --project ch",
            "COMP_CWORD": "5",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.stdout.split() == ["checkout"]
