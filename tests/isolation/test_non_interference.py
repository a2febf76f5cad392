"""Whatever happens in one workspace, the answers of another stay as they were."""

import io
import logging
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from hmc.logs import JsonLines
from hmc.rules import WORKSPACES, ruled_routes
from tests.factories import (
    Daemon,
    Workspace,
    api_key,
    batch,
    daemon,
    rebuilt,
    record,
    session,
    workspace,
)

ROWS, AT_A_TIME = 50_000, 5_000
CANARY = "zzcanaryzz"
TOTALS = "/v1/reconciliation/daemon-totals?from_date=2026-01-01&to_date=2026-12-31"
# When the whole warehouse was last published is nobody's in particular.
MOMENT = re.compile(rb'"(as_of|known_at|published_at|after)":"[^"]*"')


@pytest.fixture
def ours(owner: psycopg.Connection, cloud: TestClient) -> tuple[Workspace, Daemon]:
    home = workspace(owner)
    laptop = daemon(owner, cloud, home)
    sent(cloud, laptop, [record(project=f"p{each % 7}") for each in range(200)])
    return home, laptop


@pytest.fixture
def theirs(owner: psycopg.Connection, cloud: TestClient) -> tuple[Workspace, Daemon]:
    """A workspace that has its canary wherever a name can stand."""
    home = workspace(owner)
    owner.execute(
        "update app.workspaces set name = %s where workspace_id = %s",
        [f"{CANARY} inc", home.workspace_id],
    )
    return home, daemon(owner, cloud, home, hostname=f"{CANARY}-laptop")


def sent(cloud: TestClient, laptop: Daemon, records: list[dict[str, Any]]) -> None:
    answer = cloud.post(
        "/v1/requests/batch", json=batch(*records), headers=laptop.headers
    )
    assert answer.status_code == 200, answer.text


def readable(app: FastAPI) -> list[str]:
    """Every path that shows something of a workspace."""
    return [
        path
        for method, path, _ in ruled_routes(app)
        if method == "GET" and path.startswith(WORKSPACES)
    ]


def answers(
    cloud: TestClient, app: FastAPI, home: Workspace, ids: dict[str, str], headers: Any
) -> dict[str, bytes]:
    """All that a member is answered: by name what came, without when it was made."""
    found: dict[str, bytes] = {}
    for path in readable(app):
        asked = path.format(slug=home.slug, **ids)
        answer = cloud.get(asked, headers=headers)
        body = re.sub(rb'"request_id":"[0-9a-f]{16}"', b"", answer.content)
        found[path] = bytes([answer.status_code % 256]) + MOMENT.sub(b"", body)
    return found


def ids_of(owner: psycopg.Connection, laptop: Daemon) -> dict[str, str]:
    """Return an object of a workspace for every id that a path may name."""
    request = owner.execute(
        "select request_id from raw.requests where workspace_id = %s limit 1",
        [laptop.workspace.workspace_id],
    ).fetchone()
    asked: dict[str, UUID | str] = {
        "machine_id": laptop.machine_id,
        "request_id": request[0] if request else uuid4(),
        "code": "ABCDEFGH",
        "provider": "anthropic",
        "month": "2026-10",
        "question": "usage_day",
        "finding_id": "0" * 32,
    }
    return {name: str(value) for name, value in asked.items()}


def change_much(
    owner: psycopg.Connection, cloud: TestClient, home: Workspace, laptop: Daemon
) -> None:
    """Land many rows, price them, move them, bill them, and forget some."""
    boss = session(owner, home.email)
    inside = f"/v1/workspaces/{home.slug}"
    for start in range(0, ROWS, AT_A_TIME):
        sent(
            cloud,
            laptop,
            [
                record(
                    project=f"{CANARY}-{(start + each) % 11}",
                    model="claude-sonnet-4-5" if each % 3 else f"{CANARY}-model",
                    source_workdir=f"/home/{CANARY}",
                )
                for each in range(AT_A_TIME)
            ],
        )
    sent(cloud, laptop, [record(project=CANARY, input_tokens=-1)])
    price = {
        "provider": "anthropic",
        "model": f"{CANARY}-model",
        "input_usd_per_mtok": "1",
        "output_usd_per_mtok": "2",
    }
    made = cloud.post(f"{inside}/departments", json={"name": CANARY}, headers=boss)
    rule = {
        "department_id": made.json()["department_id"],
        "match_on": "project",
        "match_value": f"{CANARY}-1",
        "valid_from": "2020-01-01T00:00:00Z",
    }
    for path, body in (("pricing/rates", price), ("departments/rules", rule)):
        assert cloud.post(f"{inside}/{path}", json=body, headers=boss).is_success
    bill = {"account": CANARY, "amount_usd": "12.34", "invoice_id": CANARY}
    paid = cloud.put(
        f"{inside}/reconciliation/anthropic/2026-10", json=bill, headers=boss
    )
    assert paid.is_success, paid.text
    api_key(owner, home, home.email, "read_usage")
    rebuilt()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What the product writes to its log, as machines read it."""
    file = io.StringIO()
    handler = logging.StreamHandler(file)
    handler.setFormatter(JsonLines())
    log = logging.getLogger("hmc")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield file
    log.removeHandler(handler)
    log.setLevel(logging.NOTSET)


@pytest.mark.slow
def test_nothing_of_ours_moves_while_50_000_rows_of_theirs_do(
    owner: psycopg.Connection,
    cloud: TestClient,
    ours: tuple[Workspace, Daemon],
    theirs: tuple[Workspace, Daemon],
    logged: io.StringIO,
) -> None:
    app = cloud.app
    assert isinstance(app, FastAPI)
    (home, laptop), (other, their_laptop) = ours, theirs
    rebuilt()
    headers = session(owner, home.email)
    ids = ids_of(owner, laptop)
    before = answers(cloud, app, home, ids, headers)
    daemons = cloud.get(TOTALS, headers=laptop.headers)

    change_much(owner, cloud, other, their_laptop)

    after = answers(cloud, app, home, ids, headers)
    differing = [path for path in before if before[path] != after[path]]
    assert differing == []
    assert daemons.status_code == 200
    again = cloud.get(TOTALS, headers=laptop.headers)
    assert again.content == daemons.content

    strayed = answers(cloud, app, home, ids_of(owner, their_laptop), headers)
    exported = cloud.get(
        f"/v1/workspaces/{home.slug}/audit?format=csv", headers=headers
    )
    for place, text in {**after, **strayed, "export": exported.content}.items():
        assert CANARY.encode() not in text, place
    assert CANARY not in logged.getvalue()
    theirs_now = cloud.get(
        f"/v1/workspaces/{other.slug}/projects", headers=session(owner, other.email)
    )
    assert theirs_now.json()["total"]["request_count"] == ROWS
