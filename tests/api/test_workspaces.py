"""Workspaces: founded, renamed, moved, deleted and brought back."""

from typing import Any
from uuid import uuid4

import psycopg
import pytest
from starlette.testclient import TestClient

from tests.factories import Workspace, batch, daemon, member, record, session, workspace


@pytest.fixture
def home(owner: psycopg.Connection) -> Workspace:
    return workspace(owner)


def test_one_workspace_is_anyones_and_a_second_needs_team(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner, "solo")
    boss = session(owner, home.email)

    def found(name: str) -> Any:
        return cloud.post("/v1/workspaces", json={"name": name}, headers=boss)

    unique = uuid4().hex[:10]
    locked = found(f"Second {unique}")
    assert locked.status_code == 403
    assert locked.json() == {
        "error": "tier_locked",
        "feature": "more_workspaces",
        "min_tier": "team",
        "current_tier": "solo",
    }
    upgraded = cloud.put(
        f"/v1/workspaces/{home.slug}/tier", json={"tier": "team"}, headers=boss
    )
    assert upgraded.json()["tier"] == "team"
    made = found(f"Second {unique}")
    assert made.status_code == 201
    assert made.json()["slug"] == f"second-{unique}"
    assert made.json()["tier"] == "solo"
    assert len(cloud.get("/v1/me", headers=boss).json()["workspaces"]) == 2
    assert found(f"Second {unique}").status_code == 409


def test_a_tier_counts_from_the_next_request_on(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    boss = session(owner, home.email)
    for _ in range(20):
        for tier, status in (("solo", 403), ("team", 200)):
            cloud.put(
                f"/v1/workspaces/{home.slug}/tier", json={"tier": tier}, headers=boss
            )
            traces = cloud.get(f"/v1/workspaces/{home.slug}/traces", headers=boss)
            assert traces.status_code == status


def test_people_are_led_from_an_old_slug_to_the_new_one_and_strangers_are_not(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    boss = session(owner, home.email)
    laptop = daemon(owner, cloud, home)
    new = f"new-{uuid4().hex[:8]}"
    changed = cloud.patch(
        f"/v1/workspaces/{home.slug}",
        json={"slug": new, "name": "New"},
        headers=boss,
    )
    assert changed.json()["workspace"]["slug"] == new
    old = f"/v1/workspaces/{home.slug}/projects?from=2026-01-01"
    led = cloud.get(old, headers=boss)
    assert led.status_code == 308
    assert led.headers["location"] == f"/v1/workspaces/{new}/projects?from=2026-01-01"
    assert cloud.get(led.headers["location"], headers=boss).status_code == 200
    odd = f"/v1/workspaces/{home.slug}/members/%E2%82%AC%0D%0Aset-cookie: x"
    told = cloud.delete(odd, headers=boss)
    assert told.status_code == 308
    assert told.headers["location"].endswith(
        "/members/%E2%82%AC%0D%0Aset-cookie%3A%20x"
    )
    stranger = session(owner, workspace(owner).email)
    assert cloud.get(old, headers=stranger).status_code == 404
    synced = cloud.post(
        "/v1/requests/batch", json=batch(record()), headers=laptop.headers
    )
    assert synced.status_code == 200
    whoami = cloud.get("/v1/daemon/whoami", headers=laptop.headers)
    assert whoami.json()["workspace_name"] == "New"


def test_a_slug_that_somebody_once_had_is_nobody_elses(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    boss = session(owner, home.email)
    new = f"new-{uuid4().hex[:8]}"

    def move(to: str, slug: str, who: dict[str, str]) -> int:
        return cloud.patch(
            f"/v1/workspaces/{slug}", json={"slug": to}, headers=who
        ).status_code

    assert move(new, home.slug, boss) == 200
    other = workspace(owner)
    theirs = session(owner, other.email)
    for taken in (home.slug, new):
        assert move(taken, other.slug, theirs) == 409
    assert move(home.slug, new, boss) == 200


def test_a_deleted_workspace_is_closed_at_once_and_can_be_brought_back(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    boss = session(owner, home.email)
    admin = session(owner, member(owner, home, "admin"))
    laptop = daemon(owner, cloud, home)
    path = f"/v1/workspaces/{home.slug}"
    assert cloud.delete(path, headers=admin).status_code == 403
    assert cloud.delete(path, headers=boss).status_code == 204
    assert cloud.get(f"{path}/overview", headers=boss).status_code == 404
    synced = cloud.post(
        "/v1/requests/batch", json=batch(record()), headers=laptop.headers
    )
    assert synced.status_code == 403
    (listed,) = cloud.get("/v1/me", headers=boss).json()["workspaces"]
    assert listed["restorable_until"] is not None
    assert cloud.post(f"{path}/restore", headers=admin).status_code == 403
    assert cloud.post(f"{path}/restore", headers=boss).status_code == 200
    assert cloud.get(f"{path}/overview", headers=boss).status_code == 200
    assert cloud.post(f"{path}/restore", headers=boss).status_code == 404


def test_after_the_grace_nobody_brings_it_back(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    boss = session(owner, home.email)
    owner.execute(
        """
        update app.workspaces set deleted_at = now() - interval '31 days'
        where workspace_id = %s
        """,
        [home.workspace_id],
    )
    assert cloud.get("/v1/me", headers=boss).json()["workspaces"] == []
    restored = cloud.post(f"/v1/workspaces/{home.slug}/restore", headers=boss)
    assert restored.status_code == 404


def test_settings_are_changed_by_those_who_may_and_a_zone_has_to_exist(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    path = f"/v1/workspaces/{home.slug}"
    boss = session(owner, home.email)
    admin = session(owner, member(owner, home, "admin"))
    viewer = session(owner, member(owner, home, "viewer"))
    zone = {"reporting_time_zone": "Asia/Kathmandu"}
    assert cloud.patch(path, json=zone, headers=viewer).status_code == 403
    changed = cloud.patch(path, json=zone, headers=admin).json()
    assert changed["reporting_time_zone"] == "Asia/Kathmandu"
    nowhere = {"reporting_time_zone": "Mars/Olympus"}
    assert cloud.patch(path, json=nowhere, headers=admin).status_code == 422
    bodies = {"stores_bodies": True}
    store = f"{path}/body-storage"
    assert cloud.put(store, json=bodies, headers=admin).status_code == 403
    assert cloud.put(store, json=bodies, headers=boss).json()["stores_bodies"] is True
    assert "own_workspace" in cloud.get(path, headers=boss).json()["permissions"]
    assert cloud.get(path, headers=viewer).json()["role"] == "viewer"


def test_an_owner_keeps_requests_for_fewer_days_and_never_for_more_than_anybody(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    path = f"/v1/workspaces/{home.slug}"
    boss = session(owner, home.email)
    admin = session(owner, member(owner, home, "admin"))
    longest = cloud.get(path, headers=boss).json()["data_retention_days"]

    def keep(days: object, headers: dict[str, str]) -> Any:
        asked = {"data_retention_days": days}
        return cloud.put(f"{path}/retention", json=asked, headers=headers)

    assert keep(30, boss).json()["data_retention_days"] == 30
    assert keep(None, boss).json()["data_retention_days"] == longest
    assert keep(30, admin).status_code == 403
    for wrong in (0, -1, longest + 1, 2**40, 1.5, "many"):
        assert keep(wrong, boss).status_code == 422
