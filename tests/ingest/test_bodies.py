"""Captured bodies: kept only where wanted, sealed, and only beside their own call."""

import base64
import json
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from starlette.testclient import TestClient

from tests.factories import Daemon, Workspace, batch, daemon, record, workspace
from warehouse.sealing import BodyAltered, BodyPlace, opened, unseal

SECRET = "My password is 7777777 — ünïcode"


def keeping(owner: psycopg.Connection) -> Workspace:
    """A workspace that keeps bodies."""
    made = workspace(owner)
    owner.execute(
        "update app.workspaces set stores_bodies = true where workspace_id = %s",
        [made.workspace_id],
    )
    return made


@pytest.fixture
def home(owner: psycopg.Connection) -> Workspace:
    return keeping(owner)


@pytest.fixture
def laptop(owner: psycopg.Connection, cloud: TestClient, home: Workspace) -> Daemon:
    return daemon(owner, cloud, home)


def sent(cloud: TestClient, by: Daemon) -> str:
    one = record()
    assert (
        cloud.post(
            "/v1/requests/batch", json=batch(one), headers=by.headers
        ).status_code
        == 200
    )
    return one["id"]


def body(request_id: str, text: str = SECRET, **fields: Any) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "direction": "request",
        "content_type": "application/json",
        "body_b64": base64.b64encode(text.encode()).decode(),
        "redaction_applied": True,
        "redaction_summary": ["email x2"],
        "original_size_bytes": len(text),
    } | fields


def post(cloud: TestClient, by: Daemon, request_id: str, **fields: Any) -> Any:
    return cloud.post(
        f"/v1/requests/{request_id}/body",
        json=body(request_id, **fields),
        headers=by.headers,
    )


def stored(owner: psycopg.Connection, by: Daemon) -> dict[str, str]:
    """What lies there, opened as the owner of the keys can."""
    keys = {
        row[0]: opened(by.workspace.workspace_id, *row)
        for row in owner.execute(
            """
            select key_version, wrapped_key, wrapped_by from app.data_keys
            where workspace_id = %s
            """,
            [by.workspace.workspace_id],
        ).fetchall()
    }
    rows = owner.execute(
        """
        select request_id, direction, key_version, sealed from raw.request_bodies
        where workspace_id = %s
        """,
        [by.workspace.workspace_id],
    ).fetchall()
    return {
        direction: unseal(
            sealed,
            keys[version],
            BodyPlace(by.workspace.workspace_id, request_id, direction),
        ).decode()
        for request_id, direction, version, sealed in rows
    }


def test_both_directions_are_stored_and_a_repeat_replaces_its_own(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    call = sent(cloud, laptop)
    assert post(cloud, laptop, call).status_code == 204
    assert post(cloud, laptop, call, direction="response", text="a").status_code == 204
    assert post(cloud, laptop, call, direction="response", text="b").status_code == 204
    assert stored(owner, laptop) == {"request": SECRET, "response": "b"}


def test_nothing_is_kept_where_the_workspace_has_it_switched_off(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    laptop = daemon(owner, cloud, workspace(owner))
    answer = post(cloud, laptop, sent(cloud, laptop))
    assert answer.status_code == 200
    assert answer.json() == {"stored": False, "reason": "store_prompt_content_off"}
    for table in ("raw.request_bodies", "raw.awaited_requests", "app.data_keys"):
        assert owner.execute(
            f"select count(*) from {table} where workspace_id = %s",
            [laptop.workspace.workspace_id],
        ).fetchone() == (0,)


def test_a_body_whose_call_has_not_come_is_425_for_an_hour_then_404(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    unknown = str(uuid4())
    for _ in range(2):
        assert post(cloud, laptop, unknown).status_code == 425
    owner.execute(
        """
        update raw.awaited_requests
        set awaited_since = awaited_since - interval '61 minutes'
        where request_id = %s
        """,
        [unknown],
    )
    assert post(cloud, laptop, unknown).status_code == 404
    cloud.post(
        "/v1/requests/batch", json=batch(record(id=unknown)), headers=laptop.headers
    )
    assert post(cloud, laptop, unknown).status_code == 204


def test_a_call_of_another_machine_takes_no_body_of_this_one(
    owner: psycopg.Connection, cloud: TestClient, home: Workspace, laptop: Daemon
) -> None:
    other = daemon(owner, cloud, home, hostname="other")
    assert post(cloud, other, sent(cloud, laptop)).status_code == 404


def test_a_call_of_another_workspace_looks_like_one_that_has_not_come(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    elsewhere = daemon(owner, cloud, keeping(owner))
    assert post(cloud, elsewhere, sent(cloud, laptop)).status_code == 425


@pytest.mark.parametrize(
    "fault",
    [
        {"body_b64": "not base64!"},
        {"body_b64": "YQ"},
        {"body_b64": base64.b64encode(b"\xff\xfe").decode()},
        {"body_b64": None},
        {"request_id": str(uuid4())},
        {"request_id": "17"},
        {"direction": "sideways"},
    ],
)
def test_what_cannot_be_read_is_400(
    fault: dict[str, Any], cloud: TestClient, laptop: Daemon
) -> None:
    call = sent(cloud, laptop)
    answer = cloud.post(
        f"/v1/requests/{call}/body", json=body(call) | fault, headers=laptop.headers
    )
    assert answer.status_code == 400
    assert answer.json()["error"] == "body_unreadable"


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"[" * 100_000, b"\xff", b"1"])
def test_what_is_no_json_object_is_400(
    content: bytes, cloud: TestClient, laptop: Daemon
) -> None:
    address = f"/v1/requests/{sent(cloud, laptop)}/body"
    answer = cloud.post(address, content=content, headers=laptop.headers)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "oddity",
    [
        {"content_type": 7},
        {"content_type": "x" * 10_000},
        {"redaction_summary": {"email": 2}},
        {"redaction_summary": [1, None, "\x00\ud800"]},
        {"redaction_applied": "yes"},
        {"original_size_bytes": -1},
        {"original_size_bytes": 10**30},
    ],
)
def test_what_only_describes_a_body_is_no_reason_to_refuse_it(
    oddity: dict[str, Any], cloud: TestClient, laptop: Daemon
) -> None:
    call = sent(cloud, laptop)
    answer = cloud.post(
        f"/v1/requests/{call}/body",
        content=json.dumps(body(call) | oddity),
        headers=laptop.headers,
    )
    assert answer.status_code == 204


def test_an_endless_number_beside_a_body_is_no_reason_to_refuse_it(
    cloud: TestClient, laptop: Daemon
) -> None:
    call = sent(cloud, laptop)
    text = json.dumps(body(call, original_size_bytes="WORD"))
    answer = cloud.post(
        f"/v1/requests/{call}/body",
        content=text.replace('"WORD"', "9" * 10_000),
        headers=laptop.headers,
    )
    assert answer.status_code == 204


def test_a_leg_of_a_mebibyte_fits_and_a_post_over_two_does_not(
    cloud: TestClient, laptop: Daemon
) -> None:
    call = sent(cloud, laptop)
    assert post(cloud, laptop, call, text="x" * 2**20).status_code == 204
    assert post(cloud, laptop, call, text="x" * 2 * 2**20).status_code == 413


def test_an_address_that_names_no_request_is_404(
    cloud: TestClient, laptop: Daemon
) -> None:
    answer = cloud.post(
        "/v1/requests/17/body", json=body(str(uuid4())), headers=laptop.headers
    )
    assert answer.status_code == 404


def test_no_body_lies_in_clear_anywhere_in_the_database(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    post(cloud, laptop, sent(cloud, laptop))
    (sealed,) = owner.execute(
        "select sealed from raw.request_bodies where workspace_id = %s",
        [laptop.workspace.workspace_id],
    ).fetchone() or (b"",)
    assert len(sealed) > 28
    assert b"password" not in sealed


def test_a_sealed_body_opens_in_no_other_row(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    here, there = sent(cloud, laptop), sent(cloud, laptop)
    post(cloud, laptop, here)
    owner.execute(
        "update raw.request_bodies set request_id = %s where request_id = %s",
        [UUID(there), UUID(here)],
    )
    with pytest.raises(BodyAltered):
        stored(owner, laptop)
