"""Postgres is the last line: a role that serves sees one workspace or nothing."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from tests.factories import batch, daemon, rebuilt, record, workspace
from warehouse.cluster import Role, connect

TABLES_WITH_A_WORKSPACE = """
    select
        pg_namespace.nspname || '.' || pg_class.relname,
        pg_class.oid,
        pg_attribute.attnum
    from pg_class
    inner join pg_attribute
        on pg_class.oid = pg_attribute.attrelid
        and pg_attribute.attname = 'workspace_id'
    inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
    where
        pg_namespace.nspname in ('app', 'raw', 'marts')
        and pg_class.relkind in ('r', 'p', 'v', 'm')
    order by 1
"""
# Not a tenant's: shown by something else than the workspace that is set.
SHOWN_OTHERWISE = {"app.pairings"}


@pytest.fixture
def two(owner: psycopg.Connection, cloud: TestClient) -> list[Any]:
    """Two workspaces with rows of every kind that daemons make."""
    homes = [workspace(owner), workspace(owner)]
    for home in homes:
        laptop = daemon(owner, cloud, home)
        bad = record(input_tokens=-1)
        cloud.post(
            "/v1/requests/batch", json=batch(record(), bad), headers=laptop.headers
        )
    rebuilt()
    return homes


@pytest.fixture(params=[Role.API, Role.INGEST, Role.ANALYST])
def serving(request: pytest.FixtureRequest, two: list[Any]) -> Iterator[Any]:
    with connect(request.param) as connection:
        yield connection


def readable(connection: Any) -> list[str]:
    names = [
        name
        for (name,) in connection.execute(
            f"""
            select named.name
            from ({TABLES_WITH_A_WORKSPACE}) as named (name, table_id, attnum)
            where case
                when has_schema_privilege(split_part(name, '.', 1), 'usage')
                    then has_column_privilege(table_id, attnum, 'select')
            end
            """
        ).fetchall()
    ]
    return [name for name in names if name not in SHOWN_OTHERWISE]


def rows(connection: Any, table: str) -> int:
    # Catalogue rates belong to nobody and are everyone's.
    condition = "where workspace_id is not null"
    found = connection.execute(f"select count(workspace_id) from {table} {condition}")
    return int(found.fetchone()[0])


@pytest.mark.parametrize("setting", [None, "", "00000000-0000-0000-0000-000000000000"])
def test_with_no_workspace_set_every_tenant_table_shows_nothing(
    setting: str | None, serving: Any
) -> None:
    if setting is not None:
        serving.execute("select set_config('app.workspace_id', %s, false)", [setting])
    assert {
        table: rows(serving, table) for table in readable(serving)
    } == dict.fromkeys(readable(serving), 0)
    assert readable(serving)


def test_nothing_shows_right_after_a_full_refresh_either(two: list[Any]) -> None:
    rebuilt(full_refresh=True)
    with connect(Role.API) as connection:
        tables = readable(connection)
        assert {"marts.fct_usage_days", "marts.fct_priced_requests"} <= set(tables)
        assert all(rows(connection, table) == 0 for table in tables)


def test_with_a_workspace_set_its_rows_show_and_no_others(
    serving: Any, two: list[Any]
) -> None:
    home = str(two[0].workspace_id)
    serving.execute("select set_config('app.workspace_id', %s, false)", [home])
    seen = 0
    for table in readable(serving):
        found = serving.execute(
            f"select distinct workspace_id::text from {table}"
            " where workspace_id is not null"
        ).fetchall()
        assert found in ([], [(home,)]), table
        seen += len(found)
    assert seen >= 3


def test_no_row_of_another_workspace_can_be_written(two: list[Any]) -> None:
    with connect(Role.INGEST) as connection:
        connection.execute(
            "select set_config('app.workspace_id', %s, false)",
            [str(two[0].workspace_id)],
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                """
                insert into raw.rejected_records (
                    workspace_id, machine_id, batch_id, reason, detail, record
                )
                values (
                    %s, gen_random_uuid(), gen_random_uuid(), 'malformed', '', ''
                )
                """,
                [two[1].workspace_id],
            )


def test_a_role_that_serves_owns_nothing_and_passes_no_policy(
    owner: psycopg.Connection, warehouse: None
) -> None:
    roles = ["hmc_ingest", "hmc_api", "hmc_analyst"]
    assert owner.execute(
        """
        select count(*) from pg_roles
        where rolname = any(%s) and not rolsuper and not rolbypassrls
        """,
        [roles],
    ).fetchone() == (3,)
    assert owner.execute(
        """
        select count(*) from pg_class inner join pg_roles
        on pg_class.relowner = pg_roles.oid
        where rolname = any(%s) and relpersistence <> 't'
        """,
        [roles],
    ).fetchone() == (0,)


def test_every_table_with_a_workspace_has_forced_row_security_and_a_policy(
    owner: psycopg.Connection, warehouse: None
) -> None:
    names = [name for name, *_ in owner.execute(TABLES_WITH_A_WORKSPACE).fetchall()]
    assert len(names) >= 12
    for name in names:
        assert owner.execute(
            """
            select case
                -- A view shows what the tables below it show to whoever asks.
                when relkind = 'v' then 'security_invoker=true' = any(reloptions)
                else relrowsecurity and relforcerowsecurity and exists (
                    select 1 from pg_policy where polrelid = pg_class.oid
                )
            end
            from pg_class where oid = %s::regclass
            """,
            [name],
        ).fetchone() == (True,), name


def test_the_last_line_of_a_reader_is_an_index_condition(
    owner: psycopg.Connection, two: list[Any]
) -> None:
    """The policy is a plain expression, so Postgres can look rows up by it."""
    with connect(Role.API) as connection:
        connection.execute("set enable_seqscan = off")
        connection.execute(
            "select set_config('app.workspace_id', %s, false)",
            [str(two[0].workspace_id)],
        )
        plan = connection.execute(
            "explain select * from marts.fct_usage_days where usage_date = current_date"
        ).fetchall()
        text = " ".join(line for (line,) in plan)
        assert "Index Cond" in text
        assert "current_setting" in text
