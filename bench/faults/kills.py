"""Kill something at a random moment, see what was promised, and do it again.

python -m bench.faults kills [--cycles 1000] [--twin NAME]
"""

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.faults.oracle import Found, Oracle
from bench.faults.senders import Senders, sending
from bench.faults.site import Site, site_in
from bench.faults.twins import Twin

SENDERS = 6
ROWS_PER_SECOND = 8_000  # while everything is up, so that 2,000 remain on the whole
CYCLES_PER_SITE = 50
WAIT_SECONDS = 60
PROMISED_SECONDS = 5.0
PROMISED_ROWS = 2_000

FAULTS: dict[str, Callable[[Site], None]] = {
    "api": Site.kill_api,
    "backend": Site.kill_backend,
    "postmaster": Site.kill_postmaster,
    "everything": Site.kill_everything,
}


@dataclass
class Seen:
    """What a run of kill cycles has seen."""

    cycles: Counter[str] = field(default_factory=Counter[str])
    found: Found = field(default_factory=Found)
    first_seconds: list[float] = field(default_factory=list[float])
    rows_after: list[int] = field(default_factory=list[int])
    refused: Counter[str] = field(default_factory=Counter[str])
    acknowledged: int = 0
    posts: int = 0
    lost_answers: int = 0
    seconds: float = 0.0
    deadlocks: int = 0

    @property
    def is_kept(self) -> bool:
        """Say whether every promise was kept and every cycle proved something."""
        return not self.found and not self.refused and min(self.rows_after) > 0

    def __str__(self) -> str:
        times = sorted(self.first_seconds)
        late = sum(one > PROMISED_SECONDS for one in times)
        return (
            f"{sum(self.cycles.values())} kill cycles {dict(self.cycles)}\n"
            f"  {self.found}; refused {dict(self.refused)};"
            f" {self.deadlocks} deadlocks\n"
            f"  {self.acknowledged:,} rows acknowledged,"
            f" {self.acknowledged / self.seconds:,.0f}/s over all"
            f" (promised {PROMISED_ROWS:,}); {self.lost_answers:,} of {self.posts:,}"
            f" answers lost ({self.lost_answers / max(1, self.posts):.1%})\n"
            f"  first acknowledgement after {times[len(times) // 2]:.2f} s (median),"
            f" {times[int(len(times) * 0.95)]:.2f} (p95), {times[-1]:.2f} (most);"
            f" {late} later than {PROMISED_SECONDS} s\n"
            f"  rows acknowledged after a fault: {min(self.rows_after):,} at least,"
            f" {sorted(self.rows_after)[len(times) // 2]:,} (median)"
        )


def run_kills(cycles: int, twin: Twin | None = None, *, until_found: bool) -> Seen:
    """Run kill cycles on sites that are made anew now and then."""
    seen = Seen()
    while sum(seen.cycles.values()) < cycles:
        some = min(CYCLES_PER_SITE, cycles - sum(seen.cycles.values()))
        with tempfile.TemporaryDirectory(prefix="hmc-faults-", dir="/tmp") as folder:
            home = Path(folder)
            home.chmod(0o711)
            with site_in(home, *(twin.serve if twin else [])) as site:
                if twin:
                    twin.prepare(site)
                _run_on(site, some, seen, until_found=until_found)
        if until_found and seen.found:
            break
    return seen


def _run_on(site: Site, cycles: int, seen: Seen, *, until_found: bool) -> None:
    slug = site.product.workspace("Faults")
    machines = [
        site.product.machine(slug, f"machine-{number}") for number in range(SENDERS)
    ]
    oracle = Oracle()
    started = time.monotonic()
    with sending(site.port, machines, oracle, ROWS_PER_SECOND) as senders:
        _wait_for_acknowledgement(site, senders, started)
        for _ in range(cycles):
            name = random.choice(list(FAULTS))
            before = oracle.acknowledged
            _one_cycle(site, senders, seen, FAULTS[name])
            seen.cycles[name] += 1
            seen.rows_after.append(oracle.acknowledged - before)
            with site.patient_superuser() as database:
                seen.found.add(oracle.look_at_fresh(database))
            if until_found and seen.found:
                break
    seen.seconds += time.monotonic() - started
    with site.patient_superuser() as database:
        seen.found.add(oracle.look_at_all(database))
        seen.deadlocks += _deadlocks(site)
    seen.acknowledged += oracle.acknowledged
    seen.posts += senders.posts
    seen.lost_answers += senders.lost_answers
    seen.refused.update(senders.refused())


def _one_cycle(
    site: Site, senders: Senders, seen: Seen, fault: Callable[[Site], None]
) -> None:
    """Break one thing at a random moment and wait for the next promise."""
    time.sleep(random.uniform(0.2, 1.2))
    struck = time.monotonic()
    fault(site)
    # What was answered just before the blow is not yet a sign of life.
    _wait_for_acknowledgement(site, senders, time.monotonic() + 0.05)
    seen.first_seconds.append(senders.last_acknowledged_at - struck)
    time.sleep(random.uniform(0.2, 0.8))


def _wait_for_acknowledgement(site: Site, senders: Senders, since: float) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while senders.last_acknowledged_at < since:
        site.keep_started()
        if time.monotonic() > deadline:
            raise SystemExit(f"nothing was acknowledged any more; see {site.home}")
        time.sleep(0.02)


def _deadlocks(site: Site) -> int:
    """Count what Postgres calls deadlocks in its log; statistics die with a crash."""
    log = (site.home / "postgres/log").read_text("utf-8", "replace")
    return log.count("deadlock detected")
