"""A post as a daemon makes it, for clients that have hundreds of them in flight."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from uuid import UUID, uuid4

from bench.landing import records

BATCH = "/v1/requests/batch"
SECONDS = 60.0  # a daemon gives up then
NO_ANSWER = 0  # in place of a status


@dataclass(frozen=True)
class Answer:
    """A status, NO_ANSWER where the connection failed, and what came with it."""

    status: int
    retry_after: int | None = None
    body: bytes = b""


async def post(
    port: int, headers: dict[str, str], body: bytes, path: str = BATCH
) -> Answer:
    """Post once on a connection of its own."""
    try:
        async with asyncio.timeout(SECONDS):
            return await _post(port, headers, body, path)
    except (OSError, EOFError, TimeoutError):
        return Answer(NO_ANSWER)


async def _post(port: int, headers: dict[str, str], body: bytes, path: str) -> Answer:
    reading, writing = await asyncio.open_connection("127.0.0.1", port)
    try:
        said = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST {path} HTTP/1.1\r\nhost: bench\r\n{said}connection: close\r\n"
        writing.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        line, *lines = (await reading.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        got = dict(one.lower().split(": ", 1) for one in lines if ": " in one)
        text = await reading.read(int(got.get("content-length", "0")))
        after = got.get("retry-after")
        return Answer(int(line.split()[1]), int(after) if after else None, text)
    finally:
        writing.close()


async def post_until_taken(port: int, headers: dict[str, str], body: bytes) -> None:
    """Post a batch as often as it takes; SystemExit when it will never be taken."""
    while True:
        answer = await post(port, headers, body)
        match answer.status:
            case 200:
                return
            case 429 | 503:
                await asyncio.sleep(answer.retry_after or 1)
            case _:
                raise SystemExit(f"{answer.status} {answer.body.decode()}")


def unfit(answers: Counter[int], *also_fit: int) -> dict[int, int]:
    """Return the answers that stop a daemon for good or make it throw rows away."""
    fit = {200, 429, 503, *also_fit}
    return {status: count for status, count in answers.items() if status not in fit}


class Batches:
    """Writes batches of real size quickly: one batch is made, and given new ids."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        marked = records(rows)
        self._records = [dict(record) for record in marked]
        for record in marked:
            record["id"] = "<id>"
        text = json.dumps({"batch_id": "<id>", "records": marked})
        self._parts = [part.encode() for part in text.split("<id>")]

    def of(self, ids: list[UUID]) -> bytes:
        """Write a batch of these ids, as many as this was made for."""
        written = [self._parts[0]]
        for one, part in zip((uuid4(), *ids), self._parts[1:], strict=True):
            written += (str(one).encode(), part)
        return b"".join(written)

    def sums(self) -> tuple[int, int, int, int]:
        """Return what a batch holds: rows, input and output tokens, millicents."""
        inputs, outputs, costs = (
            sum(int(str(record[key])) for record in self._records)
            for key in ("input_tokens", "output_tokens", "cost_millicents")
        )
        return self._rows, inputs, outputs, costs

    def fresh(self) -> bytes:
        """Write a batch that nobody has sent before."""
        return self.of([uuid4() for _ in range(self._rows)])
