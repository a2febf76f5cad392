"""Rows and bodies that no honest daemon sends: a fixed corpus, and an endless one.

    python -m bench.faults hostile [--rows 100000]

Every row is text of JSON, so that it can hold what json.dumps would never write. Each
has to land or be kept aside, never both and never neither; its neighbours land.
"""

import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx

from bench.landing import records
from bench.product import running_api

AT_ONCE = 250

REQUIRED = ("id", "provider", "model", "requested_at", "recorded_at")
COUNTS = (
    "input_tokens",
    "output_tokens",
    "thinking_tokens",
    "cached_tokens",
    "cache_write_tokens",
)
TEXTS = ("provider", "model", "project", "status", "prompt_hash", "source_workdir")
NUMBERS = ("latency_ms", "http_status", "cost_millicents")
MOMENTS = ("requested_at", "recorded_at")

# What stands in place of a value, as JSON or as what only resembles it.
BAD_COUNTS = [
    *("-1", "1.5", "true", "false", "1e999", "-1e999", "NaN", "Infinity", "-Infinity"),
    *("1000000001", "9223372036854775808", "-9223372036854775809", "[]", "{}", "[1]"),
    *('"7"', '""', '"-"', "9" * 5_000, "[" * 3_000 + "]" * 3_000),
]
ODD_TEXTS = [
    '"\\u0000"',
    '"a\\u0000b"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\x00"',
    '"\x1f"',
    '""',
    f'"{"x" * 100_000}"',
    '"\\u202e\\u200f"',
    '"🦀"',
    '"\'; drop table raw.requests; --"',
    '"=cmd|calc"',
    "7",
    "true",
    "[]",
    "{}",
    "NaN",
    "null",
]
ODD_NUMBERS = [
    *("-1", "-0.0", "1e-400", "1e400", "NaN", "Infinity", "-Infinity", "true", "null"),
    *('"12"', '"slow"', "[]", "{}", "9" * 5_000),
]
ODD_MOMENTS = [
    '"9999-12-31T23:59:59Z"',
    '"0001-01-01T00:00:00Z"',
    '"10000-01-01T00:00:00Z"',
    '"1969-12-31T23:59:59Z"',
    '"2100-01-01T00:00:01Z"',
    '"2026-02-30T00:00:00Z"',
    '"2026-01-01T24:00:00Z"',
    '"2026-01-01T23:59:60Z"',
    '"2026-01-01T00:00:00"',
    '"2026-01-01"',
    '"2026-01-01T00:00:00+99:99"',
    '"2026-01-01T00:00:00.123456789Z"',
    '"infinity"',
    '"now"',
    '"epoch"',
    '"\\u0000"',
    "1764000000",
    "-1",
    "1e300",
    "NaN",
    "null",
    "[]",
]
ODD_IDS = ['"17"', '""', "null", "7", "[]", '"{}"', '"\\u0000"', '"' + "f" * 31 + '"']


def fixed_rows() -> Iterator[tuple[str, str]]:
    """Every odd value in every key where it may do harm, by name."""
    for kinds, values in (
        (COUNTS, BAD_COUNTS),
        (TEXTS, ODD_TEXTS),
        (NUMBERS, ODD_NUMBERS),
        (MOMENTS, ODD_MOMENTS),
        (("id",), ODD_IDS),
    ):
        for key in kinds:
            for value in values:
                yield f"{key} = {value[:24]!r}", row(**{key: value})
    for key in REQUIRED:
        yield f"no {key}", row(**{key: ""})
    for odd in ("null", "7", '"text"', "[]", "[[]]", "true", "NaN", "{}"):
        yield f"a row that is {odd}", odd


def row(**replaced: str) -> str:
    """Write a good row with values of it replaced by text; empty leaves the key out."""
    (good,) = records(1)
    parts = {key: json.dumps(value) for key, value in good.items()} | replaced
    said = ",".join(f'"{key}":{value}' for key, value in parts.items() if value)
    return f"{{{said}}}"


def random_row(chance: random.Random) -> str:
    """Make a row with one to four things wrong, or none."""
    odd: dict[str, Any] = {}
    for _ in range(chance.randrange(5)):
        kinds, values = chance.choice(
            [
                (COUNTS, BAD_COUNTS[:-2]),
                (TEXTS, ODD_TEXTS),
                (NUMBERS, ODD_NUMBERS),
                (MOMENTS, ODD_MOMENTS),
                (("id",), ODD_IDS),
                (("more", "Id", "__proto__"), ODD_TEXTS + BAD_COUNTS[:-2]),
                (REQUIRED, [""]),
                (TEXTS, [_noise(chance)]),
                (COUNTS, [str(chance.randrange(-(10**12), 10**12))]),
            ]
        )
        odd[chance.choice(kinds)] = chance.choice(values)
    return row(**odd)


def body_of(rows: list[str]) -> bytes:
    """Write a batch around rows."""
    return (f'{{"batch_id":"{uuid4()}","records":[{",".join(rows)}]}}').encode(
        "utf-8", "surrogatepass"
    )


def id_of(good: str) -> UUID:
    """Return the id of a good row."""
    return UUID(json.loads(good)["id"])


def _noise(chance: random.Random) -> str:
    points = [chance.randrange(0x11_0000) for _ in range(chance.randrange(40))]
    return json.dumps("".join(map(chr, points)))


def run_fuzz(rows: int, seed: int) -> str:
    """Send random rows to a product of their own; say what came of them."""
    chance = random.Random(seed)
    answers: Counter[int] = Counter()
    with (
        running_api() as product,
        httpx.Client(base_url=product.url, trust_env=False, timeout=60) as client,
    ):
        machine = product.machine(product.workspace("Hostile"))
        for _ in range(rows // AT_ONCE):
            body = body_of([random_row(chance) for _ in range(AT_ONCE)])
            answer = client.post("/v1/requests/batch", content=body, headers=machine)
            answers[answer.status_code] += 1
        with product.superuser() as database:
            landed, aside = database.execute(
                "select (select count(*) from raw.requests),"
                " (select count(*) from raw.rejected_records)"
            ).fetchone() or (0, 0)
        log = (product.home / "postgres/log").read_text("utf-8", "replace")
    return (
        f"{rows:,} random rows: answers {dict(answers)}; {landed:,} landed,"
        f" {aside:,} kept aside, {rows - landed - aside:,} neither or both;"
        f" {log.count('ERROR')} errors in Postgres' log"
    )


# What is no batch, or not quite: bodies whole, with the statuses that they may have.
NO_BATCH: dict[str, bytes] = {
    "nothing": b"",
    "a brace": b"{",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "NaN": b"NaN",
    "text": b'"text"',
    "bytes": bytes(range(256)),
    "zeros": b"\x00" * 1_000,
    "no records": b'{"batch_id":"9f1c2f5e-7f0e-4f62-8c53-0d6c2f8f7a11"}',
    "records of null": b'{"batch_id":null,"records":null}',
    "records that are an object": b'{"records":{}}',
    "a batch id that is a number": b'{"batch_id":1,"records":[]}',
    "a batch id that is a list": b'{"batch_id":[],"records":[]}',
    "a batch id that is zeros": b'{"batch_id":"\\u0000","records":[]}',
    "nesting without end": b"[" * 1_000_000,
    "objects without end": b'{"a":' * 200_000,
    "records without end": b'{"records":' + b"[" * 500_000,
    "an endless number": b'{"batch_id":' + b"9" * 1_000_000 + b"}",
    "an endless text": b'{"batch_id":"' + b"x" * 1_000_000,
    "a second value": b"{} {}",
    "utf-16": '{"records":[]}'.encode("utf-16"),
    "a comment": b"/* */ {}",
    "a trailing comma": b'{"records":[],}',
}
