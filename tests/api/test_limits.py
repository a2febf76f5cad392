"""How often somebody may ask, and what every answer carries."""

import psycopg
import pytest
from fastapi import APIRouter
from starlette.testclient import TestClient

from api.cloud.issuer import sign_in_code
from hmc import server
from hmc.rules import OPEN, RouteWithoutRule, ruled_routes
from hmc.sizes import MOST_BYTES
from models.plans import plans
from tests.factories import member, session, workspace


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of everything in a minute."""
    few = {name: {"count": 3, "seconds": 60} for name in plans()["limits"]}
    monkeypatch.setitem(plans(), "limits", few)


def test_a_flood_is_429_with_the_seconds_to_wait_and_harms_nobody_else(
    tight: None, owner: psycopg.Connection, cloud: TestClient
) -> None:
    plans()["limits"]["requests_of_address"] = {"count": 100, "seconds": 60}
    home = workspace(owner)
    mine, theirs = (
        session(owner, address)
        for address in (home.email, member(owner, home, "viewer"))
    )
    overview = f"/v1/workspaces/{home.slug}/overview"
    statuses = [cloud.get(overview, headers=mine).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    refused = cloud.get(overview, headers=mine)
    assert 1 <= int(refused.headers["retry-after"]) <= 20
    assert cloud.get(overview, headers=theirs).status_code == 200


def test_an_address_that_floods_is_429_whoever_it_says_it_is(
    tight: None, owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    answers = [
        cloud.get("/v1/me", headers=session(owner, home.email)),
        cloud.get("/v1/plans"),
        cloud.get("/v1/me"),
        cloud.get("/v1/plans"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 401, 429]


def test_who_guesses_credentials_is_429_and_who_has_one_is_not(
    tight: None, owner: psycopg.Connection, cloud: TestClient
) -> None:
    plans()["limits"]["requests_of_address"] = {"count": 100, "seconds": 60}
    home = workspace(owner)
    guesses = ["hm_api_x", "hm_sync_x", "a.b.c", "hm_api_y", "a.b.c"]
    statuses = [
        cloud.get(
            f"/v1/workspaces/{home.slug}/overview",
            headers={"authorization": f"Bearer {guess}"},
        ).status_code
        for guess in guesses
    ]
    assert statuses == [401, 401, 401, 429, 429]
    assert cloud.get("/v1/me", headers=session(owner, home.email)).status_code == 200


def test_who_guesses_codes_has_to_pause(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    boss = session(owner, home.email)
    pairing = f"/v1/workspaces/{home.slug}/pairings"
    codes = [f"000{number}-0000" for number in range(6)]
    statuses = [
        cloud.post(f"{pairing}/{code}/approve", headers=boss).status_code
        for code in codes
    ]
    assert statuses == [404] * 5 + [429]
    wrong = {"email": home.email, "code": "NOPE"}
    statuses = [cloud.post("/v1/sessions", json=wrong).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    right = {"email": home.email, "code": sign_in_code()}
    assert cloud.post("/v1/sessions", json=right).status_code == 429


@pytest.mark.parametrize(
    "path", ["/v1/plans", "/v1/me", "/v1/nowhere", "/v1/openapi.json", "/healthz", "/"]
)
def test_every_answer_carries_the_safe_headers(cloud: TestClient, path: str) -> None:
    headers = cloud.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-request-id"]


def test_a_fault_of_ours_says_nothing_of_itself(
    cloud: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing() -> None:
        raise ValueError("a secret")

    monkeypatch.setattr("api.cloud.routes.people.plans", failing)
    answer = cloud.get("/v1/plans")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["request_id"]
    assert answer.headers["x-frame-options"] == "DENY"


def test_a_route_without_a_rule_does_not_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Careless:
        router = APIRouter()

    @Careless.router.get("/v1/workspaces/{slug}/everything")
    async def everything(slug: str) -> str:
        return slug

    monkeypatch.setattr(server, "PEOPLE", (*server.PEOPLE, Careless))
    with pytest.raises(RouteWithoutRule, match="everything"):
        server.create_app()


def test_what_is_open_to_anyone_is_there_and_is_nothing_else(
    cloud: TestClient,
) -> None:
    rules = ruled_routes(cloud.app)  # type: ignore[arg-type]
    assert len(rules) >= 40
    assert {(each.method, each.path) for each in rules if each.rule == "open"} == set(
        OPEN
    )


def test_a_body_over_the_limit_is_413_however_it_comes(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    path = f"/v1/workspaces/{home.slug}/departments"
    boss = session(owner, home.email) | {"content-type": "application/json"}
    large = b'{"name": "' + b"x" * (2 * MOST_BYTES) + b'"}'
    parts = (large[at : at + 65_536] for at in range(0, len(large), 65_536))
    for body in (large, parts):
        answer = cloud.post(path, content=body, headers=boss)
        assert answer.status_code == 413
        assert answer.json()["error"] == "too_large"


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"name":' * 50_000,
        b"{",
        b"\xff",
        b'{"name": "\\ud800"}',
        b'{"name": "a\\u0000b"}',
        b'{"name": NaN}',
        b'{"name": ["x"]}',
        b"null",
        b"",
    ],
)
def test_a_body_that_makes_no_sense_is_422(
    body: bytes, owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    answer = cloud.post(
        f"/v1/workspaces/{home.slug}/departments",
        content=body,
        headers=session(owner, home.email) | {"content-type": "application/json"},
    )
    assert answer.status_code == 422
    assert answer.json()["error"] == "malformed"
