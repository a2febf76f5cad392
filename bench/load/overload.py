"""Ten times the senders that one API can serve, and a hundred of whom none starves.

First as many as it serves at its best; then ten times as many. A sender posts one batch
after the other, and one that was refused is back within a second, whatever it was told:
daemons are more patient.
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
PAUSE_SECONDS = 1.0  # after a refusal; Retry-After asks for more


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
    seen = Seen(by_sender=[0] * len(machines))
    until = time.monotonic() + seconds

    async def send(number: int) -> None:
        body = batches.fresh()
        while time.monotonic() < until:
            answer = await post(product.port, machines[number], body)
            if time.monotonic() > until:
                return
            seen.answers[answer.status] += 1
            if answer.status == 200:
                seen.by_sender[number] += 1
                body = batches.fresh()
            else:
                await asyncio.sleep(PAUSE_SECONDS)

    started = time.monotonic()
    await asyncio.gather(*(send(number) for number in range(len(machines))))
    seen.seconds = min(time.monotonic() - started, seconds)
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
    asyncio.run(sent_by(product, machines[:sustainable], 2))
    at_best = asyncio.run(sent_by(product, machines[:sustainable], seconds))
    overloaded = asyncio.run(sent_by(product, machines, seconds))
    return at_best, overloaded
