"""The loopback API: exact shapes, plain figures, and nobody from elsewhere."""

import csv
import io
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.local.loopback import create_app
from tests.local.daemon_file import (
    CHECKOUT,
    CHECKOUT_PROJECT,
    SEARCH,
    SEARCH_PROJECT,
    body,
    daemon_file,
    project,
    rate,
    request,
)

PAGE = "http://localhost:3000"
NOW = datetime.now(UTC)


def ago(**time: float) -> str:
    return f"{NOW - timedelta(**time):%Y-%m-%d %H:%M:%S.%f}"


def rows() -> list[dict[str, Any]]:
    return [
        request(ago(minutes=5), id="newest", rates_source="bundled"),
        request(
            ago(minutes=10),
            id="elsewhere",
            project_id=SEARCH,
            provider="openai",
            model="gpt-5",
            cost_usd_minor_units=9_000,
            rates_source="override",
        ),
        request(
            ago(days=3),
            id="unpriced",
            model="new",
            cost_usd_minor_units=None,
            cache_read_tokens=1_000,
        ),
        request(
            ago(days=40), id="old", status="error", latency_ms=None,
            billing_basis="subscription_imputed",
        ),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    file = daemon_file(
        tmp_path_factory.mktemp("loopback") / "db.sqlite",
        rows(),
        [rate(), rate("gpt-5", provider="openai", source="operator")],
        [
            CHECKOUT_PROJECT,
            SEARCH_PROJECT,
            project("idle", archived_at="2026-01-02 00:00:00"),
        ],
        [
            body(
                "newest",
                request_body='{"key": "[REDACTED:api_key]"}',
                redaction_applied=1,
                redaction_summary='{"api_key": 1}',
            )
        ],
    )
    with TestClient(
        create_app(file, 8765, 3000), base_url="http://127.0.0.1:8765"
    ) as client:
        yield client


def got(client: TestClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_health(client: TestClient) -> None:
    answer = got(client, "/health")
    assert set(answer) == {"status", "version"}
    assert answer["status"] == "ok"


def test_daemon_status(client: TestClient) -> None:
    assert got(client, "/v1/daemon/status") == {
        "last_seen_at": ago(minutes=5).replace(" ", "T") + "Z",
        "request_count_last_hour": 2,
    }


def test_stats_have_exactly_the_dashboards_shape(client: TestClient) -> None:
    answer = got(client, "/v1/stats")
    assert answer["summary"] == {
        "total_requests": 4,
        "total_input_tokens": 4_000,
        "total_output_tokens": 2_000,
        "total_thinking_tokens": 0,
        "total_cache_read_tokens": 1_000,
        "total_cache_write_tokens": 0,
        "total_cost_usd_minor_units": 11_100,
        "cache_hit_rate": 0.2,
        "active_projects": 2,
        "models_in_use": 3,
        "last_request_at": ago(minutes=5).replace(" ", "T") + "Z",
        "rates_breakdown": {"bundled": 1, "override": 1, "unknown": 2},
    }
    assert set(answer) == {
        "summary",
        "by_day",
        "by_day_by_provider",
        "by_provider",
        "by_model",
    }
    assert sum(day["requests"] for day in answer["by_day"]) == 4
    assert set(answer["by_day"][0]) == {"date", "requests", "cost_usd_minor_units"}
    assert answer["by_day"][0]["date"] == ago(days=40)[:10]
    assert answer["by_day_by_provider"][0]["provider"] == "anthropic"
    assert answer["by_provider"] == [
        {"provider": "openai", "requests": 1, "cost_usd_minor_units": 9_000},
        {"provider": "anthropic", "requests": 3, "cost_usd_minor_units": 2_100},
    ]
    assert answer["by_model"][0] == {
        "provider": "openai",
        "model": "gpt-5",
        "requests": 1,
        "input_tokens": 1_000,
        "output_tokens": 500,
        "cost_usd_minor_units": 9_000,
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"since={ago(days=3)[:10]}", 3),
        (f"until={ago(days=3)[:10]}", 2),
        (f"since={ago(hours=1).replace(' ', 'T')}Z", 2),
        (f"until={ago(hours=1).replace(' ', 'T')}", 2),
        (f"since={ago(hours=1).replace(' ', 'T')}%2B00:00", 2),
        ("provider=openai", 1),
        ("provider=nobody", 0),
        ("since=2030-01-01", 0),
    ],
    ids=range(8),  # two processes that share the tests have to name them alike
)
def test_stats_take_dates_and_moments(
    query: str, expected: int, client: TestClient
) -> None:
    summary = got(client, f"/v1/stats?{query}")["summary"]
    assert summary["total_requests"] == expected
    if not expected:
        assert summary["cache_hit_rate"] == 0
        assert summary["total_cost_usd_minor_units"] == 0
        assert summary["last_request_at"] is None


def test_projects_have_exactly_the_dashboards_shape(client: TestClient) -> None:
    answer = got(client, "/v1/projects")
    assert [each["slug"] for each in answer] == ["checkout", "idle", "search"]
    checkout, idle, search = answer
    assert checkout | {"stats": None} == {
        "id": CHECKOUT,
        "name": "Checkout",
        "slug": "checkout",
        "created_at": "2026-01-01T00:00:00.000000Z",
        "archived_at": None,
        "stats": None,
    }
    month = f"{NOW:%Y-%m}"
    mine = [row for row in rows() if row["project_id"] == CHECKOUT]
    now = [row for row in mine if row["requested_at"].startswith(month)]
    before = f"{NOW.replace(day=1) - timedelta(days=1):%Y-%m}"
    then = [row for row in mine if row["requested_at"].startswith(before)]
    assert checkout["stats"] == {
        "requests_this_month": len(now),
        "cost_usd_this_month_minor_units": sum(
            row["cost_usd_minor_units"] or 0 for row in now
        ),
        "previous_month_cost_usd_minor_units": sum(
            row["cost_usd_minor_units"] or 0 for row in then
        ),
        "all_time_cost_usd_minor_units": 2_100,
        "all_time_requests": 3,
        "last_active_at": ago(minutes=5).replace(" ", "T") + "Z",
        "primary_model": "claude-sonnet-4-5",
        "primary_provider": "anthropic",
        "top_model": "claude-sonnet-4-5",
        "top_provider": "anthropic",
    }
    assert idle["archived_at"] == "2026-01-02T00:00:00.000000Z"
    assert idle["stats"]["all_time_requests"] == 0
    assert idle["stats"]["primary_model"] is None
    assert search["stats"]["top_model"] == "gpt-5"


def test_one_project_and_none(client: TestClient) -> None:
    assert got(client, "/v1/projects/search") == got(client, "/v1/projects")[2]
    for path in ("", "/stats", "/requests", "/requests.csv"):
        answer = client.get(f"/v1/projects/x{path}")
        assert answer.status_code == 404
        assert answer.json() == {"detail": "Project 'x' not found"}


def test_stats_of_a_project_carry_its_first_page(client: TestClient) -> None:
    answer = got(client, "/v1/projects/checkout/stats")
    summary = answer["summary"]
    assert summary["total_requests"] == 3
    assert summary["active_projects"] == 0
    assert summary["models_in_use"] == 0
    assert summary["last_request_at"] is None
    assert answer["requests"] == got(client, "/v1/projects/checkout/requests")


def test_requests_are_listed_newest_first_page_by_page(client: TestClient) -> None:
    path = "/v1/projects/checkout/requests?limit=2"
    first = got(client, path)
    assert [item["id"] for item in first["items"]] == ["newest", "unpriced"]
    assert first["total"] == 3
    assert first["items"][0] == {
        "id": "newest",
        "provider": "anthropic",
        "model": "claude-sonnet-4-5",
        "mode": "standard",
        "input_tokens": 1_000,
        "output_tokens": 500,
        "thinking_tokens": 0,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "cost_usd_minor_units": 1_050,
        "latency_ms": 812.5,
        "tokens_complete": True,
        "requested_at": ago(minutes=5).replace(" ", "T") + "Z",
        "status": "success",
        "rates_source": "bundled",
    }
    second = got(client, f"{path}&cursor={first['next_cursor']}")
    assert [item["id"] for item in second["items"]] == ["old"]
    assert second["next_cursor"] is None
    assert second["total"] == 3


def test_calls_of_the_same_moment_are_each_listed_once(tmp_path: Path) -> None:
    file = daemon_file(tmp_path / "db.sqlite", [request() for _ in range(11)])
    with TestClient(
        create_app(file, 8765, 3000), base_url="http://localhost:8765"
    ) as client:
        seen: list[str] = []
        cursor = ""
        while cursor is not None:
            page = got(client, f"/api/calls?limit=3&cursor={cursor}")
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
    assert len(seen) == len(set(seen)) == 11


def test_requests_as_csv(client: TestClient) -> None:
    answer = client.get("/v1/projects/checkout/requests.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    lines = list(csv.reader(io.StringIO(answer.text)))
    assert ",".join(lines[0]) == (
        "timestamp,provider,model,mode,input_tokens,output_tokens,thinking_tokens,"
        "cache_read_tokens,cache_write_tokens,cost_usd,latency_ms,status"
    )
    assert [line[9] for line in lines[1:]] == ["0.010500", "", "0.010500"]
    assert lines[3][10:] == ["", "error"]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "cursor=%00", "cursor=eA==", "since=soon"],
)
def test_what_cannot_be_meant_is_422(query: str, client: TestClient) -> None:
    answer = client.get(f"/v1/projects/checkout/requests?{query}")
    assert answer.status_code == 422
    assert set(answer.json()) == {"detail"}


def test_the_pages_own_routes(client: TestClient) -> None:
    projects = got(client, "/api/projects")["items"]
    assert [each["is_archived"] for each in projects] == [False, True, False]
    calls = got(client, "/api/calls?project=search")["items"]
    assert [(call["id"], call["cost_usd"]) for call in calls] == [("elsewhere", "0.09")]
    assert len(got(client, "/api/calls?status=error")["items"]) == 1
    prices = got(client, "/api/pricing")["items"]
    assert {price["source"] for price in prices} == {"bundled", "operator"}
    captured = got(client, "/api/bodies?call_id=newest")
    assert captured["redaction_summary"] == {"api_key": 1}
    assert captured["redaction_applied"] is True
    assert client.get("/api/bodies?call_id=old").status_code == 404


def test_the_summary_is_metered_spend_with_flat_fees_apart(client: TestClient) -> None:
    answer = got(client, f"/api/summary?from={ago(days=60)[:10]}")
    assert answer["period_total"]["request_count"] == 3
    assert answer["period_total"]["cost_usd"] == "0.1005"
    assert answer["period_total"]["unpriced_count"] == 1
    assert answer["imputed"]["cost_usd"] == "0.0105"
    assert answer["top_projects"][0]["project"] == "search"
    assert answer["today"]["request_count"] <= 2
    assert client.get("/api/summary?from=2026-09-01&to=2026-08-01").status_code == 422


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1", "localhost:3000", "127.0.0.1.nip.io:8765", ""],
)
def test_a_foreign_host_is_refused(host: str, client: TestClient) -> None:
    answer = client.get("/v1/stats", headers={"host": host})
    assert answer.status_code == 403
    assert "summary" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765"])
def test_this_machines_names_are_served(host: str, client: TestClient) -> None:
    assert client.get("/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1:3000", "http://localhost:3001"],
)
def test_a_foreign_origin_is_refused(origin: str, client: TestClient) -> None:
    answer = client.get("/v1/stats", headers={"origin": origin})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_the_page_may_read(client: TestClient) -> None:
    answer = client.get("/v1/stats", headers={"origin": PAGE})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == PAGE
    preflight = client.options("/v1/stats", headers={"origin": PAGE})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-methods"] == "GET"


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
)
def test_nothing_but_get_is_served(method: str, client: TestClient) -> None:
    answer = client.request(method, "/v1/stats")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"


def test_a_file_that_goes_away_is_told_in_one_line(tmp_path: Path) -> None:
    file = daemon_file(tmp_path / "db.sqlite", [request()])
    with TestClient(
        create_app(file, 8765, 3000), base_url="http://localhost:8765"
    ) as client:
        assert got(client, "/v1/stats")["summary"]["total_requests"] == 1
        file.unlink()
        answer = client.get("/v1/stats")
    assert answer.status_code == 503
    assert str(file) in json.loads(answer.text)["detail"]


@pytest.mark.parametrize(
    "odd", ["' or true --", "x'; drop table calls_kept; --", "$since", "\\", "\u0000"]
)
def test_what_a_filter_says_is_never_sql(odd: str, client: TestClient) -> None:
    answer = client.get("/v1/stats", params={"provider": odd})
    assert answer.json()["summary"]["total_requests"] == 0
    listed = client.get("/api/calls", params={"model": odd, "status": odd})
    assert listed.json()["items"] == []


def test_the_file_is_read_before_anybody_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HMC_CACHE_DIR", str(tmp_path / "cache"))
    file = daemon_file(tmp_path / "db.sqlite", rows())
    with TestClient(create_app(file, 8765, 3000)):
        deadline = time.monotonic() + 20
        while not list((tmp_path / "cache").rglob("*_*.parquet")):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_what_is_wrong_with_the_file_is_told_to_who_asks(tmp_path: Path) -> None:
    (tmp_path / "db.sqlite").write_bytes(b"no daemon's")
    app = create_app(tmp_path / "db.sqlite", 8765, 3000)
    with TestClient(app, base_url="http://localhost:8765") as client:
        assert client.get("/v1/stats").status_code == 503
