"""Prices through the API: what is in force, what is missing, and pricing it."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from starlette.testclient import TestClient

from ingest.rates.publish import publish_catalogue
from models.plans import Role
from models.rates import Rate
from tests.factories import (
    Daemon,
    batch,
    daemon,
    member,
    rate,
    rebuilt,
    record,
    session,
    workspace,
)

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def laptop(owner: psycopg.Connection, cloud: TestClient) -> Daemon:
    return daemon(owner, cloud, workspace(owner))


@pytest.fixture
def provider(owner: psycopg.Connection) -> str:
    """A provider that no other test knows, with a cheap and a dear model."""
    name = f"provider-{uuid4().hex[:8]}"
    rate(owner, "cheap", provider=name, input_rate=1_000_000, output_rate=2_000_000)
    rate(owner, "dear", provider=name, input_rate=5_000_000, output_rate=25_000_000)
    return name


class Asking:
    """The pricing routes of one workspace, asked by one of its people."""

    def __init__(self, owner: Any, cloud: TestClient, slug: str, email: str) -> None:
        self.path = f"/v1/workspaces/{slug}/pricing"
        self.cloud, self.headers = cloud, session(owner, email)

    def get(self, path: str) -> Any:
        answer = self.cloud.get(f"{self.path}/{path}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    def post(self, **body: Any) -> Any:
        return self.cloud.post(f"{self.path}/rates", json=body, headers=self.headers)

    def delete(self, rate_id: int) -> int:
        return self.cloud.delete(
            f"{self.path}/rates/{rate_id}", headers=self.headers
        ).status_code


@pytest.fixture
def asking(owner: psycopg.Connection, cloud: TestClient, laptop: Daemon) -> Asking:
    return Asking(owner, cloud, laptop.workspace.slug, laptop.workspace.email)


def send(cloud: TestClient, by: Daemon, *records: dict[str, Any]) -> None:
    cloud.post("/v1/requests/batch", json=batch(*records), headers=by.headers)
    rebuilt()


def test_an_unpriced_model_shows_since_when_how_much_and_what_it_may_cost(
    cloud: TestClient, laptop: Daemon, asking: Asking, provider: str
) -> None:
    early, late = "2026-05-01T10:00:00Z", "2026-05-02T10:00:00Z"
    new = {"provider": provider, "model": "new", "input_tokens": 1_000_000}
    send(
        cloud,
        laptop,
        record(**new, output_tokens=0, requested_at=late),
        record(**new, output_tokens=100_000, requested_at=early),
        record(**new, requested_at=late, billing_basis="subscription_imputed"),
        record(provider=provider, model="cheap"),
    )
    unpriced, imputed = asking.get("unpriced")
    assert imputed["billing_basis"] == "subscription_imputed"
    assert imputed["cheapest_usd"] == "1.001"
    assert unpriced == {
        "billing_basis": "api",
        "provider": provider,
        "model": "new",
        "request_count": 2,
        "unpriced_tokens": 2_100_000,
        "first_requested_at": early,
        "last_requested_at": late,
        "cheapest_sibling": "cheap",
        "cheapest_usd": "2.20",
        "dearest_sibling": "dear",
        "dearest_usd": "12.50",
    }


def test_an_unpriced_model_is_priced_in_one_step_and_its_requests_with_it(
    owner: psycopg.Connection,
    cloud: TestClient,
    laptop: Daemon,
    asking: Asking,
    provider: str,
) -> None:
    send(cloud, laptop, record(provider=provider, model="new", input_tokens=3))
    stated = asking.post(provider=provider, model="new", like="dear")
    assert stated.status_code == 201, stated.text
    assert stated.json()["is_own"]
    assert stated.json()["input_usd_per_mtok"] == "5.00"
    assert rebuilt().revised_hour_count == 1
    assert asking.get("unpriced") == []
    assert owner.execute(
        """
        select cost_pico, rate_id from marts.fct_priced_requests
        where workspace_id = %s
        """,
        [laptop.workspace.workspace_id],
    ).fetchone() == (3 * 5_000_000 + 500 * 25_000_000, stated.json()["rate_id"])


def test_an_own_price_wins_until_it_is_withdrawn_and_what_was_believed_is_kept(
    asking: Asking, provider: str
) -> None:
    def inputs(query: str = "") -> list[str]:
        found = asking.get(f"rates?provider={provider}&model=cheap{query}")
        return [one["input_usd_per_mtok"] for one in found]

    before = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    own = asking.post(
        provider=provider,
        model="cheap",
        input_usd_per_mtok="0.5",
        output_usd_per_mtok="0.000001",
        valid_from="2026-01-01T00:00:00Z",
    ).json()
    assert own["thinking_usd_per_mtok"] == "0.000001"
    assert own["cache_read_usd_per_mtok"] == "0.50"
    assert inputs() == ["0.50", "1.00"]
    assert inputs("&valid_at=2025-12-31T23:59:59Z") == ["1.00"]
    assert inputs(f"&known_at={before}") == ["1.00"]
    assert asking.delete(own["rate_id"]) == 204
    assert asking.delete(own["rate_id"]) == 404
    assert inputs() == ["1.00"]


def test_a_price_stated_into_another_cuts_it_and_keeps_its_rest(
    asking: Asking, provider: str
) -> None:
    usd = {"output_usd_per_mtok": "1"}
    own = {"provider": provider, "model": "m"}
    whole = asking.post(**own, **usd, input_usd_per_mtok="1").json()
    part = {"valid_from": "2026-02-01T00:00:00Z", "valid_to": "2026-03-01T00:00:00Z"}
    asking.post(**own, **usd, input_usd_per_mtok="2", **part)
    stretches = [
        (one["input_usd_per_mtok"], one["valid_from"], one["valid_to"])
        for one in asking.get(f"rates?provider={provider}&model=m&dated=true")
    ]
    assert stretches == [
        ("1.00", "1970-01-01T00:00:00Z", part["valid_from"]),
        ("2.00", part["valid_from"], part["valid_to"]),
        ("1.00", part["valid_to"], None),
    ]
    assert whole["rate_id"] not in {
        one["rate_id"] for one in asking.get(f"rates?provider={provider}&dated=true")
    }


def test_a_price_of_one_workspace_is_nothing_to_another(
    owner: psycopg.Connection, cloud: TestClient, asking: Asking, provider: str
) -> None:
    own = asking.post(provider=provider, model="cheap", like="dear").json()
    other = workspace(owner)
    theirs = Asking(owner, cloud, other.slug, other.email)
    assert [one["is_own"] for one in theirs.get(f"rates?provider={provider}")] == [
        False,
        False,
    ]
    assert theirs.delete(own["rate_id"]) == 404


@pytest.mark.parametrize("role", list(Role))
def test_only_who_may_change_rates_does(
    role: Role, owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    email = member(owner, laptop.workspace, role)
    asking = Asking(owner, cloud, laptop.workspace.slug, email)
    asking.get("unpriced")
    stated = asking.post(
        provider="p", model="m", input_usd_per_mtok="1", output_usd_per_mtok="1"
    )
    may = role in {Role.OWNER, Role.ADMIN, Role.BILLING}
    assert stated.status_code == (201 if may else 403)


@pytest.mark.parametrize(
    "body",
    [
        {"input_usd_per_mtok": "1"},
        {"like": "dear", "input_usd_per_mtok": "1", "output_usd_per_mtok": "1"},
        {"input_usd_per_mtok": "1001", "output_usd_per_mtok": "1"},
        {"input_usd_per_mtok": "1.0000001", "output_usd_per_mtok": "1"},
        {"input_usd_per_mtok": "-1", "output_usd_per_mtok": "1"},
        {"like": "nobody-knows"},
        {"like": "dear", "valid_to": "1960-01-01T00:00:00Z"},
    ],
)
def test_a_price_that_cannot_be_is_422(
    body: dict[str, Any], asking: Asking, provider: str
) -> None:
    assert asking.post(provider=provider, model="m", **body).status_code == 422


def test_a_catalogue_that_learns_what_an_operator_stated_leaves_it_standing(
    owner: psycopg.Connection, provider: str
) -> None:
    parts = dict.fromkeys(
        (
            "input_rate",
            "output_rate",
            "thinking_rate",
            "cache_read_rate",
            "cache_write_rate",
        ),
        7,
    )
    offered = [
        Rate.model_validate(
            {"provider": provider, "model": model, "valid_from": BEGINNING, **parts}
        )
        for model in ("cheap", "unknown-before")
    ]
    changes = publish_catalogue(owner, offered, f"catalogue of {provider}", "1")
    assert [(change.kind, change.model) for change in changes] == [
        ("new", "unknown-before")
    ]
