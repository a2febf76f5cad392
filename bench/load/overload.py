"""Ten times the senders that one API can serve, and a hundred of whom none starves.

First as many as it serves at its best; then ten times as many. A sender posts one batch
after the other, and one that was refused is back as soon as it was told to be: daemons
take longer the more often they are refused.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

from bench.load.wire import Batches, post, unfit
from bench.product import Product

ROWS = 500
SUSTAINABLE = 40
TIMES = 10
CROWD = 100
PROMISED_SHARE = 0.7
WARMING_SECONDS = 3.0  # until everybody has connected and sent once


@dataclass
class Seen:
    """What came of some seconds of sending."""

    answers: Counter[int] = field(default_factory=Counter[int])
    by_sender: list[int] = field(default_factory=list[int])
    seconds: float = 0.0

    @property
    def rows_per_second(self) -> float:
        """Return the rows that were acknowledged in a second."""
        return self.answers[200] * ROWS / self.seconds

    @property
    def unfit(self) -> dict[int, int]:
        """Count the answers that overload does not excuse."""
        return unfit(self.answers)

    @property
    def fairness(self) -> float:
        """Return what the least served got, as a share of what the best served did."""
        return min(self.by_sender) / max(self.by_sender)

    def __str__(self) -> str:
        named = {status or "none": count for status, count in self.answers.items()}
        return (
            f"{len(self.by_sender)} senders: {self.rows_per_second:,.0f} rows/s,"
            f" answers {named}; batches by sender {min(self.by_sender)} to"
            f" {max(self.by_sender)} (least/most {self.fairness:.2f})"
        )


async def sent_by(
    product: Product, machines: list[dict[str, str]], seconds: float
) -> Seen:
    """Have every machine send one batch after the other for some seconds."""
    batches = Batches(ROWS)
    seen = Seen(by_sender=[0] * len(machines), seconds=seconds)
    since = time.monotonic() + WARMING_SECONDS
    until = since + seconds

    async def send(number: int) -> None:
        body = batches.fresh()
        while time.monotonic() < until:
            answer = await post(product.port, machines[number], body)
            if since < time.monotonic() < until:
                seen.answers[answer.status] += 1
                seen.by_sender[number] += answer.status == 200
            if answer.status == 200:
                body = batches.fresh()
            else:
                await asyncio.sleep(answer.retry_after or 1)

    await asyncio.gather(*(send(number) for number in range(len(machines))))
    return seen


def run_crowd(product: Product, seconds: float, count: int = CROWD) -> Seen:
    """Have a hundred daemons send at once."""
    machines = product.machines(product.workspace("Crowd"), count)
    return asyncio.run(sent_by(product, machines, seconds))


def run_overload(
    product: Product, seconds: float, sustainable: int = SUSTAINABLE
) -> tuple[Seen, Seen]:
    """Send at the best, then ten times that."""
    machines = product.machines(product.workspace("Overload"), sustainable * TIMES)
    at_best = asyncio.run(sent_by(product, machines[:sustainable], seconds))
    overloaded = asyncio.run(sent_by(product, machines, seconds))
    return at_best, overloaded
