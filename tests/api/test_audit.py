"""Who changed what, as people read it."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from tests.factories import (
    Workspace,
    batch,
    daemon,
    member,
    rebuilt,
    record,
    session,
    workspace,
)


@pytest.fixture
def home(owner: psycopg.Connection) -> Workspace:
    return workspace(owner)


def events(
    cloud: TestClient, owner: psycopg.Connection, home: Workspace, **asked: Any
) -> list[dict[str, Any]]:
    answer = cloud.get(
        f"/v1/workspaces/{home.slug}/audit",
        headers=session(owner, home.email),
        params=asked,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_a_change_names_who_made_it_from_where_and_what_it_was(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    made = cloud.post(
        f"/v1/workspaces/{home.slug}/departments",
        headers=session(owner, home.email),
        json={"name": "R&D"},
    )
    (event,) = events(cloud, owner, home, action="departments.created")
    assert event["actor_kind"] == "person"
    assert event["actor_name"] == home.email
    assert event["address"] == "127.0.0.1"
    assert event["request_id"] == made.headers["x-request-id"]
    assert event["object_id"] == made.json()["department_id"]
    assert event["before"] is None
    assert event["after"]["name"] == "R&D"


def test_a_change_keeps_what_was_before_and_only_what_changed(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    owner.execute(
        "update app.workspaces set tier = 'enterprise', name = 'Renamed'"
        " where workspace_id = %s",
        [home.workspace_id],
    )
    (event,) = events(cloud, owner, home, action="workspaces.changed")
    assert event["actor_kind"] == "operator"
    assert event["after"] == {"name": "Renamed"}
    assert list(event["before"]) == ["name"]


def test_a_machine_that_pairs_and_leaves_is_in_the_log_without_a_secret(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    laptop = daemon(owner, cloud, home)
    cloud.delete("/v1/daemon/disconnect", headers=laptop.headers)
    said = events(cloud, owner, home)
    assert {
        "pairings.changed",
        "machines.created",
        "sync_keys.created",
        "sync_keys.changed",
    } <= {event["action"] for event in said}
    left = next(event for event in said if event["action"] == "sync_keys.changed")
    assert (left["actor_kind"], left["actor_id"]) == ("daemon", laptop.machine_id)
    assert left["after"]["revoked_at"] is not None
    assert not any("hash" in str(event["after"]) for event in said)
    assert not any("salt" in str(event["after"]) for event in said)


def test_events_are_found_by_actor_action_object_and_day_and_come_in_pages(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    for role in ("viewer", "viewer", "editor"):
        member(owner, home, role)
    everything = events(cloud, owner, home)
    positions = [event["position"] for event in everything]
    assert positions == sorted(positions, reverse=True)
    newest = everything[0]
    assert events(cloud, owner, home, object_id=newest["object_id"]) == [newest]
    assert events(cloud, owner, home, actor=home.email) == []
    assert events(cloud, owner, home, actor_kind="operator") == everything
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    assert events(cloud, owner, home, **{"from": tomorrow, "to": tomorrow}) == []
    pages: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    while True:
        answer = cloud.get(
            f"/v1/workspaces/{home.slug}/audit",
            headers=session(owner, home.email),
            params={"limit": 2} | cursor,
        ).json()
        pages += answer["items"]
        if answer["next_cursor"] is None:
            break
        cursor = {"cursor": answer["next_cursor"]}
    assert pages == everything


def test_the_csv_is_the_whole_period_and_no_formula(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    owner.execute(
        """
        insert into app.departments (workspace_id, name)
        values (%s, '=1+1')
        """,
        [home.workspace_id],
    )
    answer = cloud.get(
        f"/v1/workspaces/{home.slug}/audit",
        headers=session(owner, home.email),
        params={"format": "csv", "limit": 1},
    )
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [int(row["position"]) for row in rows] == [3, 2, 1]
    assert not any(
        field.startswith(("=", "+", "-", "@")) for row in rows for field in row.values()
    )


def test_the_log_reaches_back_as_long_as_it_is_kept(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    answer = cloud.get(
        f"/v1/workspaces/{home.slug}/audit",
        headers=session(owner, home.email),
        params={"from": "2015-01-01"},
    )
    assert answer.status_code == 400
    assert answer.json()["error"] == "beyond_floor"


def test_receipts_beyond_the_traces_window_are_in_the_archive(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    laptop = daemon(owner, cloud, home)
    long_ago = (datetime.now(UTC) - timedelta(days=60)).isoformat()
    old = record(requested_at=long_ago)
    cloud.post("/v1/requests/batch", json=batch(old), headers=laptop.headers)
    rebuilt()
    boss = session(owner, home.email)
    asked = {"from": long_ago[:10]}
    path = f"/v1/workspaces/{home.slug}"
    windowed = cloud.get(f"{path}/traces", headers=boss, params=asked)
    assert windowed.json()["error"] == "beyond_floor"
    archived = cloud.get(f"{path}/audit/receipts", headers=boss, params=asked)
    assert [item["request_id"] for item in archived.json()["items"]] == [old["id"]]
