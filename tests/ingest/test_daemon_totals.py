"""What the cloud tells a daemon that it holds, for the daemon to compare."""

from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from tests.factories import Daemon, batch, daemon, record, workspace


@pytest.fixture
def laptop(owner: psycopg.Connection, cloud: TestClient) -> Daemon:
    return daemon(owner, cloud, workspace(owner))


def send(cloud: TestClient, by: Daemon, *records: dict[str, Any]) -> None:
    cloud.post("/v1/requests/batch", json=batch(*records), headers=by.headers)


def ask(cloud: TestClient, by: Daemon, **parameters: str) -> Any:
    asked = {"from_date": "2026-08-01", "to_date": "2026-08-02"} | parameters
    return cloud.get(
        "/v1/reconciliation/daemon-totals", params=asked, headers=by.headers
    )


def test_totals_are_by_project_and_the_day_on_which_a_call_was_recorded(
    cloud: TestClient, laptop: Daemon
) -> None:
    early = {"requested_at": "2026-07-30T23:00:00Z"}
    send(
        cloud,
        laptop,
        record(recorded_at="2026-08-01T00:00:00Z", cached_tokens=7, **early),
        record(recorded_at="2026-08-01T23:59:59.999999Z", thinking_tokens=3, **early),
        record(recorded_at="2026-08-02T23:59:59.999999Z", project=None, **early),
        record(recorded_at="2026-08-03T00:00:00Z", **early),
        record(recorded_at="2026-07-31T23:59:59.999999Z", **early),
    )
    assert ask(cloud, laptop).json() == {
        "rows": [
            {
                "project": "checkout",
                "date": "2026-08-01",
                "request_count": 2,
                "prompt_tokens": 2_007,
                "completion_tokens": 1_003,
                "cost_usd_minor_units": 2_100,
            },
            {
                "project": None,
                "date": "2026-08-02",
                "request_count": 1,
                "prompt_tokens": 1_000,
                "completion_tokens": 500,
                "cost_usd_minor_units": 1_050,
            },
        ]
    }


def test_a_machine_asks_of_itself_and_of_no_other(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    other = daemon(owner, cloud, laptop.workspace, hostname="other")
    send(cloud, other, record(recorded_at="2026-08-01T12:00:00Z"))
    assert ask(cloud, laptop, machine_id=laptop.machine_id).json() == {"rows": []}
    assert ask(cloud, laptop, machine_id=other.machine_id).status_code == 404
    assert len(ask(cloud, other).json()["rows"]) == 1


@pytest.mark.parametrize(
    "parameters",
    [
        {"from_date": "2026-08-01T00:00:00"},
        {"to_date": "2026-08-01T00:00:00Z"},
        {"from_date": "20260801"},
        {"from_date": "1785542400"},
        {"to_date": "2026-02-30"},
        {"to_date": ""},
        {"machine_id": "mine"},
    ],
)
def test_what_is_no_date_is_422(
    parameters: dict[str, str], cloud: TestClient, laptop: Daemon
) -> None:
    assert ask(cloud, laptop, **parameters).status_code == 422


@pytest.mark.parametrize(
    ("since", "until"), [("0001-01-01", "9999-12-31"), ("2026-08-02", "2026-08-01")]
)
def test_any_two_dates_have_an_answer(
    since: str, until: str, cloud: TestClient, laptop: Daemon
) -> None:
    answer = ask(cloud, laptop, from_date=since, to_date=until)
    assert answer.json() == {"rows": []}


def test_totals_of_a_day_are_found_by_an_index(owner: psycopg.Connection) -> None:
    found = owner.execute(
        """
        select string_agg(attname, ',' order by attnum) from pg_attribute
        where attrelid = 'raw.requests_recorded'::regclass
        """
    ).fetchone()
    assert found == ("machine_id,recorded_at",)
