"""What goes after its time, and who is forgotten: the money that stays is exact."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from starlette.testclient import TestClient

from models.trouble import Trouble
from tests.factories import (
    Daemon,
    Workspace,
    api_key,
    batch,
    daemon,
    member,
    rate,
    rebuilt,
    record,
    session,
    workspace,
)
from warehouse import retention
from warehouse.audit import verify
from warehouse.erasure import erase_machine, erase_person
from warehouse.retention import retain


@pytest.fixture
def home(owner: psycopg.Connection) -> Workspace:
    return workspace(owner)


@pytest.fixture
def laptop(owner: psycopg.Connection, cloud: TestClient, home: Workspace) -> Daemon:
    return daemon(owner, cloud, home, hostname="adas-laptop")


def sent(cloud: TestClient, laptop: Daemon, *days_ago: int, **fields: Any) -> None:
    for days in days_ago:
        at = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        rows = batch(record(requested_at=at, **fields), record(requested_at=at))
        answer = cloud.post("/v1/requests/batch", json=rows, headers=laptop.headers)
        assert answer.json()["accepted"] == 2


def days_of(owner: psycopg.Connection, of: Workspace) -> list[Any]:
    return owner.execute(
        """
        select usage_date, request_count, cost_pico from marts.fct_usage_days
        where workspace_id = %s and grouping_name = 'total' order by usage_date
        """,
        [of.workspace_id],
    ).fetchall()


def is_whole(owner: psycopg.Connection, of: Workspace) -> bool:
    return all(
        chain.fault is None
        for chain in verify(owner)
        if chain.workspace_id in {of.workspace_id, None}
    )


def test_requests_past_their_time_go_in_batches_and_the_rollups_follow(
    home: Workspace,
    laptop: Daemon,
    owner: psycopg.Connection,
    cloud: TestClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    sent(cloud, laptop, 0, 5, 20, 40, 400)
    rebuilt()
    assert len(days_of(owner, home)) == 5
    owner.execute(
        """
        update app.workspaces set data_retention_days = 30 where workspace_id = %s
        """,
        [home.workspace_id],
    )
    (gone,) = (each for each in retain(owner) if each.slug == home.slug)
    assert (gone.requests, gone.is_purged) == (4, False)
    rebuilt()
    kept = days_of(owner, home)
    assert [count for _, count, _ in kept] == [2, 2, 2]
    rebuilt(full_refresh=True)
    assert days_of(owner, home) == kept
    said = owner.execute(
        """
        select after ->> 'requests' from app.audit_events
        where workspace_id = %s and action = 'retention.applied'
        """,
        [home.workspace_id],
    ).fetchall()
    assert said == [("4",)]
    (again,) = (each for each in retain(owner) if each.slug == home.slug)
    assert again.requests == 0
    assert is_whole(owner, home)


def test_retention_takes_the_memory_of_requests_along(
    home: Workspace, laptop: Daemon, owner: psycopg.Connection, cloud: TestClient
) -> None:
    model = f"model-{uuid4().hex}"
    sent(cloud, laptop, 5, 40, provider="acme", model=model)
    rebuilt()
    rate(owner, model)
    rebuilt()
    remembered = """
        select count(*) from raw.superseded_requests where workspace_id = %s
    """
    landings = """
        select count(*) from raw.changes where workspace_id = %s and kind = 'arrival'
    """
    of = [home.workspace_id]
    assert owner.execute(remembered, of).fetchone() == (2,)
    owner.execute(
        """
        update raw.changes set published_at = now() - interval '40 days'
        where workspace_id = %s
        """,
        of,
    )
    owner.execute(
        "update app.workspaces set data_retention_days = 30 where workspace_id = %s", of
    )
    list(retain(owner))
    rebuilt()
    assert owner.execute(remembered, of).fetchone() == (1,)
    assert owner.execute(landings, of).fetchone() == (1,)


def test_a_deleted_workspace_goes_whole_after_its_grace_and_its_chain_stays(
    home: Workspace, laptop: Daemon, owner: psycopg.Connection, cloud: TestClient
) -> None:
    sent(cloud, laptop, 0, 3)
    api_key(owner, home, home.email, "read_usage")
    boss = session(owner, home.email)
    department = cloud.post(
        f"/v1/workspaces/{home.slug}/departments", json={"name": "R&D"}, headers=boss
    ).json()
    cloud.post(
        f"/v1/workspaces/{home.slug}/departments/rules",
        json={
            "department_id": department["department_id"],
            "match_on": "project",
            "match_value": "checkout",
            "valid_from": "2020-01-01T00:00:00Z",
        },
        headers=boss,
    )
    rebuilt()
    owner.execute(
        """
        update app.workspaces set deleted_at = now() - interval '29 days'
        where workspace_id = %s
        """,
        [home.workspace_id],
    )
    assert not any(each.is_purged for each in retain(owner) if each.slug == home.slug)
    owner.execute(
        """
        update app.workspaces set deleted_at = now() - interval '31 days'
        where workspace_id = %s
        """,
        [home.workspace_id],
    )
    (gone,) = (each for each in retain(owner) if each.slug == home.slug)
    assert (gone.requests, gone.is_purged) == (4, True)
    rebuilt()
    left = {
        table: count
        for (table,) in owner.execute(
            """
            select nspname || '.' || relname from pg_class
            inner join pg_namespace on relnamespace = pg_namespace.oid
            inner join pg_attribute
                on pg_class.oid = attrelid and attname = 'workspace_id'
            where nspname in ('app', 'raw', 'marts') and relkind in ('r', 'p')
            """
        ).fetchall()
        if (
            count := owner.execute(
                f"select count(*) from {table} where workspace_id = %s",  # type: ignore[arg-type]
                [home.workspace_id],
            ).fetchone()
        )
        != (0,)
    }
    assert set(left) == retention.OUTLIVING
    assert is_whole(owner, home)


def test_a_person_who_is_erased_is_nowhere_and_what_they_did_stays(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    address = member(owner, home, "admin")
    theirs = session(owner, address)
    key = api_key(owner, home, address, "read_usage")
    path = f"/v1/workspaces/{home.slug}"
    made = cloud.post(f"{path}/departments", json={"name": "R&D"}, headers=theirs)
    assert made.status_code == 201
    user_id = erase_person(owner, address)
    assert cloud.get("/v1/me", headers=theirs).status_code == 401
    assert cloud.get(f"{path}/overview", headers=key).status_code == 401
    log = cloud.get(f"{path}/audit", headers=session(owner, home.email))
    assert str(user_id) in log.text
    for table in ("users", "invitations", "members", "audit_events", "api_keys"):
        found = owner.execute(
            f"select count(*) from app.{table} as kept where kept::text like %s",  # type: ignore[arg-type]
            [f"%{address}%"],
        ).fetchone()
        assert found == (0,), table
    assert is_whole(owner, home)
    with pytest.raises(Trouble, match="nobody"):
        erase_person(owner, address)


def test_the_last_owner_is_not_erased_from_under_a_workspace(
    home: Workspace, owner: psycopg.Connection
) -> None:
    with pytest.raises(Trouble, match="last owner"):
        erase_person(owner, home.email)


def test_a_machine_that_is_erased_keeps_its_money_and_not_its_name(
    home: Workspace, laptop: Daemon, owner: psycopg.Connection, cloud: TestClient
) -> None:
    named = {"source_workdir": "/home/ada/secret", "source_machine": "adas-laptop"}
    sent(cloud, laptop, 0, 1, **named)
    bad = record(input_tokens=-1, **named)
    cloud.post("/v1/requests/batch", json=batch(bad), headers=laptop.headers)
    rebuilt()
    before = days_of(owner, home)
    assert erase_machine(owner, home.workspace_id, UUID(laptop.machine_id)) == 2
    rebuilt(full_refresh=True)
    assert days_of(owner, home) == before
    for table in (
        "raw.requests",
        "raw.rejected_records",
        "app.machines",
        "app.pairings",
        "app.audit_events",
    ):
        found = owner.execute(
            f"select count(*) from {table} as kept"  # type: ignore[arg-type]
            " where workspace_id = %s and (kept::text like '%%adas-laptop%%'"
            " or kept::text like '%%ada/secret%%')",
            [home.workspace_id],
        ).fetchone()
        assert found == (0,), table
    again = cloud.post(
        "/v1/requests/batch", json=batch(record()), headers=laptop.headers
    )
    assert again.status_code == 401
    assert is_whole(owner, home)


def test_cycles_that_nothing_is_asked_as_known_at_any_more_go(
    owner: psycopg.Connection,
) -> None:
    rebuilt()
    (old, young) = (
        owner.execute(
            """
            insert into raw.cycles (is_full_refresh, build, published_at)
            values (false, 'test', now() - make_interval(days => %s))
            returning cycle_id
            """,
            [days],
        ).fetchone()
        for days in (10_000, 20)
    )
    rebuilt(full_refresh=True)
    list(retain(owner))
    kept = {
        cycle
        for (cycle,) in owner.execute("select cycle_id from raw.cycles").fetchall()
    }
    assert old is not None
    assert young is not None
    assert old[0] not in kept
    assert young[0] in kept
