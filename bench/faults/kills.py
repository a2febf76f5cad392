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
from statistics import median

from bench.faults.oracle import Found, Oracle
from bench.faults.senders import Senders, sending
from bench.faults.serving import Serving
from bench.faults.site import Site, as_an_operator, site_in
from bench.faults.twins import Twin

SENDERS = 6
ROWS_PER_SECOND = 7_000  # while everything is up, so that 2,000 remain on the whole
CYCLES_PER_SITE = 50
CALM_SECONDS = (0.05, 0.35)  # before the next blow, when everything is well
WAIT_SECONDS = 60
PROMISED_SECONDS = 5.0
PROMISED_ROWS = 2_000
PROMISED_LOSSES = 0.01

FAULTS: dict[str, Callable[[Site], None]] = {
    "api": Site.kill_api,
    "backend": Site.kill_backend,
    "postmaster": Site.kill_postmaster,
    "everything": Site.kill_everything,
}
# After these the sign of life has to come from another Postgres: one that lost its
# postmaster still finishes what it was at.
ENDS_POSTGRES = {"postmaster", "everything"}


@dataclass
class Seen:
    """What a run of kill cycles has seen."""

    cycles: Counter[str] = field(default_factory=Counter[str])
    found: Found = field(default_factory=Found)
    first_seconds: dict[str, list[float]] = field(
        default_factory=lambda: {name: [] for name in FAULTS}
    )
    rows_after: list[int] = field(default_factory=list[int])
    refused: Counter[str] = field(default_factory=Counter[str])
    acknowledged: int = 0
    posts: int = 0
    lost_answers: int = 0
    seconds: float = 0.0
    deadlocks: int = 0

    @property
    def rows_per_second(self) -> float:
        """Return the rows acknowledged, over all the time that the faults took."""
        return self.acknowledged / self.seconds

    @property
    def late(self) -> int:
        """Count the faults after which the first acknowledgement took too long."""
        every = (one for times in self.first_seconds.values() for one in times)
        return sum(one > PROMISED_SECONDS for one in every)

    @property
    def is_kept(self) -> bool:
        """Say whether every promise was kept and every cycle proved something."""
        return (
            not self.found
            and not self.refused
            and not self.deadlocks
            and min(self.rows_after) > 0
            and self.lost_answers >= PROMISED_LOSSES * self.posts
        )

    def __str__(self) -> str:
        said = (
            f"{sum(self.cycles.values())} kill cycles {dict(self.cycles)}"
            f" in {self.seconds:,.0f} s\n"
            f"  {self.found}; refused {dict(self.refused)};"
            f" {self.deadlocks} deadlocks\n"
            f"  {self.acknowledged:,} rows acknowledged,"
            f" {self.rows_per_second:,.0f}/s over all (promised {PROMISED_ROWS:,});"
            f" {self.lost_answers:,} of {self.posts:,} answers lost"
            f" ({self.lost_answers / self.posts:.1%})\n"
            f"  rows acknowledged after a fault: {min(self.rows_after):,} at least,"
            f" {median(self.rows_after):,.0f} (median)\n"
            f"  first acknowledgement later than {PROMISED_SECONDS} s: {self.late}"
        )
        for name, times in self.first_seconds.items():
            if times:
                said += (
                    f"\n    {name}: {median(times):.2f} s (median),"
                    f" {max(times):.2f} (most)"
                )
        return said


def run_kills(
    cycles: int,
    twin: Twin | None = None,
    *,
    serving: Callable[[Site], Serving] = as_an_operator,
    until_found: bool,
    tell: Callable[[str], None] = lambda _: None,
) -> Seen:
    """Run kill cycles on sites that are made anew now and then; tell after each."""
    seen = Seen()
    while sum(seen.cycles.values()) < cycles:
        some = min(CYCLES_PER_SITE, cycles - sum(seen.cycles.values()))
        with tempfile.TemporaryDirectory(prefix="hmc-faults-", dir="/tmp") as folder:
            home = Path(folder)
            home.chmod(0o711)
            with site_in(home, twin.serving if twin else serving) as site:
                if twin:
                    twin.prepare(site)
                _run_on(site, some, seen, until_found=until_found)
        tell(str(seen))
        if until_found and seen.found:
            break
    return seen


def _run_on(site: Site, cycles: int, seen: Seen, *, until_found: bool) -> None:
    slug = site.product.workspace("Faults")
    machines = site.product.machines(slug, SENDERS)
    # A twin may lose what it answers; without the pairing nothing more would be sent.
    site.checkpoint()
    oracle = Oracle(site.product.workspace_id(slug))
    started = time.monotonic()
    with sending(site.port, machines, oracle, ROWS_PER_SECOND) as senders:
        _wait_for_acknowledgement(site, senders, started)
        for _ in range(cycles):
            name = random.choice(list(FAULTS))
            before = oracle.acknowledged
            _one_cycle(site, senders, seen, name)
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


def _one_cycle(site: Site, senders: Senders, seen: Seen, name: str) -> None:
    """Break one thing at a random moment and wait for the next promise."""
    time.sleep(random.uniform(*CALM_SECONDS))
    fallen = site.postmaster().pid
    struck = time.monotonic()
    FAULTS[name](site)
    if name in ENDS_POSTGRES:
        _wait_for_another_postgres(site, fallen)
    # What was answered just before the blow is not yet a sign of life.
    _wait_for_acknowledgement(site, senders, time.monotonic() + 0.05)
    seen.first_seconds[name].append(senders.last_acknowledged_at - struck)


def _wait_for_another_postgres(site: Site, fallen: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not any(one.pid != fallen for one in site.postgres()[:1]):
        site.keep_started()
        if time.monotonic() > deadline:
            raise SystemExit(f"no Postgres came back\n{site.last_words()}")
        time.sleep(0.01)


def _wait_for_acknowledgement(site: Site, senders: Senders, since: float) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while senders.last_acknowledged_at < since:
        site.keep_started()
        if time.monotonic() > deadline:
            raise SystemExit(
                f"nothing was acknowledged any more: {dict(senders.answers)}\n"
                f"{site.last_words()}"
            )
        time.sleep(0.02)


def _deadlocks(site: Site) -> int:
    """Count what Postgres calls deadlocks in its log; statistics die with a crash."""
    log = (site.home / "postgres/log").read_text("utf-8", "replace")
    return log.count("deadlock detected")
