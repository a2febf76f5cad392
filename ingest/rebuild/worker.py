"""The resident worker: runs cycles while something changes, and looks again soon."""

import logging
import os
import threading
import time
from contextlib import suppress

import psycopg

from ingest.rebuild import alerts
from ingest.rebuild.cycle import (
    needs_full_refresh,
    rebuild,
    rebuilding,
    something_changed,
)
from models.trouble import Trouble

log = logging.getLogger("hmc.worker")

LOOK_EVERY_SECONDS = 0.5
LONGEST_REST_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 30.0


def work(stopping: threading.Event, parent: int | None = None) -> None:
    """Rebuild until told to stop, or until the parent process is gone.

    A cycle that fails is tried again, ever more slowly; the ledger keeps its changes.
    """
    pause = LOOK_EVERY_SECONDS
    while not _is_over(stopping, parent):
        try:
            _work_while_connected(stopping, parent)
        except (Trouble, psycopg.Error) as trouble:
            log.warning("%s; again in %.0f s", " ".join(str(trouble).split()), pause)
            stopping.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        else:
            pause = LOOK_EVERY_SECONDS


def _work_while_connected(stopping: threading.Event, parent: int | None) -> None:
    looked_at_budgets = time.monotonic()
    with rebuilding() as owner:
        while not _is_over(stopping, parent):
            if something_changed(owner) or needs_full_refresh(owner):
                published = rebuild(owner)
                log.info(
                    "cycle %d published: %d requests, %d hours revised, %.2f s%s",
                    published.cycle_id,
                    published.request_count,
                    published.revised_hour_count,
                    published.seconds,
                    ", full refresh" if published.is_full_refresh else "",
                )
                # As long as it worked, so that steady traffic costs half a core.
                stopping.wait(min(published.seconds, LONGEST_REST_SECONDS))
            else:
                stopping.wait(LOOK_EVERY_SECONDS)
            if time.monotonic() - looked_at_budgets >= alerts.LOOK_EVERY_SECONDS:
                if raised := alerts.raise_alerts(owner):
                    log.info("%d budget alerts raised", raised)
                looked_at_budgets = time.monotonic()


def _is_over(stopping: threading.Event, parent: int | None) -> bool:
    with suppress(OSError):
        if parent is not None and os.getppid() != parent:
            return True
    return stopping.is_set()
