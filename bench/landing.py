"""How fast batches land over HTTP, beside a bare COPY of the same rows.

    python -m bench.landing [--rounds 8] [--senders 4] [--standing 1000000]

One API process, no worker. Each round posts batches of 500 rows from several senders,
then copies the very rows that landed into the same table as another workspace's, so
that both meet the same machine. Then batches come at half the pace just seen, for the
time that one takes; and all of it again on top of `--standing` rows.
"""

import argparse
import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from bench.product import Product, running_api

ROWS = 500
BATCH = "/v1/requests/batch"
MODELS = [
    ("anthropic", "claude-sonnet-4-5"),
    ("openai", "gpt-5"),
    ("gemini", "gemini-2.5-pro"),
]
PROMISED_RATIO = 0.4
PROMISED_MS = 250


def records(count: int) -> list[dict[str, object]]:
    """Calls as real daemons send them: about 700 bytes each, none before its time."""
    now = datetime.now(UTC)
    return [one_record(now - timedelta(seconds=number)) for number in range(count)]


def one_record(at: datetime) -> dict[str, object]:
    provider, model = random.choice(MODELS)
    moment = at.isoformat().replace("+00:00", "Z")
    millicents = random.randrange(10_000)
    return {
        "id": str(uuid4()),
        "provider": provider,
        "model": model,
        "requested_at": moment,
        "recorded_at": moment,
        "project": f"project-{random.randrange(20)}",
        "input_tokens": random.randrange(10_000),
        "output_tokens": random.randrange(5_000),
        "thinking_tokens": random.randrange(1_000),
        "cached_tokens": random.randrange(50_000),
        "cache_write_tokens": random.randrange(1_000),
        "cost_millicents": millicents,
        "cost_usd_minor_units": millicents,
        "fx_rate": None,
        "tokens_complete": True,
        "latency_ms": round(random.uniform(100, 30_000), 3),
        "time_to_first_token_ms": round(random.uniform(50, 3_000), 3),
        "status": "success",
        "request_kind": "chat",
        "attribution_method": "git",
        "source_workdir": "/home/dev/src/checkout",
        "source_machine": "laptop-17",
        "prompt_hash": f"{random.getrandbits(256):064x}",
        "idempotency_key": None,
        "error_class": None,
        "provider_error_code": None,
        "http_status": 200,
        "retryable": None,
        "billing_basis": None,
    }


def batches(count: int) -> list[bytes]:
    """Bodies of 500 records each, written before the clock starts."""
    return [
        json.dumps({"batch_id": str(uuid4()), "records": records(ROWS)}).encode()
        for _ in range(count)
    ]


@dataclass
class Sender:
    """One daemon on one connection; notes how long each answer took."""

    url: str
    headers: dict[str, str]
    seconds: list[float] = field(default_factory=list[float])

    def send(self, bodies: list[bytes], every: float = 0.0) -> None:
        """Post one after the other, starting one each `every` seconds at most."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc)
        due = time.perf_counter()
        for body in bodies:
            time.sleep(max(0.0, due - time.perf_counter()))
            connection.request("POST", BATCH, body, self.headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != http.client.OK:
                raise SystemExit(f"{answer.status} {text.decode()}")
            # From when it was due: a server that stalls has all that waited to answer.
            self.seconds.append(time.perf_counter() - due)
            due = due + every if every else time.perf_counter()
        connection.close()


def at_once(senders: list[Sender], work: Callable[[Sender, int], None]) -> float:
    """Let all senders work; return the seconds until the last was done."""
    threads = [
        threading.Thread(target=work, args=(sender, number))
        for number, sender in enumerate(senders)
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


class Copies:
    """Bare COPY, past row security, which forbids COPY to those that serve."""

    def __init__(self, product: Product, workspace_id: UUID) -> None:
        self._database = product.superuser()
        self._workspace_id = workspace_id
        found = self._database.execute(
            """
            select attname from pg_attribute
            where attrelid = 'raw.requests'::regclass and attnum > 0
            and not attisdropped and attname <> 'workspace_id'
            """
        )
        self._columns = ", ".join(name for (name,) in found.fetchall())

    def newest_rows(self, count: int) -> bytes:
        """Read the rows that landed last, as COPY writes them."""
        query = (
            f"copy (select {self._columns} from raw.requests"
            f" where workspace_id = '{self._workspace_id}'"
            f" order by change_id desc limit {count}) to stdout"
        )
        with self._database.cursor().copy(query) as copy:
            return b"".join(bytes(part) for part in copy)

    def copied(self, rows: bytes, per_commit: int) -> float:
        """Copy rows in as a new workspace's; return the seconds that took."""
        workspace_id = uuid4()
        lines = [
            f"{workspace_id}\t".encode() + line + b"\n" for line in rows.splitlines()
        ]
        parts = [
            b"".join(lines[at : at + per_commit])
            for at in range(0, len(lines), per_commit)
        ]
        query = f"copy raw.requests (workspace_id, {self._columns}) from stdin"
        started = time.perf_counter()
        for part in parts:
            with self._database.cursor().copy(query) as copy:
                copy.write(part)
        return time.perf_counter() - started

    def stand(self, count: int) -> None:
        """Put rows of other workspaces there, by copying what landed, with new ids."""
        selected = self._columns.replace("request_id", "gen_random_uuid()", 1)
        while count > 0:
            done = self._database.execute(
                f"""
                insert into raw.requests (workspace_id, {self._columns})
                select %s, {selected} from raw.requests
                where workspace_id = %s limit %s
                """,
                [uuid4(), self._workspace_id, min(count, 50_000)],
            )
            count -= done.rowcount
        self._database.execute("vacuum analyze raw.requests")
        self._database.execute("checkpoint")


def measure(
    product: Product, copies: Copies, senders: list[Sender], rounds: int
) -> tuple[float, float]:
    """Print and return rows a second over HTTP, and its ratio to one bare COPY."""
    each = 10
    posted: list[float] = []
    whole: list[float] = []
    by_batch: list[float] = []
    for _ in range(rounds):
        work = [batches(each) for _ in senders]
        took = at_once(
            senders, lambda sender, number, work=work: sender.send(work[number])
        )
        posted.append(took)
        count = each * ROWS * len(senders)
        rows = copies.newest_rows(count)
        whole.append(copies.copied(rows, count))
        by_batch.append(copies.copied(rows, ROWS))
    pace = count / median(posted)
    ratio = median(copy / post for copy, post in zip(whole, posted, strict=True))
    ratio_by_batch = median(
        copy / post for copy, post in zip(by_batch, posted, strict=True)
    )
    print(
        f"  {pace:,.0f} rows/s over HTTP; {count / median(whole):,.0f} by one COPY,"
        f" {count / median(by_batch):,.0f} by COPY of {ROWS} and commit\n"
        f"  ratio {ratio:.2f} of one COPY (promised {PROMISED_RATIO}),"
        f" {ratio_by_batch:.2f} of COPY with as many commits;"
        f" API process at {product.peak_mb():,.0f} MB at most"
    )
    return pace, ratio


def measure_at_half(senders: list[Sender], pace: float, seconds: int) -> None:
    """Print how long a batch takes at half the pace."""
    every = len(senders) * ROWS / (pace / 2)
    count = max(2, round(seconds / every))
    work = [batches(count) for _ in senders]
    for sender in senders:
        sender.seconds.clear()
    at_once(senders, lambda sender, number: sender.send(work[number], every))
    taken = sorted(1_000 * one for sender in senders for one in sender.seconds)
    cut = quantiles(taken, n=100)
    print(
        f"  at {pace / 2:,.0f} rows/s a batch takes {cut[49]:.0f} ms at p50,"
        f" {cut[94]:.0f} at p95, {cut[98]:.0f} at p99 (promised {PROMISED_MS})"
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--standing", type=int, nargs="*", default=[0])
    return parser.parse_args()


def machines(product: Product, slug: str, count: int) -> Iterator[Sender]:
    for number in range(count):
        headers = product.machine(slug, hostname=f"bench-{number}")
        yield Sender(product.url, headers)


def main() -> None:
    asked = arguments()
    with running_api() as product:
        slug = product.workspace("Bench")
        senders = list(machines(product, slug, asked.senders))
        copies = Copies(product, product.workspace_id(slug))
        senders[0].send(batches(4))  # what is first is slow everywhere
        standing = 0
        for wanted in asked.standing:
            if wanted > standing:
                copies.stand(wanted - standing)
                standing = wanted
            print(f"{standing:,} rows standing, {asked.senders} senders")
            pace, _ = measure(product, copies, senders, asked.rounds)
            measure_at_half(senders, pace, asked.seconds)


if __name__ == "__main__":
    main()
