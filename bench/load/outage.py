"""Postgres is away for a minute, and two thousand daemons wait for it.

They behave as spec/wire.md has it: what was not acknowledged stays in a spool; 5xx, 429
and broken connections are tried again, after what Retry-After says or pauses that
double from a second, with jitter; 401 and 403 would stop a daemon for good, and another
4xx would have it throw rows away.
"""

import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from bench.faults.serving import Started
from bench.faults.site import Site
from bench.load.wire import NO_ANSWER, Batches, post, unfit
from bench.product import peak_mb
from warehouse.embedded import embedded_socket, leave

DAEMONS = 2_000
ROWS = 50  # a batch: a call every half second or so, sent every half minute
MOST_ROWS = 500  # of a batch
TICK_SECONDS = 30.0
AWAY_SECONDS = 60.0
PROMISED_SECONDS = 120.0
ATTEMPTS = 9
LONGEST_SECONDS = 300.0


@dataclass
class Daemon:
    """One machine: what it has captured, and how much of that was acknowledged."""

    number: int
    headers: dict[str, str]
    captured: int = 0  # ticks' worth of rows
    acknowledged: int = 0
    was_empty_at: float = 0.0
    emptied: asyncio.Event = field(default_factory=asyncio.Event)

    async def empty_since(self, moment: float) -> None:
        """Return when the spool has been empty at some time after a moment."""
        while self.was_empty_at < moment:
            self.emptied.clear()
            await self.emptied.wait()

    def next_ids(self) -> list[UUID]:
        """Return the ids of the batch that is next: what is in the spool, up to 500."""
        waiting = (self.captured - self.acknowledged) * ROWS
        first = self.acknowledged * ROWS
        return [
            UUID(int=(self.number << 64) | 0x4000_8000 << 32 | first + one)
            for one in range(min(waiting, MOST_ROWS))
        ]


@dataclass
class Seen:
    """What two thousand daemons saw."""

    answers: Counter[int] = field(default_factory=Counter[int])
    captured: int = 0
    acknowledged: int = 0
    landed: int = 0
    empty_after: float = 0.0  # seconds, of the last, since Postgres was back
    peak_mb: float = 0.0

    @property
    def unfit(self) -> dict[int, int]:
        """Count the answers that stop a daemon or make it throw rows away."""
        return unfit(self.answers, NO_ANSWER)

    @property
    def is_kept(self) -> bool:
        """Say whether nothing was lost and all spools were empty in time."""
        return (
            not self.unfit
            and self.captured == self.acknowledged == self.landed
            and self.empty_after <= PROMISED_SECONDS
        )

    def __str__(self) -> str:
        named = {status or "none": count for status, count in self.answers.items()}
        return (
            f"{self.captured:,} rows captured, {self.acknowledged:,} acknowledged,"
            f" {self.landed:,} landed; answers {named}; every spool empty"
            f" {self.empty_after:.0f} s after Postgres was back"
            f" (promised {PROMISED_SECONDS:.0f}); API at {self.peak_mb:,.0f} MB at most"
        )


class Fleet:
    """Daemons that capture until they are told to stop, and send until all is sent."""

    def __init__(
        self, port: int, daemons: list[Daemon], tick_seconds: float = TICK_SECONDS
    ) -> None:
        self._tick_seconds = tick_seconds
        self.daemons = daemons
        self.answers: Counter[int] = Counter()
        self.is_capturing = True
        self._port = port
        self._batches = {
            rows: Batches(rows) for rows in range(ROWS, MOST_ROWS + 1, ROWS)
        }

    async def run(self, daemon: Daemon) -> None:
        """Tick: capture, and send all that there is."""
        await asyncio.sleep(random.uniform(0, self._tick_seconds))
        while self.is_capturing or daemon.acknowledged < daemon.captured:
            ticked = time.monotonic()
            if self.is_capturing:
                daemon.captured += 1
            while daemon.acknowledged < daemon.captured:
                if not await self._send(daemon):
                    break
            left = self._tick_seconds - (time.monotonic() - ticked)
            if self.is_capturing:
                await asyncio.sleep(max(0.0, left))

    async def _send(self, daemon: Daemon) -> bool:
        """Send one batch, up to nine times; say whether it was acknowledged."""
        ids = daemon.next_ids()
        body = self._batches[len(ids)].of(ids)
        for attempt in range(ATTEMPTS):
            answer = await post(self._port, daemon.headers, body)
            self.answers[answer.status] += 1
            if answer.status == 200:
                daemon.acknowledged += len(ids) // ROWS
                if daemon.acknowledged == daemon.captured:
                    daemon.was_empty_at = time.monotonic()
                    daemon.emptied.set()
                return True
            pause = min(2.0**attempt, LONGEST_SECONDS) * random.uniform(0.5, 1.0)
            if answer.retry_after is not None:
                pause = min(answer.retry_after, LONGEST_SECONDS) + random.random()
            started = time.monotonic()
            await asyncio.sleep(pause)
            if self.is_capturing:  # what comes meanwhile waits in the spool
                ticks = (time.monotonic() - started) / self._tick_seconds
                daemon.captured += int(ticks + random.random())
        return False


def run_outage(
    count: int = DAEMONS,
    away_seconds: float = AWAY_SECONDS,
    before_seconds: float = 40.0,
    tick_seconds: float = TICK_SECONDS,
) -> Seen:
    """Let daemons send, take Postgres away, bring it back, and wait for the spools."""
    seen = Seen()
    with _site() as site:
        headers = site.product.machines(site.product.workspace("Outage"), count)
        daemons = [Daemon(number, one) for number, one in enumerate(headers, 1)]
        fleet = Fleet(site.port, daemons, tick_seconds)
        asyncio.run(_out(site, fleet, seen, before_seconds, away_seconds))
        with site.patient_superuser() as database:
            row = database.execute("select count(*) from raw.requests").fetchone()
            seen.landed = row[0] if row else 0
        assert site.api is not None  # noqa: S101  it has just served
        seen.peak_mb = peak_mb(site.api.process_id)
    seen.answers = fleet.answers
    seen.captured = ROWS * sum(daemon.captured for daemon in fleet.daemons)
    seen.acknowledged = ROWS * sum(daemon.acknowledged for daemon in fleet.daemons)
    return seen


async def _out(
    site: Site, fleet: Fleet, seen: Seen, before_seconds: float, away_seconds: float
) -> None:
    running = [asyncio.create_task(fleet.run(daemon)) for daemon in fleet.daemons]
    await asyncio.sleep(before_seconds)
    site.kill_postmaster()
    await asyncio.sleep(away_seconds)
    await asyncio.to_thread(embedded_socket, site.home)
    back = time.monotonic()
    deadline = back + 2 * PROMISED_SECONDS
    # One after the other: whoever's spool was empty since then is not asked again.
    for daemon in fleet.daemons:
        with suppress(TimeoutError):
            left = max(deadline - time.monotonic(), 0.1)
            await asyncio.wait_for(daemon.empty_since(back), left)
    seen.empty_after = time.monotonic() - back
    fleet.is_capturing = False
    await asyncio.gather(*running)


@contextmanager
def _site() -> Generator[Site]:
    """Serve on a Postgres that is ours to take away: nobody else starts it again."""
    with tempfile.TemporaryDirectory(prefix="hmc-outage-", dir="/tmp") as folder:
        home = Path(folder)
        home.chmod(0o711)
        socket = embedded_socket(home)
        site = Site(home)
        try:
            site.product.hmc("migrate")
            address = f"postgresql://hmc_owner@/halton?host={socket}"
            site.api = Started(home, site.log, DATABASE_URL=address)
            site.start()
            site.wait_until_ready()
            yield site
        finally:
            site.stop()
            leave(home)
