"""Fifty senders at once, each with bodies of two megabytes: how much memory that takes.

Half of them post captured bodies as large as they may be, and half batches of 2 MB.
"""

import asyncio
import base64
import json
import time
from collections import Counter
from uuid import uuid4

from bench.load.wire import BATCH, Batches, post, post_until_taken
from bench.product import Product

SENDERS = 50
ROWS = 2_850  # make about 2 MB
TEXT_BYTES = 1024 * 1024  # of a leg, before base64
PROMISED_MB = 512


def run_bodies(product: Product, seconds: float) -> tuple[Counter[int], float]:
    """Return the answers, and the most memory that the API process has had, in MB."""
    slug = product.workspace("Bodies")
    machines = product.machines(slug, SENDERS)
    with product.superuser() as database:
        database.execute(
            "update app.workspaces set stores_bodies = true where slug = %s", [slug]
        )
    answers = asyncio.run(_sent(product.port, machines, seconds))
    return answers, product.peak_mb()


async def _sent(
    port: int, machines: list[dict[str, str]], seconds: float
) -> Counter[int]:
    answers: Counter[int] = Counter()
    until = time.monotonic() + seconds
    batches, one_row = Batches(ROWS), Batches(1)
    leg = base64.b64encode(b"x" * TEXT_BYTES).decode()

    async def send_batches(machine: dict[str, str]) -> None:
        while time.monotonic() < until:
            answers[(await post(port, machine, batches.fresh())).status] += 1

    async def send_bodies(machine: dict[str, str]) -> None:
        request_id = uuid4()
        call = one_row.of([request_id])
        await post_until_taken(port, machine, call)
        body = json.dumps(
            {
                "request_id": str(request_id),
                "direction": "request",
                "content_type": "application/json",
                "body_b64": leg,
                "redaction_applied": True,
                "redaction_summary": [],
                "original_size_bytes": TEXT_BYTES,
            }
        ).encode()
        path = BATCH.replace("batch", f"{request_id}/body")
        while time.monotonic() < until:
            answers[(await post(port, machine, body, path)).status] += 1

    await asyncio.gather(
        *(
            send_batches(machine) if number % 2 else send_bodies(machine)
            for number, machine in enumerate(machines)
        )
    )
    return answers
