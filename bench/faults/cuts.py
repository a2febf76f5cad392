"""Cut the power at a random moment: what had reached the disk is all there is.

The data folder lies on an ext4 image in memory, so that the image holds what was
flushed and the kernel's cache the rest. A cut: every process of Postgres is stopped
with SIGSTOP, the image is copied as it is, and everything goes on. The copy is mounted
(ext4 replays its own journal), a Postgres starts on it and recovers, and the oracle
asks it for every row that was acknowledged before the copy was made. Needs root.
"""

import random
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from bench.faults.disks import make_image, mounted, stopped
from bench.faults.oracle import Found, Oracle
from bench.faults.senders import Senders, sending
from bench.faults.site import Site, forked, site_in
from bench.faults.twins import Twin

IMAGE_BYTES = 3 * 1024**3  # sparse
MEMORY = Path("/dev/shm")  # noqa: S108  a disk whose every byte can be copied at once
SENDERS = 6
ROWS_PER_SECOND = 5_000
LAST_ACKNOWLEDGED = 20_000  # rows that are looked for after each cut; all in the end


class NoRecovery(Exception):
    """Postgres did not come up on what was left of its disk."""


@dataclass
class Seen:
    """What a run of power cuts has seen."""

    cuts: int = 0
    found: Found = field(default_factory=Found)
    unrecovered: int = 0
    acknowledged: int = 0
    looked_for: int = 0
    rows_between: list[int] = field(default_factory=list[int])
    refused: Counter[str] = field(default_factory=Counter[str])
    seconds: float = 0.0

    @property
    def is_kept(self) -> bool:
        """Say whether every promise was kept and every cut proved something."""
        return (
            not self.found
            and not self.unrecovered
            and not self.refused
            and min(self.rows_between) > 0
        )

    def __str__(self) -> str:
        return (
            f"{self.cuts} power cuts\n"
            f"  {self.found}; {self.unrecovered} without recovery;"
            f" refused {dict(self.refused)}\n"
            f"  {self.acknowledged:,} rows acknowledged,"
            f" {self.acknowledged / self.seconds:,.0f}/s over all;"
            f" {self.looked_for:,} looked for on the copies;"
            f" {min(self.rows_between):,} acknowledged between two cuts at least"
        )


def run_cuts(cycles: int, twin: Twin | None = None, *, until_found: bool) -> Seen:
    """Run power cuts on one site whose disk is an image."""
    seen = Seen()
    with (
        tempfile.TemporaryDirectory(prefix="hmc-cuts-", dir=MEMORY) as folder,
        tempfile.TemporaryDirectory(prefix="hmc-cuts-", dir="/tmp") as mounts,
    ):
        image, disk = Path(folder, "disk.img"), Path(mounts, "disk")
        Path(mounts).chmod(0o711)
        make_image(image, IMAGE_BYTES)
        with (
            mounted(image, disk),
            site_in(disk, twin.serving if twin else forked) as site,
        ):
            if twin:
                twin.prepare(site)
            _run_on(site, image, cycles, seen, until_found=until_found)
    return seen


def _run_on(
    site: Site, image: Path, cycles: int, seen: Seen, *, until_found: bool
) -> None:
    slug = site.product.workspace("Cuts")
    machines = site.product.machines(slug, SENDERS)
    oracle = Oracle(site.product.workspace_id(slug))
    started = time.monotonic()
    with sending(site.port, machines, oracle, ROWS_PER_SECOND) as senders:
        for _ in range(cycles):
            before = oracle.acknowledged
            time.sleep(random.uniform(0.2, 1.0))
            _one_cut(site, image, oracle, seen)
            _wait_until_more(oracle, before)
            seen.rows_between.append(oracle.acknowledged - before)
            if until_found and (seen.found or seen.unrecovered):
                break
        _finish(senders, seen)
    seen.seconds = time.monotonic() - started
    seen.acknowledged = oracle.acknowledged
    with site.patient_superuser() as database:
        seen.found.add(oracle.look_at_all(database))


def _one_cut(site: Site, image: Path, oracle: Oracle, seen: Seen) -> None:
    copy = image.with_name("copy.img")
    with stopped(site):
        promised = oracle.snapshot()[-LAST_ACKNOWLEDGED:]
        subprocess.run(["cp", "--sparse=always", str(image), str(copy)], check=True)
    seen.cuts += 1
    seen.looked_for += len(promised)
    try:
        with _recovered(copy, site.home.parent / "copy") as database:
            seen.found.add(oracle.look_for(database, promised))
    except NoRecovery as failure:
        print("  no recovery:", failure)
        seen.unrecovered += 1
    finally:
        copy.unlink()


def _wait_until_more(oracle: Oracle, before: int) -> None:
    deadline = time.monotonic() + 30
    while oracle.acknowledged == before and time.monotonic() < deadline:
        time.sleep(0.02)


def _finish(senders: Senders, seen: Seen) -> None:
    seen.refused.update(senders.refused())


@contextmanager
def _recovered(copy: Path, at: Path) -> Generator[psycopg.Connection]:
    """Start Postgres on a copied disk, as after the power has come back."""
    from warehouse.embedded import EmbeddedPostgresFailed, embedded_socket

    with mounted(copy, at):
        left = Site(at)
        try:
            socket = embedded_socket(at)
            with psycopg.connect(
                dbname="halton", user="postgres", host=socket, autocommit=True
            ) as database:
                yield database
        except (EmbeddedPostgresFailed, psycopg.Error) as failure:
            log = (at / "postgres/log").read_text("utf-8", "replace")
            raise NoRecovery(log[-2_000:]) from failure
        finally:
            _forget(at)
            left.stop()


def _forget(home: Path) -> None:
    """Let go of a folder without stopping its server cleanly: it is killed."""
    from warehouse import embedded

    in_use = embedded._in_use.pop(home / "postgres", None)  # noqa: SLF001
    if in_use is not None:
        in_use.close()
