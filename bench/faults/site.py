"""One product on a data folder of its own, whose processes can be killed."""

import random
import signal
import socket
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from bench.faults.serving import Forked, Serving, Started
from bench.product import Product

STARTING_SECONDS = 60


class Site:
    """The API process, its embedded Postgres, and how an operator reaches both."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.product = Product(f"http://127.0.0.1:{self.port}", home, 0)
        self.log = (home / "api.log").open("ab")
        self.api: Serving | None = None

    def start(self) -> None:
        """Start the API, without waiting for it."""
        if self.api is not None:
            self.api.start(self.port)

    def keep_started(self) -> None:
        """Start the API again if it has ended, as whatever supervises it would."""
        if self.api is not None and self.api.has_ended():
            self.start()

    def wait_until_ready(self) -> None:
        """Return when the API answers; SystemExit when it does not within a minute."""
        deadline = time.monotonic() + STARTING_SECONDS
        while time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.product.url}/healthz", trust_env=False).is_success:
                    return
            self.keep_started()
            time.sleep(0.02)
        raise SystemExit(
            f"nothing answered at {self.product.url}; see {self.home}/api.log"
        )

    def patient_superuser(self, seconds: float = 60) -> psycopg.Connection[Any]:
        """Connect as soon as Postgres lets us."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.product.superuser()
            except (psycopg.OperationalError, OSError, IndexError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def configure(self, **settings: str) -> None:
        """Set what Postgres takes without a restart, past the product's own file."""
        with self.product.superuser() as database:
            for name, value in settings.items():
                database.execute(f"alter system set {name} = '{value}'")  # pyright: ignore[reportArgumentType, reportCallIssue]
            database.execute("select pg_reload_conf()")

    def checkpoint(self) -> None:
        """Have all that stands so far on the disk, however little a twin promises."""
        with self.product.superuser() as database:
            database.execute("checkpoint")

    # ── processes ────────────────────────────────────────────────────────────

    def postmaster(self) -> psutil.Process:
        """Return the process that all of Postgres descends from."""
        pid_file = self.home / "postgres/postmaster.pid"
        return psutil.Process(int(pid_file.read_text().split()[0]))

    def postgres(self) -> list[psutil.Process]:
        """Return all of Postgres. Children make sessions of their own, so by parent."""
        with suppress(psutil.Error, OSError, ValueError, IndexError):
            postmaster = self.postmaster()
            return [postmaster, *postmaster.children(recursive=True)]
        return []

    def kill_api(self) -> None:
        """Kill the API as `kill -9` does, and start it again."""
        if self.api is not None:
            self.api.kill()
        self.start()

    def kill_backend(self) -> None:
        """Kill one process that serves an ingest connection."""
        serving = [
            process
            for process in self.postgres()[1:]
            if "hmc_ingest" in _title(process)
        ]
        if serving:
            _kill([random.choice(serving)])

    def kill_postmaster(self) -> None:
        """Kill the process that all others of Postgres look to."""
        _kill(self.postgres()[:1])

    def kill_everything(self) -> None:
        """Kill all of it at once, and start it again."""
        doomed = self.postgres()
        if self.api is not None:
            self.api.kill()
        _kill(doomed)
        self.start()

    def last_words(self) -> str:
        """Tell what there is to know of a site that no longer answers."""
        logs = (self.home / "api.log", self.home / "postgres/log")
        said = [f"{log}:\n{log.read_text('utf-8', 'replace')[-3_000:]}" for log in logs]
        pid_file = self.home / "postgres/postmaster.pid"
        said.append(pid_file.read_text("ascii") if pid_file.exists() else "no pid file")
        said += [
            str(process.info)
            for process in psutil.process_iter(["name", "cmdline", "status", "ppid"])
            if process.info["name"] in {"postgres", "pg_ctl"}
        ]
        said.append(f"the API has ended: {self.api is None or self.api.has_ended()}")
        return "\n".join(said)

    def stop(self) -> None:
        """End it for good."""
        if self.api is not None:
            self.api.close()
        _kill(self.postgres())
        self.log.close()


def _title(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(signal.SIGKILL)


@contextmanager
def site_in(home: Path, serving: Callable[[Site], Serving]) -> Generator[Site]:
    """Run a product in a folder; kill what is left of it in the end."""
    site = Site(home)
    try:
        site.product.hmc("migrate")
        site.api = serving(site)
        # What a crash leaves to be replayed stays small, as does the folder.
        site.start()
        site.wait_until_ready()
        site.configure(max_wal_size="512MB")
        yield site
    finally:
        site.stop()


def as_an_operator(site: Site) -> Serving:
    """Serve by the command."""
    return Started(site.home, site.log)


def forked(site: Site) -> Serving:
    """Serve by processes that start at once."""
    return Forked(site.home, site.log)
