"""Notebooks show what the API says, to its last digit, and reach nothing else."""

import os
import runpy
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, Inexact
from pathlib import Path
from typing import Any
from uuid import uuid4

import jupytext
import polars as pl
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from models.answers.reconciliation import InvoiceReconciliation
from models.answers.traces import Trace
from models.answers.usage import Grouping, UsageDay, UsageKey
from models.money import pico_from_usd
from models.trouble import Trouble
from notebooks import reading, telling
from tests.factories import (
    Daemon,
    batch,
    daemon,
    rate,
    rebuilt,
    record,
    session,
    workspace,
)
from warehouse.settings import settings

ROOM = Path(reading.__file__).parent
SOURCES = sorted(ROOM.glob("[0-9]*.py"))
MONTH, LAST = date(2026, 5, 1), date(2026, 5, 31)
SINCE = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def billed(warehouse: None, cloud: TestClient) -> Daemon:
    """A workspace with two bills of May 2026, one of them a dollar too high."""
    from warehouse.cluster import Role, connect

    with connect(Role.OWNER) as owner:
        laptop = daemon(owner, cloud, workspace(owner))
        acme = {"provider": "acme", "model": f"model-{uuid4().hex}"}
        rate(owner, acme["model"], input_rate=7)
        for part in (
            [*_may(acme), *_may({"provider": "anthropic"})],
            [record(**acme, requested_at=f"{LAST + timedelta(days=1)}T03:00:00Z")],
        ):
            answer = cloud.post(
                "/v1/requests/batch", json=batch(*part), headers=laptop.headers
            )
            assert answer.is_success, answer.text
        rebuilt()
        for provider, above in (("acme", 1), ("anthropic", 0)):
            _bill(owner, laptop, provider, above)
        rebuilt()
    return laptop


def _may(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """Calls of every kind that a bill can differ by."""
    kinds: list[dict[str, Any]] = [
        {"project": "b", "input_tokens": 1},
        {"model": "nobody-knows"},
        {"tokens_complete": False, "input_tokens": 0, "output_tokens": 0},
        {"tokens_complete": False, "output_tokens": 1},
        {"status": "error", "http_status": 500, "error_class": "server_error"},
        {"billing_basis": "subscription_imputed"},
        {"cost_millicents": None, "project": None},
        {},
    ]
    return [
        record(
            requested_at=f"2026-05-{at + 1:02}T00:30:00Z",
            input_tokens=333_331 + at,
        )
        | fields
        | kind
        for at, kind in enumerate(kinds)
    ]


def _bill(owner: Any, laptop: Daemon, provider: str, above: int) -> None:
    """Enter what was logged, and some dollars above it, as a provider's bill."""
    key = [laptop.workspace.workspace_id, provider]
    with owner.transaction():
        (document,) = owner.execute(
            """
            insert into raw.billing_documents (
                workspace_id, provider, kind, period_month
            )
            values (%s, %s, 'entered_total', '2026-05-01') returning document_id
            """,
            key,
        ).fetchone()
        owner.execute(
            """
            insert into raw.billing_lines (
                workspace_id, document_id, line_number, amount_pico, rounding_pico,
                description
            )
            select workspace_id, %s, 1, logged_pico + %s, 0, ''
            from marts.fct_invoice_reconciliations
            where
                workspace_id = %s and provider = %s and period_month = '2026-05-01'
            """,
            [document, above * 10**12, *key],
        )
        owner.execute(
            """
            insert into raw.changes (kind, cause, workspace_id, provider, since)
            values ('revision', 'billing', %s, %s, %s)
            """,
            [*key, SINCE],
        )


@pytest.fixture
def snapshot(billed: Daemon) -> Any:
    with reading.workspace(billed.workspace.slug) as warehouse:
        yield warehouse


ANSWERS: dict[type, dict[str, Any]] = {
    InvoiceReconciliation: {"since": MONTH, "until": MONTH},
    UsageDay: {"grouping": Grouping.PROVIDER_MODEL, "since": MONTH, "until": LAST},
    UsageKey: {"grouping": Grouping.PROJECT_PROVIDER, "since": MONTH, "until": LAST},
}


def in_json(answer: Any, frame: pl.DataFrame) -> list[dict[str, Any]]:
    """A frame's rows as the API would write them."""
    columns = {
        (field.validation_alias.choices[0] if field.validation_alias else name): (
            field.serialization_alias or name
        )
        for name, field in answer.model_fields.items()
    }
    assert set(frame.columns) == set(columns.values())
    pico = {shown: name for name, shown in columns.items() if name.endswith("_pico")}
    return [
        answer.model_validate(
            {
                pico.get(name, name): value
                if name not in pico or value is None
                else pico_from_usd(f"{value:f}")
                for name, value in row.items()
            }
        ).model_dump(mode="json", by_alias=True)
        for row in frame.iter_rows(named=True)
    ]


def test_a_frame_has_the_names_and_figures_of_the_api(
    owner: psycopg.Connection, cloud: TestClient, billed: Daemon, snapshot: Any
) -> None:
    base = f"/v1/workspaces/{billed.workspace.slug}"
    headers = session(owner, billed.workspace.email)
    frame = reading.ask(snapshot, InvoiceReconciliation, since=MONTH, until=MONTH)
    answer = cloud.get(
        f"{base}/reconciliation?from=2026-05&to=2026-05", headers=headers
    ).json()
    assert in_json(InvoiceReconciliation, frame) == answer["items"]
    assert len(answer["items"]) == 2
    projects = reading.ask(
        snapshot, UsageKey, grouping=Grouping.PROJECT, since=MONTH, until=LAST
    )
    answer = cloud.get(
        f"{base}/projects?from={MONTH}&to={LAST}", headers=headers
    ).json()
    assert in_json(UsageKey, projects) == answer["projects"]
    spend = projects.filter(billing_basis="api")
    assert spend["cost_usd"].sum() == Decimal(answer["total"]["cost_usd"])


@pytest.mark.parametrize("answer", ANSWERS)
def test_money_is_never_a_float(answer: Any, snapshot: Any) -> None:
    frame = reading.ask(snapshot, answer, **ANSWERS[answer])
    assert frame.height > 0
    money = [name for name in frame.columns if name.endswith("_usd")]
    assert money
    assert {frame.schema[name] for name in money} == {pl.Decimal(38, 12)}
    assert not any(dtype.is_float() for dtype in frame.dtypes)


def test_receipts_are_every_call_once_and_priced_to_the_picodollar(
    owner: psycopg.Connection, billed: Daemon, snapshot: Any
) -> None:
    receipts = reading.receipts(snapshot, SINCE, SINCE + timedelta(days=31))
    assert set(receipts.columns) == {
        "cost_usd" if name == "cost" else name for name in Trace.model_fields
    }
    assert not any(dtype.is_float() for dtype in receipts.dtypes)
    expected = owner.execute(
        """
        select request_id::text, cost_pico from marts.fct_priced_requests
        where workspace_id = %s and usage_date between %s and %s
        """,
        [billed.workspace.workspace_id, MONTH, LAST],
    ).fetchall()
    assert len(expected) == 16
    found = {
        row["request_id"]: None
        if row["cost_usd"] is None
        else int(row["cost_usd"].scaleb(12))
        for row in receipts.iter_rows(named=True)
    }
    assert found == dict(expected)
    only = reading.receipts(
        snapshot, SINCE, SINCE + timedelta(days=31), provider="acme", project="b"
    )
    assert only.height == 1


def test_your_own_select_arrives_exact_as_well(snapshot: Any) -> None:
    frame = reading.frame(
        snapshot,
        """
        select
            12345678901234567890123456::numeric(38, 0) * 100 + 1 as cost_pico,
            0.1::numeric(4, 1) as tenth,
            null::numeric as nothing_pico
        """,
    )
    assert frame["cost_usd"].item() == Decimal("1234567890123456.789012345601")
    assert frame["tenth"].item() == Decimal("0.1")
    assert frame["nothing_usd"].item() is None
    with pytest.raises(Inexact):  # rather than a rounded amount
        reading.frame(snapshot, "select 0.5::numeric as half_pico")


@given(st.integers(min_value=-(10**38) + 1, max_value=10**38 - 1))
def test_no_digit_is_lost_between_picodollars_and_the_page(pico: int) -> None:
    amount = reading.dollars(pico)
    shown = pl.Series([amount], dtype=pl.Decimal(38, 12)).item()
    assert int(shown.scaleb(12, reading.EXACT)) == pico
    text = (
        telling.usd(amount)
        .replace(",", "")
        .replace("$", "")
        .replace(telling.MINUS, "-")
    )
    assert Decimal(text) == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "$0.00"),
        ("1234.5", "$1,234.50"),
        ("-0.000000000001", f"{telling.MINUS}$0.000000000001"),
    ],
)
def test_money_is_written_to_its_last_digit(amount: str, text: str) -> None:
    assert telling.usd(Decimal(amount)) == text


def test_an_estimate_says_that_it_is_one() -> None:
    assert telling.about(Decimal("0.265")) == "about $0.27"
    assert telling.about(Decimal("0.001")) == "less than a cent"


def test_a_table_shows_what_is_not_there_in_words_and_loses_no_digit() -> None:
    table = telling.Table(
        pl.DataFrame(
            {
                "cost_usd": [Decimal("1.5"), None, Decimal("0.0001")],
                "n": ["<a>", "", ""],
            },
            schema={"cost_usd": pl.Decimal(38, 12), "n": pl.String},
        ),
        {"n": "Name", "cost_usd": "Logged"},
        "Costs",
        absent={"cost_usd": "unpriced"},
    )
    assert [line.split()[-1] for line in repr(table).splitlines()] == [
        "Costs",
        "Logged",
        "$1.5000",
        "unpriced",
        "$0.0001",
    ]
    assert "<a>" not in table._repr_html_()


def test_an_analyst_sees_only_the_workspace_that_is_set(
    owner: psycopg.Connection, cloud: TestClient, billed: Daemon, snapshot: Any
) -> None:
    elsewhere = daemon(owner, cloud, workspace(owner))
    cloud.post("/v1/requests/batch", json=batch(record()), headers=elsewhere.headers)
    rebuilt()
    home = str(billed.workspace.workspace_id)
    for table in (
        "fct_priced_requests",
        "fct_usage_days",
        "fct_invoice_reconciliations",
    ):
        seen = reading.frame(snapshot, f"select distinct workspace_id from {table}")
        assert seen["workspace_id"].to_list() == [home]
    with reading.workspace(elsewhere.workspace.workspace_id) as other:
        seen = reading.frame(other, "select distinct workspace_id from fct_usage_days")
    assert seen["workspace_id"].to_list() == [str(elsewhere.workspace.workspace_id)]


@pytest.mark.parametrize(
    "statement",
    [
        "delete from marts.fct_usage_days",
        "create table marts.mine (a int)",
        "select * from raw.requests",
        "select * from app.workspaces",
        "select * from raw.pricing_rates",
    ],
)
def test_an_analyst_can_write_nothing_and_read_nothing_else(
    statement: str, snapshot: Any
) -> None:
    with pytest.raises(
        (
            psycopg.errors.InsufficientPrivilege,
            psycopg.errors.ReadOnlySqlTransaction,
        )
    ):
        snapshot.execute(statement)


def test_a_snapshot_stays_as_it_was_opened(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    laptop = daemon(owner, cloud, workspace(owner))
    for _ in range(2):
        with reading.workspace(laptop.workspace.slug) as warehouse:
            before = reading.frame(warehouse, "select * from fct_usage_days")
            one = batch(record())
            cloud.post("/v1/requests/batch", json=one, headers=laptop.headers)
            rebuilt()
            after = reading.frame(warehouse, "select * from fct_usage_days")
            assert after.equals(before)
    assert before["request_count"].unique().to_list() == [1]


def test_a_workspace_that_is_not_there_is_one_clear_line(warehouse: None) -> None:
    with pytest.raises(Trouble, match="there is no workspace nowhere"):
        reading.workspace("nowhere").__enter__()


def test_a_login_of_ones_own_names_the_workspace_by_its_id(
    monkeypatch: pytest.MonkeyPatch, billed: Daemon
) -> None:
    from warehouse.cluster import Role, conninfo

    monkeypatch.setenv("HMC_ANALYST_DATABASE_URL", conninfo(Role.ANALYST))
    settings.cache_clear()
    try:
        with pytest.raises(Trouble, match="by its id"):
            reading.workspace(billed.workspace.slug).__enter__()
        with reading.workspace(billed.workspace.workspace_id) as warehouse:
            assert reading.published_at(warehouse) is not None
    finally:
        monkeypatch.undo()
        settings.cache_clear()


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_both_files_of_a_notebook_hold_the_same_cells(source: Path) -> None:
    cells, shown = (
        [(cell.cell_type, cell.source) for cell in jupytext.read(path).cells]
        for path in (source, source.with_suffix(".ipynb"))
    )
    assert shown == cells


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_notebook_has_been_run_whole_and_without_an_error(source: Path) -> None:
    notebook = jupytext.read(source.with_suffix(".ipynb"))
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert {output.output_type for output in outputs} == {"execute_result"}
    shown = {kind for output in outputs for kind in output.data}
    assert {"text/markdown", "text/html", "image/svg+xml"} <= shown


@pytest.fixture
def the_bill(
    billed: Daemon, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("HMC_WORKSPACE", billed.workspace.slug)
    monkeypatch.setenv("HMC_BILL", getattr(request, "param", ""))


def run() -> dict[str, Any]:
    return runpy.run_path(str(ROOM / "01_why_the_bill_differs.py"))


def test_the_bill_that_is_furthest_off_is_followed_to_its_causes(
    the_bill: None, owner: psycopg.Connection, cloud: TestClient, billed: Daemon
) -> None:
    told = run()
    assert (told["provider"], told["first"]) == ("acme", MONTH)
    items = cloud.get(
        f"/v1/workspaces/{billed.workspace.slug}/reconciliation",
        headers=session(owner, billed.workspace.email),
    ).json()["items"]
    [item] = [
        one
        for one in items
        if one["provider"] == "acme" and one["period_month"] == str(MONTH)
    ]
    for name in ("payable", "logged", "variance"):
        assert told[name] == Decimal(item[f"{name}_usd"]), name
    assert told["variance"] == 1
    assert set(told["added_up"]["cost_usd"]) == {Decimal(item["logged_usd"])}
    causes = {name: calls for name, calls, *_ in told["causes"]}
    assert causes == {
        "calls without a rate, at most": 1,
        "calls cut short": 2,
        "failed calls, if not billed": 1,
        "the daemons' own prices": causes["the daemons' own prices"],
        "the month's end": 0,
        "plan traffic, if billed": 1,
    }
    assert "**Get acme's cost export of May 2026**" in told["steps"][0]


@pytest.mark.parametrize("the_bill", ["anthropic 2026-05"], indirect=True)
def test_a_bill_that_is_named_is_followed_also_where_nothing_is_off(
    the_bill: None,
) -> None:
    told = run()
    assert (told["provider"], told["variance"]) == ("anthropic", 0)
    assert told["conclusion"] == "There is no variance to explain."


@pytest.mark.parametrize("the_bill", ["anthropic 2020-01"], indirect=True)
def test_a_bill_that_was_never_entered_is_one_clear_line(the_bill: None) -> None:
    with pytest.raises(SystemExit, match="No such bill"):
        run()


@pytest.mark.slow
def test_refreshing_runs_every_cell_in_a_kernel_of_its_own(
    the_bill: None, tmp_path: Path
) -> None:
    written = tmp_path / "told.ipynb"
    run_it = (
        "from pathlib import Path; from notebooks import refresh;"
        f"refresh.write(refresh.executed(Path({str(SOURCES[0])!r})),"
        f" Path({str(written)!r}))"
    )
    subprocess.run(
        [sys.executable, "-c", run_it],
        check=True,
        env=os.environ | {"HMC_DATA_DIR": str(settings().home)},
    )
    shown = jupytext.read(written)
    assert "acme, May 2026: the bill is $1.00 higher than the logs" in str(shown)
    assert all("outputs" in cell for cell in shown.cells if cell.cell_type == "code")
