"""How long after its 200 a row shows in the overview, while 500 rows a second come in.

    python -m bench.freshness [--seconds 120] [--standing 3000000]

Asked twice: with nothing in the day, and with `--standing` rows of the same workspace
in the same day. A row is visible when an overview counts it and all before it; the
overview is asked twice a second, so each figure may be half a second too high.
"""

import argparse
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from uuid import uuid4

import httpx

from bench.product import Product, running_product

ROWS_PER_SECOND = 500
LOOK_EVERY_SECONDS = 0.5
PROMISED_SECONDS = 15
DAY = (datetime.now(UTC) - timedelta(days=2)).date()
MODELS = [
    ("anthropic", "claude-sonnet-4-5"),
    ("openai", "gpt-5"),
    ("gemini", "gemini-2.5-pro"),
    ("anthropic", "nobody-knows"),
]


@dataclass(frozen=True)
class Watched:
    """A workspace with one daemon that sends and one person who looks."""

    product: Product
    slug: str
    daemon: dict[str, str]
    person: dict[str, str]

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.product.url, trust_env=False, timeout=60)

    def seen(self, client: httpx.Client) -> int:
        """Return the day's requests as the overview has them."""
        answer = client.get(
            f"/v1/workspaces/{self.slug}/overview?from={DAY}&to={DAY}",
            headers=self.person,
        )
        return int(answer.raise_for_status().json()["period_total"]["request_count"])


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seconds", type=int, default=120)
    words.add_argument("--standing", type=int, default=3_000_000)
    asked = words.parse_args()
    with running_product() as product:
        slug = product.workspace("Freshness")
        watched = Watched(product, slug, product.machine(slug), product.person())
        print(f"{'in the day before':>18}  {'p50':>6}  {'p95':>6}  {'most':>6}")
        for standing in (0, asked.standing):
            before = stand(watched, standing)
            waits = measure(watched, before, asked.seconds)
            p50, p95 = (quantiles(waits, n=20)[place] for place in (9, 18))
            kept = "kept" if p95 <= PROMISED_SECONDS else "BROKEN"
            figures = "".join(f"  {wait:>5.1f}s" for wait in (p50, p95, max(waits)))
            print(f"{before:>18,}{figures}  {kept}", flush=True)


def measure(watched: Watched, before: int, seconds: int) -> list[float]:
    """Send a batch a second; return how long each took to show, in seconds."""
    acknowledged: list[float] = []
    sender = threading.Thread(target=send, args=(watched, seconds, acknowledged))
    sender.start()
    waits: list[float] = []
    with watched.client() as client:
        while sender.is_alive() or len(waits) < len(acknowledged):
            visible = watched.seen(client) - before
            now = time.monotonic()
            while len(waits) < min(len(acknowledged), visible // ROWS_PER_SECOND):
                waits.append(now - acknowledged[len(waits)])
            time.sleep(LOOK_EVERY_SECONDS)
    sender.join()
    return waits


def send(watched: Watched, seconds: int, acknowledged: list[float]) -> None:
    """Post one batch at the start of every second; note when each was answered."""
    started = time.monotonic()
    with watched.client() as client:
        for number, body in enumerate(batches(seconds)):
            time.sleep(max(0.0, started + number - time.monotonic()))
            client.post(
                "/v1/requests/batch", json=body, headers=watched.daemon
            ).raise_for_status()
            acknowledged.append(time.monotonic())


def batches(how_many: int) -> Iterator[dict[str, object]]:
    """Make batches of that one day, over four models and twenty projects."""
    midnight = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    for number in range(how_many):
        records = [
            {
                "id": str(uuid4()),
                "provider": MODELS[row % 4][0],
                "model": MODELS[row % 4][1],
                "project": f"project-{row % 20}",
                "requested_at": (
                    midnight + timedelta(seconds=(number * 617 + row * 131) % 86_400)
                ).isoformat(),
                "recorded_at": datetime.now(UTC).isoformat(),
                "input_tokens": 1_000 + row,
                "output_tokens": row,
                "tokens_complete": True,
                "status": "success",
            }
            for row in range(ROWS_PER_SECOND)
        ]
        yield {"batch_id": str(uuid4()), "records": records}


def stand(watched: Watched, rows: int) -> int:
    """Fill the day up to `rows` at once, wait until they show; return how many do."""
    os.environ["HMC_DATA_DIR"] = str(watched.product.home)
    from warehouse.cluster import Role, connect
    from warehouse.embedded import leave

    with watched.client() as client:
        missing = rows - watched.seen(client)
        if missing > 0:
            with connect(Role.OWNER) as owner:
                owner.execute(
                    STANDING, {"slug": watched.slug, "rows": missing, "day": DAY}
                )
            leave(watched.product.home)
        while watched.seen(client) < rows:
            time.sleep(LOOK_EVERY_SECONDS)
        return watched.seen(client)


STANDING = """
with change as (
    insert into raw.changes (kind, cause, workspace_id, row_count)
    select 'arrival', 'landing', workspace_id, %(rows)s
    from app.workspaces where slug = %(slug)s
    returning change_id, workspace_id
)

insert into raw.requests (
    workspace_id, request_id, machine_id, change_id, received_at, requested_at,
    recorded_at, provider, model, project, input_tokens, output_tokens,
    thinking_tokens, cached_tokens, cache_write_tokens, tokens_complete, status
)
select
    change.workspace_id, gen_random_uuid(), machines.machine_id, change.change_id,
    now(), cast(%(day)s as timestamp) at time zone 'UTC'
    + (n * 7919 %% 86400) * interval '1 second', now(),
    case when n %% 3 = 0 then 'openai' else 'anthropic' end,
    case when n %% 3 = 0 then 'gpt-5' else 'claude-sonnet-4-5' end,
    'project-' || n %% 20, 1000 + n %% 997, n %% 499, 0, 0, 0, true, 'success'
from generate_series(1, cast(%(rows)s as bigint)) as n
cross join change
inner join app.machines on change.workspace_id = machines.workspace_id
"""


if __name__ == "__main__":
    main()
