"""A disk that stalls: all of Postgres stands still, goes on, and stands still again.

What waits for a slow disk is stopped where it stands, for fractions of a second or
longer than a post waits for its turn. Nothing is lost, no answer is but 200, 429 or
503, and rows land in between.
"""

import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bench.faults.disks import stopped
from bench.faults.oracle import Found, Oracle
from bench.faults.senders import sending
from bench.faults.site import forked, site_in

SENDERS = 6
ROWS_PER_SECOND = 4_000
STALL_SECONDS = (0.2, 3.0)
LONG_STALL_SECONDS = 24.0  # a post waits twenty seconds for its turn


@dataclass
class Seen:
    """What came of a disk that stalled."""

    stalls: int = 0
    found: Found = field(default_factory=Found)
    refused: Counter[str] = field(default_factory=Counter[str])
    answers: Counter[str] = field(default_factory=Counter[str])
    rows_between: list[int] = field(default_factory=list[int])

    @property
    def is_kept(self) -> bool:
        """Say whether nothing was lost, and rows landed after every stall."""
        return not self.found and not self.refused and min(self.rows_between) > 0

    def __str__(self) -> str:
        return (
            f"{self.stalls} stalls: {self.found}; answers {dict(self.answers)};"
            f" {min(self.rows_between):,} rows acknowledged after a stall at least"
        )


def run_stalls(times: int, *, one_is_long: bool) -> Seen:
    """Let the disk stall some times; the last one for longer than anybody waits."""
    seen = Seen()
    lengths = [random.uniform(*STALL_SECONDS) for _ in range(times)]
    if one_is_long:
        lengths[-1] = LONG_STALL_SECONDS
    with tempfile.TemporaryDirectory(prefix="hmc-stalls-", dir="/tmp") as folder:
        home = Path(folder)
        home.chmod(0o711)
        with site_in(home, forked) as site:
            slug = site.product.workspace("Stalls")
            machines = site.product.machines(slug, SENDERS)
            oracle = Oracle(site.product.workspace_id(slug))
            with sending(site.port, machines, oracle, ROWS_PER_SECOND) as senders:
                time.sleep(1.0)
                for length in lengths:
                    with stopped(site):
                        time.sleep(length)
                    seen.stalls += 1
                    before = oracle.acknowledged
                    time.sleep(2.0)
                    seen.rows_between.append(oracle.acknowledged - before)
            seen.refused.update(senders.refused())
            seen.answers.update(senders.answers)
            with site.patient_superuser() as database:
                seen.found.add(oracle.look_at_all(database))
    return seen
