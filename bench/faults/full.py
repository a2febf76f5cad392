"""The disk fills up while daemons send, stays full, and has room again.

The data folder lies on an ext4 image. Something else takes what is left of it; until
that is gone every answer has to be 200, 429 or 503, and then rows have to land again
with nobody's help. Needs root.
"""

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.faults.disks import make_image, mounted
from bench.faults.oracle import Found, Oracle
from bench.faults.senders import sending
from bench.faults.site import Site, forked, site_in

IMAGE_BYTES = 640 * 1024**2
SENDERS = 4
ROWS_PER_SECOND = 4_000
LEFT_BYTES = 4 * 1024**2
PROMISED_SECONDS = 10.0


@dataclass
class Seen:
    """What came of a disk that was full now and then."""

    times_full: int = 0
    found: Found = field(default_factory=Found)
    refused: Counter[str] = field(default_factory=Counter[str])
    answers: Counter[str] = field(default_factory=Counter[str])
    back_seconds: list[float] = field(default_factory=list[float])
    acknowledged: int = 0

    @property
    def is_kept(self) -> bool:
        """Say whether nothing was lost, and daemons were told to come back."""
        return (
            not self.found
            and not self.refused
            and self.answers["503"] > 0
            and max(self.back_seconds) <= PROMISED_SECONDS
        )

    def __str__(self) -> str:
        return (
            f"the disk was full {self.times_full} times: {self.found};"
            f" answers {dict(self.answers)}; {self.acknowledged:,} rows acknowledged;"
            f" first acknowledgement {max(self.back_seconds):.1f} s after there was"
            f" room, at most (promised {PROMISED_SECONDS:.0f})"
        )


def run_full(times: int, full_seconds: float = 4.0) -> Seen:
    """Fill the disk some times, each time until daemons are refused for a while."""
    seen = Seen()
    with tempfile.TemporaryDirectory(prefix="hmc-full-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        image, disk = Path(folder, "disk.img"), Path(folder, "disk")
        make_image(image, IMAGE_BYTES)
        with mounted(image, disk), site_in(disk, forked) as site:
            site.configure(max_wal_size="64MB", min_wal_size="32MB")
            _fill_on(site, times, full_seconds, seen)
    return seen


def _fill_on(site: Site, times: int, full_seconds: float, seen: Seen) -> None:
    slug = site.product.workspace("Full")
    machines = site.product.machines(slug, SENDERS)
    oracle = Oracle(site.product.workspace_id(slug))
    with sending(site.port, machines, oracle, ROWS_PER_SECOND) as senders:
        for _ in range(times):
            time.sleep(1.0)
            filler = _fill(site.home)
            refusals = senders.answers["503"]
            _wait(site, lambda before=refusals: senders.answers["503"] > before)
            time.sleep(full_seconds)
            filler.unlink()
            room = time.monotonic()
            seen.times_full += 1
            _wait(site, lambda room=room: senders.last_acknowledged_at > room)
            seen.back_seconds.append(senders.last_acknowledged_at - room)
    seen.refused.update(senders.refused())
    seen.answers.update(senders.answers)
    seen.acknowledged = oracle.acknowledged
    with site.patient_superuser() as database:
        seen.found.add(oracle.look_at_all(database))


def _fill(home: Path) -> Path:
    """Take all room on the disk but a little."""
    room = os.statvfs(home)
    filler = home / "filler"
    # Others write meanwhile, and may have taken the last of it before this could.
    with filler.open("wb") as file, suppress(OSError):
        os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - LEFT_BYTES)
    return filler


def _wait(site: Site, until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not until():
        site.keep_started()
        if time.monotonic() > deadline:
            raise SystemExit(f"the site is stuck\n{site.last_words()}")
        time.sleep(0.02)
