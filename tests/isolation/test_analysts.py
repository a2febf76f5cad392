"""An analyst's login reads one workspace, whatever it says of itself."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from models.trouble import Trouble
from tests.factories import Workspace, batch, daemon, rebuilt, record, workspace
from warehouse.analysts import AnalystLogin, grant_login, revoke_login
from warehouse.embedded import program
from warehouse.settings import settings


@pytest.fixture(scope="module")
def homes(cloud: TestClient) -> list[Workspace]:
    """Two workspaces, two requests in the first and one in the other."""
    from warehouse.cluster import Role, connect

    with connect(Role.OWNER) as owner:
        made = [workspace(owner), workspace(owner)]
        for home, count in zip(made, (2, 1), strict=True):
            laptop = daemon(owner, cloud, home)
            rows = batch(*(record() for _ in range(count)))
            cloud.post("/v1/requests/batch", json=rows, headers=laptop.headers)
    rebuilt(full_refresh=True)
    return made


@pytest.fixture
def granted(owner: psycopg.Connection, homes: list[Workspace]) -> AnalystLogin:
    return grant_login(owner, homes[0].slug, "a notebook", 30)


@pytest.fixture
def analyst(granted: AnalystLogin) -> Iterator[psycopg.Connection]:
    with psycopg.connect(granted.address, autocommit=True) as connection:
        yield connection


def counted(analyst: psycopg.Connection) -> Any:
    found = analyst.execute("select count(*) from fct_priced_requests").fetchone()
    return found and found[0]


def test_a_login_reads_its_workspace_with_nothing_set(
    analyst: psycopg.Connection, homes: list[Workspace]
) -> None:
    assert counted(analyst) == 2
    seen = analyst.execute(
        "select distinct workspace_id from marts.fct_usage_days"
    ).fetchall()
    assert seen == [(homes[0].workspace_id,)]


def test_no_setting_role_or_session_shows_it_another(
    analyst: psycopg.Connection, homes: list[Workspace]
) -> None:
    for attempt in (
        f"set app.workspace_id = '{homes[1].workspace_id}'",
        f"select set_config('app.workspace_id', '{homes[1].workspace_id}', false)",
        "set role hmc_analyst",
        "set role hmc_api",
        "set role hmc_owner",
        "set session authorization hmc_owner",
        "set row_security = off",
        "alter role current_user in database halton set search_path = raw",
        "reset all",
    ):
        try:
            analyst.execute(attempt)  # type: ignore[arg-type]
        except psycopg.Error:
            continue
        try:
            found = counted(analyst)
        except psycopg.Error:
            found = 0
            analyst.execute("reset row_security")
        assert found in {0, 2}
        analyst.execute("set search_path = marts")
        theirs = analyst.execute(
            "select count(*) from marts.fct_priced_requests where workspace_id = %s",
            [homes[1].workspace_id],
        ).fetchone()
        assert theirs == (0,), attempt


def test_the_journal_of_adjustments_shows_a_login_its_own_lines_alone(
    owner: psycopg.Connection, analyst: psycopg.Connection, homes: list[Workspace]
) -> None:
    with owner.transaction():
        for home in homes:
            owner.execute(
                """
                insert into raw.adjustments (
                    workspace_id, provider, period_month, cycle_id, is_reversal,
                    request_count, unpriced_count, cost_pico
                )
                values (%s, 'nobody', '2020-01-01', 1, false, 0, 0, 0)
                """,
                [home.workspace_id],
            )
    analyst.execute(f"set app.workspace_id = '{homes[1].workspace_id}'")  # type: ignore[arg-type]
    for journal in ("marts.fct_adjustments", "raw.adjustments"):
        seen = analyst.execute(f"select workspace_id from {journal}").fetchall()  # type: ignore[arg-type]
        assert seen in ([], [(homes[0].workspace_id,)])
    analyst.execute("reset app.workspace_id")
    own = analyst.execute("select workspace_id from marts.fct_adjustments").fetchall()
    assert own == [(homes[0].workspace_id,)]
    owner.execute(
        "delete from raw.adjustments where workspace_id = any(%s)",
        [[home.workspace_id for home in homes]],
    )


def test_it_writes_nothing_and_reads_nothing_but_marts(
    analyst: psycopg.Connection,
) -> None:
    analyst.execute("set default_transaction_read_only = off")
    for attempt in (
        "delete from marts.fct_usage_days",
        "select * from raw.requests",
        "select * from app.workspaces",
        "select * from app.analyst_logins",
        "select * from pending.publications",
        "create table marts.mine (x int)",
        "create table public.mine (x int)",
        "create role mine",
        "select app.actor_name('x')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            analyst.execute(attempt)  # type: ignore[arg-type]


def test_a_login_that_is_revoked_sees_nothing_from_its_next_statement_on(
    granted: AnalystLogin, analyst: psycopg.Connection, owner: psycopg.Connection
) -> None:
    assert counted(analyst) == 2
    revoke_login(owner, granted.login)
    assert counted(analyst) == 0
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(granted.address)
    with pytest.raises(Trouble):
        revoke_login(owner, granted.login)


def test_a_login_ends_with_its_day_and_with_its_workspace(
    granted: AnalystLogin, analyst: psycopg.Connection, owner: psycopg.Connection
) -> None:
    def while_(change: str) -> Any:
        with owner.transaction():
            owner.execute(change, [granted.workspace_id])  # type: ignore[arg-type]
        return counted(analyst)

    deleted = "update app.workspaces set deleted_at = {} where workspace_id = %s"
    assert while_(deleted.format("now()")) == 0
    assert while_(deleted.format("null")) == 2
    ended = "update app.analyst_logins set expires_at = now() where workspace_id = %s"
    assert while_(ended) == 0


def test_every_mart_that_analysts_read_is_bound_to_the_login(
    owner: psycopg.Connection, homes: list[Workspace]
) -> None:
    grant_login(owner, homes[1].slug, "x", 1)
    for unbinding in (
        "drop policy login_reads_no_other on marts.fct_usage_days",
        "drop policy login_reads_no_other on raw.adjustments",  # under a view
        "alter view marts.fct_adjustments set (security_invoker = false)",
    ):
        with owner.transaction(force_rollback=True):
            owner.execute(unbinding)  # type: ignore[arg-type]
            with pytest.raises(Trouble, match="full-refresh"):
                grant_login(owner, homes[1].slug, "x", 1)


def test_psql_opens_it_with_nothing_but_the_address(granted: AnalystLogin) -> None:
    asked = "select count(*) from fct_priced_requests"
    told = subprocess.run(
        [program("psql"), granted.address, "-Atc", asked],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "2"


def test_duckdb_attaches_it_and_asks(granted: AnalystLogin) -> None:
    import duckdb
    import duckdb_extension_postgres_scanner as scanner

    (extension,) = Path(scanner.__file__).parent.rglob("*.duckdb_extension")
    with duckdb.connect() as database:
        database.execute(f"load '{extension}'")
        database.execute(
            f"attach '{granted.address}' as cloud (type postgres, read_only)"
        )
        found = database.execute("select count(*) from cloud.marts.fct_priced_requests")
        assert found.fetchone() == (2,)


def test_the_notebooks_open_it(
    granted: AnalystLogin, monkeypatch: pytest.MonkeyPatch
) -> None:
    from notebooks import reading

    monkeypatch.setenv("HMC_ANALYST_DATABASE_URL", granted.address)
    settings.cache_clear()
    try:
        with reading.workspace(granted.workspace_id) as cloud:
            found = cloud.execute("select count(*) from fct_priced_requests")
            assert found.fetchone() == (2,)
    finally:
        monkeypatch.undo()
        settings.cache_clear()
