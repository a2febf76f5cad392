"""A history of a million calls, sent by one daemon 500 a post, and once more elsewhere.

The second time the machine has been paired to another workspace and sends all of it
again, under the same ids. What each workspace holds has to be exactly what was sent.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bench.load.wire import Batches, post_until_taken
from bench.product import Product

ROWS = 500
HISTORY = 1_000_000


@dataclass(frozen=True)
class Seen:
    """What one workspace holds after its sync."""

    sent: tuple[int, ...]
    held: tuple[int, ...]
    seconds: float

    @property
    def is_exact(self) -> bool:
        """Say whether count, both token sums and cost are what was sent."""
        return self.sent == self.held

    def __str__(self) -> str:
        return (
            f"{self.sent[0]:,} rows in {self.seconds:,.0f} s,"
            f" {self.sent[0] / self.seconds:,.0f}/s; held {self.held}, sent {self.sent}"
        )


def run_history(product: Product, count: int = HISTORY) -> list[Seen]:
    """Send a history into one workspace, then all of it into another."""
    seen: list[Seen] = []
    for name in ("First", "Second"):
        slug = product.workspace(name)
        (machine,) = product.machines(slug, 1)
        started = time.monotonic()
        sent = asyncio.run(_sync(product, machine, count))
        seconds = time.monotonic() - started
        seen.append(Seen(sent, _held(product, product.workspace_id(slug)), seconds))
    # What came second has changed nothing of what came first.
    first = product.workspace_id("first")
    seen[0] = Seen(seen[0].sent, _held(product, first), seen[0].seconds)
    return seen


async def _sync(
    product: Product, machine: dict[str, str], count: int
) -> tuple[int, ...]:
    batches = Batches(ROWS)
    per_batch = batches.sums()
    for first in range(0, count, ROWS):
        ids = [
            UUID(int=0x4000_8000 << 64 | first + number + 1) for number in range(ROWS)
        ]
        await post_until_taken(product.port, machine, batches.of(ids))
    return tuple(count // ROWS * one for one in per_batch)


def _held(product: Product, workspace_id: UUID) -> tuple[int, ...]:
    with product.superuser() as database:
        row: Any = database.execute(
            """
            select
                count(distinct request_id),
                sum(input_tokens), sum(output_tokens), sum(submitted_millicents)
            from raw.requests where workspace_id = %s
            """,
            [workspace_id],
        ).fetchone()
    return tuple(int(one or 0) for one in row)
