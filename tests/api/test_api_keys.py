"""What scripts may do: keys with scopes, through the same gates as people."""

from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from models.plans import Permission, plans
from tests.factories import Workspace, member, session, workspace


@pytest.fixture
def home(owner: psycopg.Connection) -> Workspace:
    return workspace(owner)


def path(home: Workspace, *rest: Any) -> str:
    return "/".join(["/v1/workspaces", home.slug, *map(str, rest)])


def made(
    cloud: TestClient, boss: dict[str, str], home: Workspace, *scopes: str
) -> tuple[dict[str, str], str]:
    """A key's headers and its id."""
    answer = cloud.post(
        path(home, "api-keys"),
        json={"name": "export", "scopes": scopes or ["read_usage"]},
        headers=boss,
    )
    assert answer.status_code == 201, answer.text
    key = answer.json()
    bearer = {"authorization": f"Bearer {key['api_key']}"}
    return bearer, key["key"]["api_key_id"]


def test_a_key_does_what_its_scopes_say_and_nothing_else(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    boss = session(owner, home.email)
    key, _ = made(cloud, boss, home, "read_usage")
    assert cloud.get(path(home, "overview"), headers=key).status_code == 200
    refused = cloud.get(path(home, "reconciliation"), headers=key)
    assert refused.status_code == 403
    assert refused.json()["error"] == "not_in_scope"
    assert refused.json()["permission"] == "read_finance"


def test_a_key_meets_the_same_lock_as_people(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner, "solo")
    key, _ = made(cloud, session(owner, home.email), home, "read_usage")
    locked = cloud.get(path(home, "traces"), headers=key)
    assert locked.json()["error"] == "tier_locked"


def test_a_key_opens_no_other_workspace_and_nothing_that_is_a_persons(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    boss = session(owner, home.email)
    key, _ = made(cloud, boss, home, *plans()["keys"]["scopes"])
    other = workspace(owner)
    assert cloud.get(path(other, "overview"), headers=key).status_code == 404
    for answer in (
        cloud.get("/v1/me", headers=key),
        cloud.post("/v1/workspaces", json={"name": "x"}, headers=key),
        cloud.get("/v1/daemon/whoami", headers=key),
    ):
        assert answer.status_code == 401
    for answer in (
        cloud.get(path(home, "members"), headers=key),
        cloud.get(path(home, "api-keys"), headers=key),
        cloud.delete(path(home, "membership"), headers=key),
        cloud.delete(path(home), headers=key),
    ):
        assert answer.json()["error"] == "not_in_scope"


def test_a_key_ends_with_its_day_its_revocation_or_its_maker(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    boss = session(owner, home.email)
    address = member(owner, home, "admin")
    overview = path(home, "overview")

    def works(key: dict[str, str]) -> bool:
        return cloud.get(overview, headers=key).status_code == 200

    for _ in range(10):
        key, key_id = made(cloud, boss, home)
        assert works(key)
        assert cloud.delete(path(home, "api-keys", key_id), headers=boss).is_success
        assert cloud.get(overview, headers=key).status_code == 401
    key, key_id = made(cloud, boss, home)
    owner.execute(
        "update app.api_keys set expires_at = now() where api_key_id = %s", [key_id]
    )
    assert not works(key)
    key, _ = made(cloud, session(owner, address), home)
    assert works(key)
    owner.execute(
        """
        update app.members set role = 'billing' from app.users
        where members.user_id = users.user_id and users.email = %s
        """,
        [address],
    )
    assert cloud.get(overview, headers=key).status_code == 403
    owner.execute(
        """
        delete from app.members using app.users
        where members.user_id = users.user_id and users.email = %s
        """,
        [address],
    )
    assert cloud.get(overview, headers=key).status_code == 401
    states = {
        each["state"] for each in cloud.get(path(home, "api-keys"), headers=boss).json()
    }
    assert states == {"revoked", "expired", "orphaned"}


def test_no_key_is_made_for_what_no_key_may(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    boss = session(owner, home.email)
    for scope in set(Permission) - set(plans()["keys"]["scopes"]):
        answer = cloud.post(
            path(home, "api-keys"),
            json={"name": "x", "scopes": [scope]},
            headers=boss,
        )
        assert answer.status_code == 422
    viewer = session(owner, member(owner, home, "viewer"))
    answer = cloud.post(
        path(home, "api-keys"),
        json={"name": "x", "scopes": ["read_usage"]},
        headers=viewer,
    )
    assert answer.status_code == 403


def test_no_api_key_is_kept_and_its_use_is_noted_to_the_hour(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    boss = session(owner, home.email)
    key, key_id = made(cloud, boss, home)
    cloud.get(path(home, "overview"), headers=key)
    row = owner.execute(
        "select api_keys::text, last_used_at from app.api_keys where api_key_id = %s",
        [key_id],
    ).fetchone()
    assert row is not None
    assert key["authorization"].removeprefix("Bearer ") not in row[0]
    assert row[1].minute == row[1].second == 0


def test_what_a_key_changes_is_in_the_log_under_the_key(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    boss = session(owner, home.email)
    key, key_id = made(cloud, boss, home, "edit_projects")
    department = cloud.post(
        path(home, "departments"), json={"name": "R&D"}, headers=key
    )
    assert department.status_code == 201
    (event,) = cloud.get(
        path(home, "audit"), params={"actor_kind": "key"}, headers=boss
    ).json()["items"]
    assert (event["actor_id"], event["action"]) == (key_id, "departments.created")
