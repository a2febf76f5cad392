"""Disks that are images of our own, and a Postgres that is stopped where it stands."""

import shutil
import signal
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from bench.faults.site import Site


def make_image(image: Path, size: int) -> None:
    """Make an empty ext4 disk of some bytes, none of which are there yet."""
    with image.open("wb") as new:
        new.truncate(size)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)


@contextmanager
def mounted(image: Path, at: Path) -> Generator[None]:
    """Mount a disk in a folder that is there for as long. Needs root."""
    at.mkdir()
    # The journal is committed when somebody asks for it, not because time has passed:
    # nothing reaches the disk that a flush did not send there.
    options = "loop,commit=600"
    subprocess.run(["mount", "-o", options, str(image), str(at)], check=True)
    at.chmod(0o711)
    try:
        yield
    finally:
        for _ in range(50):
            if subprocess.run(["umount", "-q", str(at)], check=False).returncode == 0:
                break
            time.sleep(0.1)
        shutil.rmtree(at, ignore_errors=True)


@contextmanager
def stopped(site: Site) -> Generator[None]:
    """Stop all of Postgres where it stands, and let it go on."""
    site.postmaster().send_signal(signal.SIGSTOP)  # first, so that no child comes
    processes = site.postgres()
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            with suppress(psutil.Error):
                process.send_signal(signal.SIGCONT)
