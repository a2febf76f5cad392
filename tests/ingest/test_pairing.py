"""From a code on a terminal to a key that only the daemon holds."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from ingest.daemons import pairing
from tests.factories import daemon, forget_starts, member, session, workspace
from warehouse.workspaces import approve_pairing

JSON = {"content-type": "application/json"}
ASKED = {"hostname": "laptop", "daemon_version": "1.4.0", "platform": "Linux"}


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch: pytest.MonkeyPatch, owner: psycopg.Connection) -> None:
    """Answer a poll at once, and lift the limit of starts."""
    monkeypatch.setattr(pairing, "HELD_SECONDS", 0)
    forget_starts(owner)


def start(cloud: TestClient, **asked: Any) -> dict[str, Any]:
    answer = cloud.post("/v1/pairing/start", json=ASKED | asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def poll(cloud: TestClient, started: dict[str, Any], **other: str) -> dict[str, Any]:
    asked = {key: started[key] for key in ("pairing_code", "poll_token")}
    answer = cloud.post("/v1/pairing/poll", json=asked | other)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_pairing_waits_is_approved_hands_its_key_out_and_is_consumed(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    started = start(cloud)
    assert set(started) == {"pairing_code", "poll_token", "pairing_url", "expires_at"}
    assert started["pairing_url"].endswith(f"/connect?code={started['pairing_code']}")
    assert poll(cloud, started) == {"status": "pending"}
    approve_pairing(owner, started["pairing_code"], home.slug)
    approved = poll(cloud, started)
    assert set(approved) == {
        "status",
        "api_key",
        "workspace_id",
        "workspace_name",
        "machine_id",
    }
    assert approved["status"] == "approved"
    assert approved["api_key"].startswith("hm_sync_")
    assert approved["workspace_id"] == str(home.workspace_id)
    assert poll(cloud, started) == approved, "a lost answer can be fetched again"
    owner.execute(
        """
        update app.pairings set delivered_at = delivered_at - interval '61 seconds'
        where pairing_code = replace(%s, '-', '')
        """,
        [started["pairing_code"]],
    )
    assert poll(cloud, started) == {"status": "consumed"}
    assert owner.execute(
        "select key_salt from app.pairings where pairing_code = replace(%s, '-', '')",
        [started["pairing_code"]],
    ).fetchone() == (None,)
    who = cloud.get(
        "/v1/daemon/whoami",
        headers={"authorization": f"Bearer {approved['api_key']}"},
    )
    assert list(who.json()) == [
        "workspace_name",
        "workspace_id",
        "machine_id",
        "hostname",
        "daemon_version",
        "connected_at",
    ]


def test_no_key_is_kept_in_the_database(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    key = daemon(owner, cloud, workspace(owner)).key
    for table in ("app.sync_keys", "app.pairings"):
        rows = owner.execute(f"select t::text from {table} as t").fetchall()
        assert not [row for (row,) in rows if key in row or key[8:] in row]


def test_a_denied_pairing_says_so(owner: psycopg.Connection, cloud: TestClient) -> None:
    home = workspace(owner)
    started = start(cloud)
    address = f"/v1/workspaces/{home.slug}/pairings/{started['pairing_code']}"
    signed_in = session(owner, home.email)
    shown = cloud.get(address.lower(), headers=signed_in).json()
    assert shown["hostname"] == "laptop"
    assert shown["address"] == "127.0.0.1"
    assert cloud.post(f"{address}/deny", headers=signed_in).json()["status"] == "denied"
    assert poll(cloud, started) == {"status": "denied"}
    assert cloud.post(f"{address}/approve", headers=signed_in).status_code == 409


def test_a_pairing_expires_after_ten_minutes(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    started = start(cloud)
    owner.execute("update app.pairings set expires_at = now()")
    assert poll(cloud, started) == {"status": "expired"}


def test_a_wrong_code_and_a_wrong_token_are_the_same_404(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    started = start(cloud)
    asked = {key: started[key] for key in ("pairing_code", "poll_token")}
    answers = [
        cloud.post("/v1/pairing/poll", json=asked | wrong)
        for wrong in ({"pairing_code": "0000-0000"}, {"poll_token": "guess"})
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert len({answer.json()["message"] for answer in answers}) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"pairing_code": "A\x00B"},
        {"pairing_code": "X" * 10_000},
        {"pairing_code": "\ud800"},
        {"poll_token": "\ud800"},
        {"poll_token": "\x00" * 5_000},
        {"poll_token": ""},
    ],
)
def test_a_code_or_token_that_cannot_be_one_is_that_404_too(
    wrong: dict[str, str], cloud: TestClient
) -> None:
    started = start(cloud)
    asked = {key: started[key] for key in ("pairing_code", "poll_token")} | wrong
    answer = cloud.post("/v1/pairing/poll", content=json.dumps(asked), headers=JSON)
    assert answer.status_code == 404, answer.text


def test_whoever_guesses_codes_makes_postgres_write_nothing(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    """A code that exists would show in how long its answer took."""
    home = workspace(owner)
    started = start(cloud)
    approve_pairing(owner, started["pairing_code"], home.slug)
    before = owner.execute("select xmax from app.pairings order by 1::text").fetchall()
    wrong = {"pairing_code": started["pairing_code"], "poll_token": "guess"}
    assert cloud.post("/v1/pairing/poll", json=wrong).status_code == 404
    after = owner.execute("select xmax from app.pairings order by 1::text").fetchall()
    assert before == after


def test_a_key_is_handed_to_two_polls_at_once_as_one(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    started = start(cloud)
    approve_pairing(owner, started["pairing_code"], home.slug)
    with ThreadPoolExecutor(4) as polls:
        answers = list(polls.map(lambda _: poll(cloud, started), range(4)))
    assert len({answer["api_key"] for answer in answers}) == 1


def test_words_that_no_column_holds_are_mended(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    odd = ASKED | {"hostname": "a\x00b\ud800", "daemon_version": "v" * 1_000}
    answer = cloud.post("/v1/pairing/start", content=json.dumps(odd), headers=JSON)
    assert answer.status_code == 200
    code = answer.json()["pairing_code"].replace("-", "")
    found = owner.execute(
        "select hostname, length(daemon_version) from app.pairings"
        " where pairing_code = %s",
        [code],
    ).fetchone()
    assert found == ("a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}", 255)


def test_who_leaves_a_workspace_takes_the_machines_along_that_they_paired(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    leaver = member(owner, home, "member")
    started = start(cloud)
    address = f"/v1/workspaces/{home.slug}/pairings/{started['pairing_code']}/approve"
    cloud.post(address, headers=session(owner, leaver))
    key = {"authorization": f"Bearer {poll(cloud, started)['api_key']}"}
    assert cloud.get("/v1/daemon/whoami", headers=key).status_code == 200
    owner.execute(
        """
        delete from app.members using app.users
        where members.user_id = users.user_id and users.email = %s
        """,
        [leaver],
    )
    refused = cloud.get("/v1/daemon/whoami", headers=key)
    assert (refused.status_code, refused.json()["error"]) == (403, "membership_gone")


def test_the_eleventh_start_from_an_address_has_to_wait(cloud: TestClient) -> None:
    for _ in range(10):
        start(cloud)
    answer = cloud.post("/v1/pairing/start", json=ASKED)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 300


@pytest.mark.parametrize(
    "fault",
    [
        {"platform": "Plan9"},
        {"fingerprint": "XYZ"},
        {"hostname": ""},
        {"hostname": None},
    ],
)
def test_a_start_that_cannot_be_read_is_422(
    fault: dict[str, Any], cloud: TestClient
) -> None:
    assert cloud.post("/v1/pairing/start", json=ASKED | fault).status_code == 422


def test_a_known_fingerprint_is_the_same_machine_and_ends_its_earlier_key(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    first = daemon(owner, cloud, home, fingerprint="a" * 32)
    second = daemon(owner, cloud, home, fingerprint="a" * 32, hostname="renamed")
    assert first.machine_id == second.machine_id
    assert cloud.get("/v1/daemon/whoami", headers=first.headers).status_code == 401
    assert cloud.get("/v1/daemon/whoami", headers=second.headers).status_code == 200


def test_without_a_fingerprint_a_hostname_is_the_same_machine_only_if_it_had_none(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    bare = daemon(owner, cloud, home)
    assert daemon(owner, cloud, home).machine_id == bare.machine_id
    marked = daemon(owner, cloud, home, hostname="other", fingerprint="b" * 32)
    assert daemon(owner, cloud, home, hostname="other").machine_id != marked.machine_id


def test_the_same_fingerprint_elsewhere_is_another_machine(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    here = daemon(owner, cloud, workspace(owner), fingerprint="c" * 32)
    there = daemon(owner, cloud, workspace(owner), fingerprint="c" * 32)
    assert here.machine_id != there.machine_id
    assert cloud.get("/v1/daemon/whoami", headers=here.headers).status_code == 200


def test_a_disconnected_key_is_dead_from_the_next_request_on(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    laptop = daemon(owner, cloud, workspace(owner))
    gone = cloud.delete("/v1/daemon/disconnect", headers=laptop.headers)
    assert gone.status_code == 204
    assert cloud.get("/v1/daemon/whoami", headers=laptop.headers).status_code == 401


def test_only_who_may_pair_can_approve(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    started = start(cloud)
    address = f"/v1/workspaces/{home.slug}/pairings/{started['pairing_code']}/approve"
    for role in ("viewer", "billing"):
        refused = cloud.post(address, headers=session(owner, member(owner, home, role)))
        assert refused.json()["error"] == "not_permitted"
    approved = cloud.post(
        address, headers=session(owner, member(owner, home, "member"))
    )
    assert approved.json()["status"] == "approved"


def test_after_five_wrong_codes_a_person_waits_and_others_do_not(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    guesser = session(owner, home.email)
    colleague = session(owner, member(owner, home, "member"))
    pairings = f"/v1/workspaces/{home.slug}/pairings"
    started = start(cloud)
    for number in range(5):
        guess = f"{pairings}/0000-000{number}"
        wrong = cloud.post(
            f"{guess}/approve" if number % 2 else f"{guess}/deny", headers=guesser
        )
        assert wrong.status_code == 404
    address = f"{pairings}/{started['pairing_code']}"
    paused = cloud.get(address, headers=guesser)
    assert paused.status_code == 429
    assert 0 < int(paused.headers["retry-after"]) <= 600
    assert cloud.post(f"{address}/approve", headers=guesser).status_code == 429
    assert cloud.get(address, headers=colleague).status_code == 200
    owner.execute(
        "update app.wrong_codes set entered_at = entered_at - interval '11 minutes'"
    )
    assert cloud.get(address, headers=guesser).status_code == 200
