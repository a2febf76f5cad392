"""Has the data looked at every so often, in a process of its own beside the worker.

What it needs takes seconds to import and much memory; a cycle has neither to spare.
"""

import importlib.util
import logging
import os
import subprocess
import sys
import threading
from contextlib import suppress

import psycopg

from models.trouble import Trouble
from warehouse.cluster import Role, connect

FIRST_AFTER_SECONDS = 60  # a start has other things to do
ASK_EVERY_SECONDS = 60
NICE = 10

log = logging.getLogger("hmc.quality")


def keep_looking(
    stopping: threading.Event, minutes: float, first_after: float = FIRST_AFTER_SECONDS
) -> None:
    """Look whenever the last look is that many minutes old, until told to stop."""
    if not minutes or importlib.util.find_spec("great_expectations") is None:
        return
    pause = first_after
    while not stopping.wait(pause):
        pause = ASK_EVERY_SECONDS
        with suppress(Trouble, psycopg.Error):  # asked again in a minute
            if is_due(minutes):
                _look(stopping)


def is_due(minutes: float) -> bool:
    """Say whether nobody has begun a look for that long."""
    with connect(Role.OWNER) as owner:
        found = owner.execute(
            """
            select coalesce(max(started_at) < now() - make_interval(secs => %s), true)
            from raw.quality_runs
            """,
            [minutes * 60],
        ).fetchone()
    return found == (True,)


def _look(stopping: threading.Event) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "hmc", "quality"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
    while process.poll() is None:
        if stopping.wait(0.5):
            process.terminate()
    _, said = process.communicate()
    if process.returncode and not stopping.is_set():
        log.warning("no look at the data: %s", said.strip().splitlines()[-1:])
