"""Daemons that never give up, lose answers, repeat themselves and overlap."""

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from uuid import UUID, uuid4

from bench.faults.oracle import Oracle, tokens_of

BATCH = "/v1/requests/batch"
ROWS = 250
LOSING = 0.02  # of answers, at least one in a hundred
REPEATING = 0.05  # of batches that were acknowledged
OVERLAPPING = 0.10  # of batches, which two daemons send at once
PAUSE_SECONDS = 0.1  # daemons wait a second and more; this looks closer


class Senders:
    """Daemons of one machine each, all of them sending until they are told to stop."""

    def __init__(
        self,
        port: int,
        machines: list[dict[str, str]],
        oracle: Oracle,
        rows_per_second: float,
    ) -> None:
        self._port = port
        self._machines = machines
        self._oracle = oracle
        self._every = len(machines) * ROWS / rows_per_second
        self._stopping = threading.Event()
        self._shared: list[list[UUID]] = []
        self.posts = 0
        self.lost_answers = 0
        self.answers: Counter[str] = Counter()
        self.last_acknowledged_at = 0.0
        self._threads = [
            threading.Thread(target=self._send, args=(machine,)) for machine in machines
        ]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Have them stop after what is in flight."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def refused(self) -> dict[str, int]:
        """Return the answers that a daemon takes for final, or as a fault of ours."""
        good = {"200", "429", "503", "connection"}
        return {one: count for one, count in self.answers.items() if one not in good}

    def _send(self, machine: dict[str, str]) -> None:
        due = time.monotonic()
        while not self._stopping.is_set():
            ids = self._next()
            while not self._stopping.is_set() and not self._acknowledged(machine, ids):
                self._stopping.wait(PAUSE_SECONDS)
            if random.random() < REPEATING:
                self._acknowledged(machine, ids)
            due = max(due + self._every, time.monotonic() - 1)
            self._stopping.wait(max(0.0, due - time.monotonic()))

    def _next(self) -> list[UUID]:
        """Take a batch that another has just begun to send, or make a new one."""
        with suppress(IndexError):
            ids = self._shared.pop()
            random.shuffle(ids)
            return ids
        ids = [uuid4() for _ in range(ROWS)]
        if random.random() < OVERLAPPING:
            self._shared.append(list(ids))
        return ids

    def _acknowledged(self, machine: dict[str, str], ids: list[UUID]) -> bool:
        """Post once; say whether a 200 came back and was seen."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request("POST", BATCH, body_of(ids), machine)
            self.posts += 1
            if random.random() < LOSING:
                self.lost_answers += 1
                return False
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self.answers["connection"] += 1
            return False
        finally:
            connection.close()
        self.answers[str(answer.status)] += 1
        if answer.status != http.client.OK:
            return False
        counted = json.loads(text)
        if counted["accepted"] + counted["duplicate"] != len(ids):
            self.answers[f"counted {counted}"] += 1
        if self._oracle.acknowledge(ids):
            self.last_acknowledged_at = time.monotonic()
        return True


def body_of(ids: list[UUID]) -> bytes:
    """Write a batch whose rows follow from their ids."""
    moment = datetime(2026, 9, 1, 12, tzinfo=UTC).isoformat()
    records = [
        {
            "id": str(one),
            "provider": "anthropic",
            "model": "claude-sonnet-4-5",
            "requested_at": moment,
            "recorded_at": moment,
            "project": "faults",
            "input_tokens": tokens_of(one),
            "output_tokens": 7,
            "tokens_complete": True,
            "status": "success",
        }
        for one in ids
    ]
    return json.dumps({"batch_id": str(uuid4()), "records": records}).encode()


@contextmanager
def sending(
    port: int, machines: list[dict[str, str]], oracle: Oracle, rows_per_second: float
) -> Generator[Senders]:
    """Send for as long as the block lasts."""
    senders = Senders(port, machines, oracle, rows_per_second)
    senders.start()
    try:
        yield senders
    finally:
        senders.stop()
