"""What is not as expected of fresh rows becomes a row, and nobody is refused for it."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from starlette.testclient import TestClient

from hmc.looking import is_due, keep_looking
from models.quality import expectations
from tests.factories import (
    Workspace,
    batch,
    daemon,
    rate,
    rebuilt,
    record,
    session,
    workspace,
)
from warehouse.cluster import Role, connect

MODEL = f"model-{uuid4().hex}"
TODAY = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


def looked() -> dict[str, Any]:
    """One look, in the process of its own that the worker too gives it."""
    said = subprocess.run(
        [sys.executable, "-m", "hmc", "quality", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def calls(days_ago: int, count: int, **fields: Any) -> list[dict[str, Any]]:
    moment = (TODAY - timedelta(days=days_ago)).isoformat()
    return [
        record(requested_at=moment, recorded_at=moment, **{"model": MODEL} | fields)
        for _ in range(count)
    ]


def odd_calls() -> Iterator[dict[str, Any]]:
    """Calls that are each off in one way, beside years of calls that are not."""
    yield from (call for week in range(2, 8) for call in calls(7 * week, 60))
    yield from calls(7, 5)
    soon = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
    yield record(model="nobody-knows")
    yield record(model="ahead", requested_at=soon, recorded_at=soon)
    yield record(model="backwards", requested_at=soon)
    yield record(model="empty", input_tokens=0, output_tokens=0)
    yield record(model="cut", tokens_complete=False)
    yield record(model="misordered", latency_ms=5, time_to_first_token_ms=6)
    yield record(model="huge", input_tokens=900_000_000)
    yield from (record(model="claude-sonnet-4-5", cost_millicents=7) for _ in range(30))


@pytest.fixture(scope="module")
def home(warehouse: None, cloud: TestClient) -> Workspace:
    with connect(Role.OWNER) as owner:
        home = workspace(owner)
        owner.execute(
            "update app.workspaces set created_at = now() - interval '1 year'"
            " where workspace_id = %s",
            [home.workspace_id],
        )
        rate(owner, MODEL, provider="anthropic")
        laptop = daemon(owner, cloud, home)
        landed = cloud.post(
            "/v1/requests/batch", json=batch(*odd_calls()), headers=laptop.headers
        )
        assert landed.status_code == 200
    rebuilt()
    looked()
    return home


def health(cloud: TestClient, owner: psycopg.Connection, of: Workspace) -> Any:
    answer = cloud.get(
        f"/v1/workspaces/{of.slug}/data-health", headers=session(owner, of.email)
    )
    assert answer.status_code == 200
    return answer.json()


def findings(answer: Any) -> dict[str, list[dict[str, Any]]]:
    return {each["name"]: each["findings"] for each in answer["expectations"]}


@pytest.mark.parametrize(
    ("expectation", "subject"),
    [
        (
            "a_day_is_no_quieter_than_its_weekday",
            {"usage_date": str((TODAY - timedelta(days=7)).date())},
        ),
        ("every_model_has_a_price", {"provider": "anthropic", "model": "nobody-knows"}),
        (
            "a_whole_answer_counted_something",
            {"provider": "anthropic", "model": "empty"},
        ),
        ("few_answers_are_cut", {"provider": "anthropic", "model": "cut"}),
        ("a_prompt_fits_a_model", {"provider": "anthropic", "model": "huge"}),
        (
            "the_first_token_comes_before_the_last",
            {"provider": "anthropic", "model": "misordered"},
        ),
        ("a_call_is_not_made_in_the_future", None),
        ("a_call_is_recorded_after_it_was_made", None),
        (
            "daemons_reckon_as_we_do",
            {"provider": "anthropic", "model": "claude-sonnet-4-5"},
        ),
    ],
)
def test_what_is_odd_is_found(
    expectation: str,
    subject: dict[str, str] | None,
    home: Workspace,
    owner: psycopg.Connection,
    cloud: TestClient,
) -> None:
    found = findings(health(cloud, owner, home))[expectation]
    assert any(one["subject"] == subject or subject is None for one in found)
    for one in found:
        least, most = one["least"], one["most"]
        is_below = least is not None and one["observed"] < least
        assert is_below or (most is not None and one["observed"] > most)


def test_what_is_as_it_should_be_is_not_found(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    found = findings(health(cloud, owner, home))
    for expectation, ones in found.items():
        models = {one["subject"].get("model") for one in ones}
        assert MODEL not in models, expectation
    assert found["a_day_is_no_busier_than_its_weekday"] == []


def test_another_workspace_sees_none_of_it(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    other = health(cloud, owner, workspace(owner))
    assert all(each["findings"] == [] for each in other["expectations"])
    assert all(each["is_met"] for each in other["expectations"])
    assert other["marts"] == []


def test_a_finding_stands_until_it_is_gone_and_says_since_when(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    def unknown() -> Any:
        found = findings(health(cloud, owner, home))["every_model_has_a_price"]
        (one,) = (each for each in found if each["subject"]["model"] == "nobody-knows")
        return one

    before = unknown()
    rate(owner, "nobody-knows", provider="anthropic", workspace_id=home.workspace_id)
    looked()
    after = unknown()
    assert before["resolved_at"] is None
    assert after["resolved_at"] is not None
    assert after["first_seen_at"] == before["first_seen_at"]


def test_health_says_how_fresh_how_built_how_tested_and_how_much_is_unpriced(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    said = health(cloud, owner, home)
    assert said["last_build"]["looked_with"].startswith("Great Expectations ")
    assert said["failing_tests"] == []
    assert said["test_counts"]["pass"] > 30
    sources = {each["source"]: each["is_stale"] for each in said["sources"]}
    assert sources == {
        "raw.requests": False,
        "raw.pricing_rates": False,
        "raw.billing_documents": True,
    }
    assert said["recent"]["unpriced_ppm"] > 0
    sizes = {each["mart"]: each["row_count"] for each in said["marts"]}
    kept = owner.execute(
        "select count(*) from raw.requests where workspace_id = %s", [home.workspace_id]
    ).fetchone()
    assert (sizes["fct_priced_requests"],) == kept


def test_two_looks_do_not_run_at_once(owner: psycopg.Connection) -> None:
    owner.execute("select pg_advisory_lock(7204)")
    said = subprocess.run(
        [sys.executable, "-m", "hmc", "quality"],
        capture_output=True,
        text=True,
        check=False,
    )
    owner.execute("select pg_advisory_unlock(7204)")
    assert said.returncode == 1
    assert "another process is looking" in said.stderr


def test_the_worker_has_the_data_looked_at_when_it_is_time(
    owner: psycopg.Connection,
) -> None:
    assert not is_due(60)
    owner.execute("update raw.quality_runs set started_at = now() - interval '2 hours'")
    assert is_due(60)
    stopping = threading.Event()
    looking = threading.Thread(target=keep_looking, args=(stopping, 60, 0))
    looking.start()
    while is_due(60):
        time.sleep(0.2)
    stopping.set()  # a look that has begun is given up
    looking.join(20)
    assert not looking.is_alive()


def test_every_expectation_says_what_it_expects_and_of_what() -> None:
    profiles = Path(__file__).parents[2] / "ingest/quality/profiles"
    assert {each.profile for each in expectations()} == {
        path.stem for path in profiles.glob("*.sql")
    }
    for each in expectations():
        assert each.least is not None or each.most is not None, each.name
