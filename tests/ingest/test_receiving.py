"""How much of a body is taken in, and what is said when it is too much."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import psycopg
import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from ingest.daemons.admission import LONGEST_RETRY_SECONDS, Admission, Post
from models.refusals import TooMany
from models.requests import MOST_BYTES
from tests.factories import Daemon, batch, daemon, record, workspace

BATCH = "/v1/requests/batch"


@pytest.fixture
def laptop(owner: psycopg.Connection, cloud: TestClient) -> Daemon:
    return daemon(owner, cloud, workspace(owner))


def zipped(cloud: TestClient, by: Daemon, content: bytes | Iterator[bytes]) -> int:
    headers = by.headers | {"content-encoding": "gzip"}
    return cloud.post(BATCH, content=content, headers=headers).status_code


def some_batch(count: int = 3) -> bytes:
    return json.dumps(batch(*(record() for _ in range(count)))).encode()


def test_a_body_may_come_as_gzip_in_any_number_of_pieces_and_members(
    cloud: TestClient, laptop: Daemon
) -> None:
    whole = gzip.compress(some_batch(500))
    assert zipped(cloud, laptop, whole) == 200
    assert zipped(cloud, laptop, (whole[at : at + 7] for at in range(0, 700, 7))) == 422
    pieces = (whole[at : at + 1000] for at in range(0, len(whole), 1000))
    assert zipped(cloud, laptop, pieces) == 200
    text = some_batch()
    members = gzip.compress(text[:100]) + gzip.compress(text[100:])
    assert zipped(cloud, laptop, members) == 200


def test_a_bomb_is_413_before_it_is_inflated(cloud: TestClient, laptop: Daemon) -> None:
    bomb = gzip.compress(b" " * 50 * MOST_BYTES)
    assert len(bomb) < MOST_BYTES
    assert zipped(cloud, laptop, bomb) == 413


def test_a_body_of_just_the_limit_is_read_to_its_end(
    cloud: TestClient, laptop: Daemon
) -> None:
    text = some_batch()
    padded = text + b" " * (MOST_BYTES - len(text))
    assert zipped(cloud, laptop, gzip.compress(padded)) == 200
    assert zipped(cloud, laptop, gzip.compress(padded + b" ")) == 413


@pytest.mark.parametrize(
    "content",
    [b"no gzip", b"", gzip.compress(b"{}")[:-9], zlib.compress(b"{}")],
    ids=["words", "nothing", "cut short", "zlib"],
)
def test_gzip_that_is_none_is_422(
    content: bytes, cloud: TestClient, laptop: Daemon
) -> None:
    assert zipped(cloud, laptop, content) == 422


def test_another_encoding_is_415(cloud: TestClient, laptop: Daemon) -> None:
    headers = laptop.headers | {"content-encoding": "br"}
    answer = cloud.post(BATCH, content=some_batch(), headers=headers)
    assert answer.status_code == 415


def test_a_full_process_answers_429_and_says_when_to_come_back(
    cloud: TestClient, laptop: Daemon
) -> None:
    open_for_one = Admission(most_inside=0)
    usual, cloud.app.state.admission = cloud.app.state.admission, open_for_one  # type: ignore[attr-defined]
    try:
        answer = cloud.post(BATCH, content=some_batch(), headers=laptop.headers)
    finally:
        cloud.app.state.admission = usual  # type: ignore[attr-defined]
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 300


NOBODY = Request({"type": "http", "headers": []})


def test_one_key_leaves_room_for_others() -> None:
    def with_key(key: bytes) -> Request:
        return Request({"type": "http", "headers": [(b"authorization", key)]})

    admission = Admission(most_inside_of_a_key=2)
    with ExitStack() as greedy:
        for _ in range(2):
            greedy.enter_context(admission.entering(with_key(b"Bearer one")))
        with pytest.raises(TooMany):
            greedy.enter_context(admission.entering(with_key(b"Bearer one")))
        greedy.enter_context(admission.entering(with_key(b"Bearer another")))
    with admission.entering(with_key(b"Bearer one")):
        pass


def test_what_is_held_is_bounded_and_given_back() -> None:
    admission = Admission(most_bytes_held=10)
    with admission.entering(NOBODY) as first, admission.entering(NOBODY) as second:
        first.hold(6)
        with pytest.raises(TooMany):
            second.hold(5)
        second.hold(4)
    with admission.entering(NOBODY) as third:
        third.hold(10)


def test_an_outage_sends_nobody_away_for_longer_than_it_lasts() -> None:
    admission = Admission(most_inside=1, landings_at_once=1)

    async def fail_slowly(post: Post) -> None:
        async with post.landing():
            await asyncio.sleep(0.2)
            raise ConnectionError

    async def many_fail() -> None:
        for _ in range(10):
            with admission.entering(NOBODY) as post, suppress(ConnectionError):
                await fail_slowly(post)

    asyncio.run(many_fail())
    with (
        admission.entering(NOBODY),
        pytest.raises(TooMany) as refused,
        admission.entering(NOBODY),
    ):
        pass
    assert refused.value.retry_after == 1
    assert LONGEST_RETRY_SECONDS <= 30


def test_who_waits_too_long_for_a_turn_is_told_to_come_back() -> None:
    async def two_at_once() -> None:
        admission = Admission(landings_at_once=1, longest_wait_seconds=0.01)
        with admission.entering(NOBODY) as first, admission.entering(NOBODY) as second:
            async with first.landing():
                with pytest.raises(TooMany):
                    async with second.landing():
                        pass
            async with second.landing():
                pass

    asyncio.run(two_at_once())
