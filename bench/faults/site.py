"""One product on a data folder of its own, whose processes can be killed."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from bench.product import Product

API = ("-m", "hmc", "api")
STARTING_SECONDS = 60


class Site:
    """The API process, its embedded Postgres, and how an operator reaches both."""

    def __init__(self, home: Path, serve: Sequence[str] = API) -> None:
        self.home = home
        self._serve = serve
        self._environment = os.environ | {"HMC_DATA_DIR": str(home)}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._api: subprocess.Popen[bytes] | None = None
        self.product = Product(f"http://127.0.0.1:{self.port}", home, 0)
        self._log = (home / "api.log").open("ab")

    def start(self) -> None:
        """Start the API, without waiting for it."""
        self._api = subprocess.Popen(
            [sys.executable, *self._serve, "--port", str(self.port)],
            env=self._environment,
            stdout=self._log,
            stderr=self._log,
        )

    def keep_started(self) -> None:
        """Start the API again if it has ended, as whatever supervises it would."""
        if self._api is None or self._api.poll() is not None:
            self.start()

    def wait_until_ready(self) -> None:
        """Return when the API answers; SystemExit when it does not within a minute."""
        deadline = time.monotonic() + STARTING_SECONDS
        while time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.product.url}/healthz", trust_env=False).is_success:
                    return
            self.keep_started()
            time.sleep(0.1)
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
        if self._api is not None:
            self._api.kill()
            self._api.wait()
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
        if self._api is not None:
            self._api.kill()
        _kill(doomed)
        if self._api is not None:
            self._api.wait()
        self.start()

    def stop(self) -> None:
        """End it for good."""
        if self._api is not None:
            self._api.kill()
            self._api.wait()
        _kill(self.postgres())
        self._log.close()


def _title(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(signal.SIGKILL)


@contextmanager
def site_in(home: Path, serve: Sequence[str] = API) -> Generator[Site]:
    """Run a product in a folder; kill what is left of it in the end."""
    site = Site(home, serve)
    try:
        site.product.hmc("migrate")
        # What a crash leaves to be replayed stays small, as does the folder.
        site.start()
        site.wait_until_ready()
        site.configure(max_wal_size="512MB")
        yield site
    finally:
        site.stop()
