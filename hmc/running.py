"""Processes: the server in this one, the worker beside it, both stopped cleanly."""

import gc
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from types import FrameType

from models.trouble import NotReachable

STOP_SECONDS = 15

log = logging.getLogger("hmc.up")


def prepare(host: str, port: int) -> None:
    """Bring database, schema and rates to where serving can start."""
    refuse_taken_port(host, port)
    os.environ.setdefault("HMC_PUBLIC_URL", f"http://{_shown(host)}:{port}")

    from warehouse.migrate import migrate

    migrate()
    load_rates_if_none()


def load_rates_if_none() -> None:
    """Load the catalogue where no rate is known yet."""
    from ingest.rates.catalogue import SOURCE, catalogue_rates, catalogue_version
    from ingest.rates.publish import publish_catalogue
    from warehouse.cluster import Role, connect

    with connect(Role.OWNER) as owner:
        known = owner.execute("select exists (select 1 from raw.pricing_rates)")
        if known.fetchone() == (False,):
            publish_catalogue(owner, catalogue_rates(), SOURCE, catalogue_version())


def refuse_taken_port(host: str, port: int) -> None:
    """Raise NotReachable when nothing can listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as failure:
            raise NotReachable(
                f"cannot listen on {host}:{port}: {failure.strerror};"
                " choose another with --port"
            ) from None


def run_everything(host: str, port: int, *, quiet: bool = False) -> None:
    """Serve, with a worker beside, until SIGINT or SIGTERM."""
    from api.cloud.issuer import sign_in_code

    beside = threading.Thread(target=_keep_a_worker, daemon=True)
    beside.start()
    if not quiet:
        sys.stderr.write(
            f"\n  Halton Meter Cloud  http://{_shown(host)}:{port}\n"
            f"  Sign in with a member's e-mail and the code {sign_in_code()}\n\n"
        )
        sys.stderr.flush()
    run_api(host, port)
    _stop_worker.set()
    beside.join(STOP_SECONDS)


def run_api(host: str, port: int) -> None:
    """Serve in this process until SIGINT or SIGTERM; finish what is in flight."""
    from uvicorn import Config

    from hmc.logs import start_logging
    from hmc.server import create_app
    from hmc.stopping import LeavingServer
    from warehouse.cluster import keep_embedded_running

    start_logging(logging.WARNING)
    keep_embedded_running()
    # uvicorn stops on these and raises them again for whoever was there before.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, _ignore)
    app = create_app()
    # A batch makes thousands of objects and drops them again; what was made until now
    # stays for good, and is not worth looking through each time.
    gc.collect()
    gc.freeze()
    config = Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    LeavingServer(app, config).run()


def run_worker(parent: int | None) -> None:
    """Rebuild until SIGINT or SIGTERM, or until the parent is gone."""
    from hmc.logs import start_logging
    from hmc.looking import keep_looking
    from ingest.rebuild.worker import work
    from warehouse.migrate import require_current
    from warehouse.settings import settings

    start_logging(logging.WARNING if parent else logging.INFO)
    stopping = threading.Event()

    def stop_after_this_cycle(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, stop_after_this_cycle)
    require_current()
    looking = threading.Thread(
        target=keep_looking, args=(stopping, settings().quality_minutes)
    )
    looking.start()
    work(stopping, parent)
    stopping.set()  # where the parent is gone, nobody has
    looking.join()


_stop_worker = threading.Event()


def _keep_a_worker() -> None:
    """Run a worker process; start another if it dies while we are not stopping."""
    pause = 1.0
    while not _stop_worker.is_set():
        process = subprocess.Popen(
            [sys.executable, "-m", "hmc", "worker", "--parent", str(os.getpid())]
        )
        while process.poll() is None and not _stop_worker.wait(0.2):
            pass
        if _stop_worker.is_set():
            process.terminate()
            try:
                process.wait(STOP_SECONDS - 2)
            except subprocess.TimeoutExpired:
                process.kill()
            return
        log.error("the worker ended with %s; starting another", process.returncode)
        _stop_worker.wait(pause)
        pause = min(pause * 2, 30.0)


def _ignore(_signal: int, _frame: FrameType | None) -> None:
    pass


def _shown(host: str) -> str:
    return "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  compared
