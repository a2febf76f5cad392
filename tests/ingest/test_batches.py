"""What a daemon may rely on when it posts a batch."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from starlette.testclient import TestClient

from tests.factories import Daemon, batch, daemon, record, workspace

BATCH = "/v1/requests/batch"
DEEP = "[" * 90_000 + "]" * 90_000


@pytest.fixture
def laptop(owner: psycopg.Connection, cloud: TestClient) -> Daemon:
    return daemon(owner, cloud, workspace(owner))


def post(cloud: TestClient, by: Daemon, body: Any) -> dict[str, Any]:
    answer = cloud.post(BATCH, json=body, headers=by.headers)
    assert answer.status_code == 200, answer.text
    counts = answer.json()
    assert counts.pop("batch_id") == body["batch_id"]
    return counts


def landed(owner: psycopg.Connection, by: Daemon) -> list[tuple[Any, ...]]:
    return owner.execute(
        """
        select request_id::text, model, project, input_tokens, flags
        from raw.requests where workspace_id = %s order by recorded_at, request_id
        """,
        [by.workspace.workspace_id],
    ).fetchall()


def aside(owner: psycopg.Connection, by: Daemon) -> list[tuple[Any, ...]]:
    return owner.execute(
        """
        select reason, detail, record from raw.rejected_records
        where workspace_id = %s order by rejected_id
        """,
        [by.workspace.workspace_id],
    ).fetchall()


def test_a_batch_lands_whole(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    records = [record() for _ in range(500)]
    assert post(cloud, laptop, batch(*records)) == {
        "accepted": 500,
        "duplicate": 0,
        "flagged": 0,
    }
    assert {row[0] for row in landed(owner, laptop)} == {one["id"] for one in records}


def test_five_thousand_records_are_a_batch_and_one_more_is_too_large(
    cloud: TestClient, laptop: Daemon
) -> None:
    records = [record() for _ in range(5_000)]
    assert post(cloud, laptop, batch(*records))["accepted"] == 5_000
    answer = cloud.post(BATCH, json=batch(*records, record()), headers=laptop.headers)
    assert answer.status_code == 413


def test_the_same_record_again_is_a_duplicate_under_any_batch_id(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    records = [record() for _ in range(3)]
    post(cloud, laptop, batch(*records))
    again = post(cloud, laptop, batch(*reversed(records), records[0]))
    assert again == {"accepted": 0, "duplicate": 4, "flagged": 0}
    assert len(landed(owner, laptop)) == 3


def test_the_same_id_with_other_content_is_kept_aside_and_the_first_stays(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    first = record(input_tokens=1)
    second = first | {"input_tokens": 2}
    post(cloud, laptop, batch(first))
    for _ in range(2):
        answer = post(cloud, laptop, batch(second))
        assert answer == {"accepted": 0, "duplicate": 0, "flagged": 1}
    assert [row[3] for row in landed(owner, laptop)] == [1]
    kept = aside(owner, laptop)
    assert [row[0] for row in kept] == ["conflicting"]
    assert json.loads(kept[0][2])["input_tokens"] == 2


def test_ids_are_scoped_to_the_workspace(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    elsewhere = daemon(owner, cloud, workspace(owner))
    history = [record() for _ in range(20)]
    assert post(cloud, laptop, batch(*history))["accepted"] == 20
    assert post(cloud, elsewhere, batch(*history))["accepted"] == 20


def test_only_five_keys_are_required_and_unknown_ones_are_ignored(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    old = {
        key: value
        for key, value in record().items()
        if key in {"id", "provider", "model", "requested_at", "recorded_at"}
    }
    assert post(cloud, laptop, batch(old | {"from_the_future": 1}))["accepted"] == 1
    assert landed(owner, laptop)[0][3] == 0


def test_cache_reads_and_costs_come_under_either_name(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    renamed = record(cost_millicents=None, cost_usd_minor_units=77)
    renamed["cache_read_tokens"] = 9
    del renamed["cached_tokens"]
    post(cloud, laptop, batch(renamed))
    assert owner.execute(
        """
        select cached_tokens, submitted_millicents from raw.requests
        where workspace_id = %s
        """,
        [laptop.workspace.workspace_id],
    ).fetchall() == [(9, 77)]


MALFORMED = {
    "a negative count": {"input_tokens": -1},
    "a fraction of a token": {"output_tokens": 1.5},
    "a billion and one tokens": {"input_tokens": 10**9 + 1},
    "a number beyond any column": {"input_tokens": 10**30},
    "a count that is text": {"input_tokens": "many"},
    "a time that cannot be read": {"requested_at": "yesterday"},
    "a time without a zone": {"requested_at": "2026-01-01T00:00:00"},
    "a time before there were models": {"requested_at": "1999-01-01T00:00:00Z"},
    "a time far ahead": {"recorded_at": "9999-12-31T23:59:59Z"},
    "an id that is none": {"id": "17"},
    "no provider": {"provider": None},
    "a model that is a list": {"model": ["m"]},
}


@pytest.mark.parametrize("fault", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_record_that_cannot_land_is_kept_aside_and_its_neighbours_land(
    fault: dict[str, Any], owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    answer = post(cloud, laptop, batch(record(), record(**fault), record()))
    assert answer == {"accepted": 2, "duplicate": 0, "flagged": 1}
    assert len(landed(owner, laptop)) == 2
    assert [row[0] for row in aside(owner, laptop)] == ["malformed"]


@pytest.mark.parametrize("no_object", [None, 1, "text", [], [[]]])
def test_what_is_no_record_at_all_is_kept_aside_too(
    no_object: Any, owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    assert post(cloud, laptop, batch(record(), no_object))["flagged"] == 1
    assert len(aside(owner, laptop)) == 1


MENDED: dict[str, tuple[dict[str, Any], str]] = {
    "over-long text is cut": ({"project": "p" * 300}, "cut:project"),
    "a NUL byte is replaced": ({"project": "a\x00b"}, "replaced:project"),
    "a latency that is no number goes": (
        {"latency_ms": "slow"},
        "unreadable:latency_ms",
    ),
    "an odd status code goes": ({"http_status": 4.5}, "unreadable:http_status"),
    "a huge cost goes": ({"cost_millicents": 10**40}, "unreadable:cost_millicents"),
}


@pytest.mark.parametrize(("fault", "flag"), MENDED.values(), ids=MENDED.keys())
def test_what_can_be_stored_is_stored_and_flagged(
    fault: dict[str, Any],
    flag: str,
    owner: psycopg.Connection,
    cloud: TestClient,
    laptop: Daemon,
) -> None:
    answer = post(cloud, laptop, batch(record(**fault)))
    assert answer == {"accepted": 1, "duplicate": 0, "flagged": 1}
    assert landed(owner, laptop)[0][4] == [flag]


def test_text_lands_to_the_character_as_it_was_sent(
    cloud: TestClient, laptop: Daemon, owner: psycopg.Connection
) -> None:
    texts = [
        "".join(map(chr, range(1, 0x21))) + "\x7f\u2028",
        'back\\slash and \\n, "quoted", {braces}, comma, NULL',
        *("NULL", "null", "", " ", "{}", '"', "\\", "\N{PILE OF POO}", "'"),
    ]
    records = [record(project=text) for text in texts]
    assert post(cloud, laptop, batch(*records))["accepted"] == len(texts)
    found = owner.execute(
        "select request_id::text, project from raw.requests where workspace_id = %s",
        [laptop.workspace.workspace_id],
    ).fetchall()
    assert dict(found) == {one["id"]: one["project"] for one in records}


def test_lone_surrogates_and_not_a_number_are_no_reason_to_lose_a_record(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    text = json.dumps(batch(record(project="P", latency_ms="L")))
    body = text.replace('"P"', '"\\ud800x"').replace('"L"', "NaN")
    answer = cloud.post(BATCH, content=body, headers=laptop.headers)
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 1
    assert landed(owner, laptop)[0][2] == "\N{REPLACEMENT CHARACTER}x"


def test_an_unknown_value_of_an_open_list_is_kept(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    odd = record(provider="newcomer", status="dreaming", billing_basis="barter")
    assert post(cloud, laptop, batch(odd))["flagged"] == 0
    assert owner.execute(
        """
        select provider, status, billing_basis from raw.requests
        where workspace_id = %s
        """,
        [laptop.workspace.workspace_id],
    ).fetchall() == [("newcomer", "dreaming", None)]


NO_BATCH: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "a number": b"1",
    "no records": json.dumps({"batch_id": str(uuid4())}).encode(),
    "records that are no list": json.dumps(
        {"batch_id": str(uuid4()), "records": {}}
    ).encode(),
    "no batch id": json.dumps({"records": []}).encode(),
    "a batch id that is none": json.dumps({"batch_id": "1", "records": []}).encode(),
    "a batch id that is a number": json.dumps({"batch_id": 1, "records": []}).encode(),
    "nesting without end": b"[" * 100_000,
    "an endless number": b'{"batch_id": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("body", NO_BATCH.values(), ids=NO_BATCH.keys())
def test_what_is_no_batch_is_422(
    body: bytes, cloud: TestClient, laptop: Daemon
) -> None:
    answer = cloud.post(BATCH, content=body, headers=laptop.headers)
    assert answer.status_code == 422
    assert answer.json()["message"]


def test_a_body_over_the_limit_is_413(cloud: TestClient, laptop: Daemon) -> None:
    body = b" " * (8 * 1024 * 1024 + 1)
    answer = cloud.post(BATCH, content=body, headers=laptop.headers)
    assert answer.status_code == 413
    streamed = cloud.post(
        BATCH,
        content=(body[at : at + 65536] for at in range(0, len(body), 65536)),
        headers=laptop.headers,
    )
    assert streamed.status_code == 413


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer hm_sync_wrong", "Basic eDp5", "Bearer x"]
)
def test_an_unknown_key_is_401(authorization: str, cloud: TestClient) -> None:
    answer = cloud.post(
        BATCH, json=batch(record()), headers={"authorization": authorization}
    )
    assert answer.status_code == 401


def test_a_workspace_that_is_gone_is_403(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    owner.execute(
        "update app.workspaces set deleted_at = now() where workspace_id = %s",
        [laptop.workspace.workspace_id],
    )
    answer = cloud.post(BATCH, json=batch(record()), headers=laptop.headers)
    assert answer.status_code == 403


def test_no_daemon_route_redirects(cloud: TestClient, laptop: Daemon) -> None:
    answer = cloud.post(f"{BATCH}/", json=batch(record()), headers=laptop.headers)
    assert answer.status_code == 404


def text_of(*records: dict[str, Any], **replaced: str) -> str:
    """A batch as text, with words of it replaced by what json.dumps would not write."""
    text = json.dumps(batch(*records))
    for word, instead in replaced.items():
        text = text.replace(f'"{word}"', instead)
    return text


def test_null_is_unset_under_every_key_that_is_not_required(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    required = {"id", "provider", "model", "requested_at", "recorded_at"}
    bare = {key: value if key in required else None for key, value in record().items()}
    assert post(cloud, laptop, batch(bare)) == {
        "accepted": 1,
        "duplicate": 0,
        "flagged": 0,
    }
    assert owner.execute(
        """
        select project, input_tokens, cached_tokens, submitted_millicents,
            tokens_complete, status
        from raw.requests where workspace_id = %s
        """,
        [laptop.workspace.workspace_id],
    ).fetchall() == [(None, 0, 0, None, True, "success")]


@pytest.mark.parametrize("unset", [{"cached_tokens": None}, {}])
def test_cache_reads_are_taken_from_the_name_that_has_them(
    unset: dict[str, Any], owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    renamed = record(cache_read_tokens=9)
    del renamed["cached_tokens"]
    post(cloud, laptop, batch(renamed | unset))
    assert owner.execute(
        "select cached_tokens from raw.requests where workspace_id = %s",
        [laptop.workspace.workspace_id],
    ).fetchall() == [(9,)]


@pytest.mark.parametrize(
    "instead",
    ["9" * 100_000, f"-{'9' * 5_000}", "1e999", "NaN", "-Infinity", DEEP],
    ids=["endless", "endless and negative", "beyond", "NaN", "infinite", "deep"],
)
def test_a_count_that_no_reader_can_hold_costs_its_own_record_alone(
    instead: str, owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    text = text_of(record(), record(input_tokens="WORD"), record(), WORD=instead)
    answer = cloud.post(BATCH, content=text, headers=laptop.headers)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["accepted"], answer.json()["flagged"]) == (2, 1)
    assert [row[0] for row in aside(owner, laptop)] == ["malformed"]


def test_nesting_without_end_under_a_key_that_nobody_knows_is_ignored(
    cloud: TestClient, laptop: Daemon
) -> None:
    deep = '[{"a":' * 60_000 + "1" + "}]" * 60_000
    text = text_of(record(more="WORD"), record(), WORD=deep)
    answer = cloud.post(BATCH, content=text, headers=laptop.headers)
    assert answer.json()["accepted"] == 2


@pytest.mark.parametrize("depth", [50, 64, 65, 300, 990, 1_100])
def test_nesting_of_any_depth_is_kept_aside_or_ignored(
    depth: int, cloud: TestClient, laptop: Daemon
) -> None:
    deep = "[" * depth + "]" * depth
    text = text_of(record(more="WORD", id="WORD"), record(more="WORD"), WORD=deep)
    answer = cloud.post(BATCH, content=text, headers=laptop.headers)
    assert (answer.json()["accepted"], answer.json()["flagged"]) == (1, 1)


@pytest.mark.parametrize("raw", [b"\x00", b"\x01", b"\x1f", b"\xff", b"\xed\xa0\x80"])
def test_bytes_that_no_json_may_hold_are_mended_within_their_text(
    raw: bytes, owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    body = text_of(record(project="a-WORD-b"), record()).encode()
    answer = cloud.post(
        BATCH, content=body.replace(b"WORD", raw), headers=laptop.headers
    )
    assert answer.json()["accepted"] == 2
    assert "\x00" not in str(landed(owner, laptop))


def test_a_byte_order_mark_is_no_reason_to_refuse(
    cloud: TestClient, laptop: Daemon
) -> None:
    body = b"\xef\xbb\xbf" + text_of(record()).encode()
    answer = cloud.post(BATCH, content=body, headers=laptop.headers)
    assert answer.json()["accepted"] == 1


def test_one_machine_may_send_the_same_bad_records_in_any_order_at_once(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    bad = [record(input_tokens=-number) for number in range(1, 200)]
    with ThreadPoolExecutor(4) as senders:
        answers = list(
            senders.map(
                lambda one: cloud.post(BATCH, json=one, headers=laptop.headers),
                [batch(*bad), batch(*reversed(bad))] * 4,
            )
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len(aside(owner, laptop)) == len(bad)


def test_a_daemon_that_says_no_capability_any_more_may_be_any(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    for said, known in [
        ("build=enforcing; policy_pull=on", "enforcing"),
        (None, "unknown"),
        ("Build = Public;policy_pull=absent", "not_enforcing"),
        ("whatever", "unknown"),
    ]:
        headers = laptop.headers | ({"x-hm-daemon": said} if said else {})
        cloud.post(BATCH, json=batch(record()), headers=headers)
        assert owner.execute(
            "select enforcement from app.machines where machine_id = %s",
            [laptop.machine_id],
        ).fetchone() == (known,)


def test_the_version_and_capability_of_the_daemon_are_kept(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    headers = laptop.headers | {
        "user-agent": "halton-meter-daemon/2.0.1",
        "x-hm-daemon": "build=enforcing; policy_pull=on",
    }
    cloud.post(BATCH, json=batch(record()), headers=headers)
    assert owner.execute(
        """
        select daemon_version, enforcement, last_batch_at is not null
        from app.machines where machine_id = %s
        """,
        [laptop.machine_id],
    ).fetchall() == [("2.0.1", "enforcing", True)]
