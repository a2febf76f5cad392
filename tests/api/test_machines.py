"""What the people who look after machines can see of them, and do."""

from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from tests.factories import (
    Daemon,
    batch,
    daemon,
    member,
    rebuilt,
    record,
    session,
    workspace,
)


@pytest.fixture
def laptop(owner: psycopg.Connection, cloud: TestClient) -> Daemon:
    return daemon(owner, cloud, workspace(owner, "solo"))


def machines(by: Daemon) -> str:
    return f"/v1/workspaces/{by.workspace.slug}/machines"


def read(
    owner: psycopg.Connection,
    cloud: TestClient,
    by: Daemon,
    rest: str = "",
    **asked: Any,
) -> Any:
    answer = cloud.get(
        machines(by) + rest, params=asked, headers=session(owner, by.workspace.email)
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def send(cloud: TestClient, by: Daemon, *records: Any) -> None:
    headers = by.headers | {"x-hm-daemon": "build=public; policy_pull=absent"}
    cloud.post("/v1/requests/batch", json=batch(*records), headers=headers)


def test_a_machine_shows_what_it_runs_and_what_became_of_its_records(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    first = record(input_tokens=1)
    send(cloud, laptop, first, record(billing_basis="subscription_imputed"))
    send(cloud, laptop, first | {"input_tokens": 2}, record(input_tokens=-1), "junk")
    rebuilt()
    (card,) = read(owner, cloud, laptop)["items"]
    assert card.pop("connected_at")
    assert card.pop("last_batch_at")
    assert card == {
        "machine_id": laptop.machine_id,
        "hostname": "laptop",
        "platform": "Darwin",
        "daemon_version": "1.4.0",
        "enforcement": "not_enforcing",
        "state": "active",
        "request_count": 2,
        "malformed_count": 2,
        "conflicting_count": 1,
    }


def test_what_was_kept_aside_comes_page_by_page_with_its_reason(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    first = record(input_tokens=1)
    send(cloud, laptop, first)
    send(cloud, laptop, first | {"input_tokens": 2, "model": "other"})
    send(cloud, laptop, record(input_tokens=-1), record(requested_at="noon"))
    rest = f"/{laptop.machine_id}/rejected"
    page = read(owner, cloud, laptop, rest, limit=2)
    assert {one["detail"].partition(":")[0] for one in page["items"]} == {
        "requested_at",
        "input_tokens",
    }
    last = read(owner, cloud, laptop, rest, limit=2, cursor=page["next_cursor"])
    (conflicting,) = last["items"]
    assert last["next_cursor"] is None
    assert conflicting["request_id"] == first["id"]
    assert "differs in model, input_tokens from" in conflicting["detail"]
    assert '"input_tokens":2' in conflicting["record"]
    only = read(owner, cloud, laptop, rest, reason="conflicting")["items"]
    assert only == [conflicting]


def test_a_revoked_machine_is_refused_from_the_next_request_on(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    address = f"{machines(laptop)}/{laptop.machine_id}/revoke"
    signed_in = session(owner, laptop.workspace.email)
    for _ in range(2):
        detail = cloud.post(address, headers=signed_in).json()
        assert detail["state"] == "revoked"
    (key,) = detail["keys"]
    assert key["revoked_because"] == "revoked"
    assert key["revoked_by"] == laptop.workspace.email
    assert cloud.get("/v1/daemon/whoami", headers=laptop.headers).status_code == 401


def test_the_history_of_keys_says_how_each_ended(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    send(cloud, laptop, record())
    second = daemon(owner, cloud, laptop.workspace)
    cloud.delete("/v1/daemon/disconnect", headers=second.headers)
    daemon(owner, cloud, laptop.workspace)
    keys = read(owner, cloud, laptop, f"/{laptop.machine_id}")["keys"]
    assert [key["revoked_because"] for key in keys] == [
        None,
        "disconnected",
        "replaced",
    ]
    assert [key["last_used_at"] is None for key in keys] == [True, True, False]
    assert not [key for key in keys if "hash" in str(key)]


@pytest.mark.parametrize("role", ["editor", "member", "viewer", "billing"])
def test_only_who_looks_after_machines_sees_or_ends_them(
    role: str, owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    signed_in = session(owner, member(owner, laptop.workspace, role))
    one = f"{machines(laptop)}/{laptop.machine_id}"
    for answer in (
        cloud.get(machines(laptop), headers=signed_in),
        cloud.get(one, headers=signed_in),
        cloud.get(f"{one}/rejected", headers=signed_in),
        cloud.post(f"{one}/revoke", headers=signed_in),
    ):
        assert (answer.status_code, answer.json()["error"]) == (403, "not_permitted")


def test_a_machine_of_another_workspace_is_not_there(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    other = daemon(owner, cloud, workspace(owner))
    signed_in = session(owner, laptop.workspace.email)
    theirs = f"{machines(laptop)}/{other.machine_id}"
    assert cloud.get(theirs, headers=signed_in).status_code == 404
    assert cloud.get(f"{theirs}/rejected", headers=signed_in).status_code == 404
    assert cloud.post(f"{theirs}/revoke", headers=signed_in).status_code == 404
    assert cloud.get("/v1/daemon/whoami", headers=other.headers).status_code == 200
