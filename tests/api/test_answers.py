"""What the answers say, over real requests that came in over the wire."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from starlette.testclient import TestClient

from ingest.rebuild.worker import work
from tests.factories import (
    Daemon,
    batch,
    daemon,
    rate,
    rebuilt,
    record,
    session,
    workspace,
)


@pytest.fixture
def laptop(owner: psycopg.Connection, cloud: TestClient) -> Daemon:
    return daemon(owner, cloud, workspace(owner))


def get(
    owner: psycopg.Connection, cloud: TestClient, by: Daemon, path: str
) -> dict[str, Any]:
    answer = cloud.get(
        f"/v1/workspaces/{by.workspace.slug}/{path}",
        headers=session(owner, by.workspace.email),
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def send(cloud: TestClient, by: Daemon, *records: dict[str, Any]) -> None:
    cloud.post("/v1/requests/batch", json=batch(*records), headers=by.headers)


def test_an_empty_workspace_has_zeros_and_no_machines(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    overview = cloud.get(
        f"/v1/workspaces/{home.slug}/overview", headers=session(owner, home.email)
    ).json()
    assert overview["period_total"]["cost_usd"] == "0.00"
    assert overview["sync"]["status"] == "none"
    assert overview["days"] == []


def test_what_is_not_priced_is_null_and_counted_never_zero(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    send(cloud, laptop, record(model="nobody-knows"), record(model="nobody-knows"))
    rebuilt()
    overview = get(owner, cloud, laptop, "overview")
    assert overview["period_total"]["cost_usd"] is None
    assert overview["period_total"]["unpriced_count"] == 2
    assert [key["model"] for key in overview["unpriced_models"]] == ["nobody-knows"]
    send(cloud, laptop, record())
    rebuilt()
    total = get(owner, cloud, laptop, "overview")["period_total"]
    assert total["cost_usd"] == "0.0105"
    assert (total["request_count"], total["unpriced_count"]) == (3, 2)


def test_the_banner_turns_amber_after_a_day_and_red_on_revocation(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    send(cloud, laptop, record())
    assert get(owner, cloud, laptop, "overview")["sync"]["status"] == "green"
    owner.execute(
        "update app.machines set last_batch_at = now() - interval '25 hours'"
        " where machine_id = %s",
        [laptop.machine_id],
    )
    assert get(owner, cloud, laptop, "overview")["sync"]["status"] == "amber"
    cloud.delete("/v1/daemon/disconnect", headers=laptop.headers)
    assert get(owner, cloud, laptop, "overview")["sync"]["status"] == "red"


def test_traces_page_through_everything_once_newest_first(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    now = datetime.now(UTC)
    at = [now - timedelta(minutes=minutes) for minutes in range(130)]
    send(
        cloud,
        laptop,
        *(
            record(requested_at=when.isoformat(), project=f"p{index % 2}")
            for index, when in enumerate([*at, at[0], at[0]])
        ),
    )
    rebuilt()
    seen: list[str] = []
    cursor = ""
    while True:
        page = get(owner, cloud, laptop, f"traces?limit=50{cursor}")
        seen += [item["request_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == len(set(seen)) == 132
    moments = [item["requested_at"] for item in page["items"]]
    assert moments == sorted(moments, reverse=True)
    filtered = get(owner, cloud, laptop, "traces?limit=200&project=p1")
    assert {item["project"] for item in filtered["items"]} == {"p1"}


@pytest.mark.parametrize("cursor", ["x", "AAAA", "%00", "é", "A" * 32])
def test_a_cursor_that_was_not_given_out_is_no_error_of_ours(
    cursor: str, owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    answer = cloud.get(
        f"/v1/workspaces/{laptop.workspace.slug}/traces",
        params={"cursor": cursor},
        headers=session(owner, laptop.workspace.email),
    )
    assert answer.status_code in {200, 422}


def test_departments_and_the_unallocated_are_the_total(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    send(
        cloud,
        laptop,
        record(project="a", input_tokens=1),
        record(project="a", input_tokens=2),
        record(project="b", input_tokens=3),
    )
    headers = session(owner, laptop.workspace.email)
    base = f"/v1/workspaces/{laptop.workspace.slug}/departments"
    made = cloud.post(base, json={"name": "Research"}, headers=headers).json()
    rule = {
        "department_id": made["department_id"],
        "match_on": "project",
        "match_value": "a",
        "valid_from": "2020-01-01T00:00:00Z",
    }
    assert cloud.post(f"{base}/rules", json=rule, headers=headers).status_code == 201
    again = cloud.post(f"{base}/rules", json=rule, headers=headers)
    assert again.json()["error"] == "conflict"
    rebuilt()
    answer = get(owner, cloud, laptop, "departments")
    (research,) = answer["departments"]
    assert research["request_count"] == 2
    assert answer["unallocated"]["request_count"] == 1
    assert answer["total"]["request_count"] == 3
    costs = [Decimal(one["cost_usd"]) for one in (research, answer["unallocated"])]
    assert sum(costs) == Decimal(answer["total"]["cost_usd"])


def test_an_entered_total_is_reconciled_and_can_be_entered_again(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    import threading

    send(cloud, laptop, record(requested_at="2026-05-31T23:59:59.999999Z"))
    stopping = threading.Event()
    worker = threading.Thread(target=work, args=[stopping])
    worker.start()
    try:
        rows = [
            cloud.put(
                f"/v1/workspaces/{laptop.workspace.slug}/reconciliation/anthropic/2026-05",
                json={"amount_usd": amount},
                headers=session(owner, laptop.workspace.email),
            ).json()
            for amount in ("12.00", "0.01", "0.0105")
        ]
    finally:
        stopping.set()
        worker.join()
    assert [row["status"] for row in rows] == ["investigate", "matched", "matched"]
    assert [row["variance_usd"] for row in rows] == ["11.9895", "-0.0005", "0.00"]
    items = get(owner, cloud, laptop, "reconciliation")["items"]
    assert [item["payable_usd"] for item in items] == ["0.0105"]


@pytest.mark.parametrize("amount", ["", "1e3", "NaN", "1.1234567890123", "1,000", 5])
def test_an_amount_that_is_no_exact_decimal_is_422(
    amount: Any, owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    answer = cloud.put(
        f"/v1/workspaces/{laptop.workspace.slug}/reconciliation/anthropic/2026-05",
        json={"amount_usd": amount},
        headers=session(owner, laptop.workspace.email),
    )
    assert answer.status_code == 422


def test_imputed_spend_stands_apart(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    model = f"model-{uuid4().hex}"
    rate(owner, model)
    imputed = record(provider="acme", model=model, billing_basis="subscription_imputed")
    send(cloud, laptop, record(), imputed)
    rebuilt()
    overview = get(owner, cloud, laptop, "overview")
    assert overview["period_total"]["request_count"] == 1
    assert overview["imputed"]["request_count"] == 1
    for when in ("today", "month_to_date"):
        assert overview[when]["cost_usd"] == "0.0105"
        assert overview[f"imputed_{when}"]["request_count"] == 1
    assert overview["imputed_last_month"]["request_count"] == 0
    items = get(owner, cloud, laptop, "reconciliation")["items"]
    assert [item["provider"] for item in items] == ["anthropic"]


@pytest.mark.parametrize("path", ["overview", "pricing/changes", "traces"])
@pytest.mark.parametrize(
    "asked",
    [
        "to=9999-12-31",
        "from=0001-01-01&to=9999-12-31",
        "known_at=9999-12-31T23:59:59Z",
        "to=2100-01-01",
    ],
)
def test_no_day_is_too_far_away_to_be_refused_or_clamped(
    path: str, asked: str, cloud: TestClient, owner: psycopg.Connection
) -> None:
    home = workspace(owner)
    answer = cloud.get(
        f"/v1/workspaces/{home.slug}/{path}?{asked}",
        headers=session(owner, home.email),
    )
    assert answer.status_code in {200, 422}
