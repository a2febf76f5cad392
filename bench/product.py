"""The product on ground of its own: `hmc up` in a new folder, for one measurement."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
from psycopg.conninfo import make_conninfo

from models.keys import fresh_secret, hash_of

READY_SECONDS = 120
OWNER = "bench@example.com"


@dataclass(frozen=True)
class Product:
    """A running product, and how to be an operator of it."""

    url: str
    home: Path
    process_id: int

    @property
    def port(self) -> int:
        """Return the port that it listens on."""
        return int(self.url.rsplit(":", 1)[1])

    def hmc(self, *words: str) -> str:
        """Run a command on its data folder; return what it printed."""
        return subprocess.run(
            [sys.executable, "-m", "hmc", *words],
            env=os.environ | {"HMC_DATA_DIR": str(self.home)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

    def workspace(self, name: str, tier: str = "enterprise") -> str:
        """Create a workspace of the bench's one person; return its slug."""
        made = self.hmc(
            "workspace", "create", name, "--tier", tier, "--owner", OWNER, "--json"
        )
        return str(json.loads(made)["slug"])

    def person(self) -> dict[str, str]:
        """Return the headers of that person, signed in."""
        return {"authorization": f"Bearer {self.hmc('token', '--user', OWNER).strip()}"}

    def machine(self, slug: str, hostname: str = "bench") -> dict[str, str]:
        """Pair a machine over the wire; return the headers of its daemon."""
        asked = {"hostname": hostname, "daemon_version": "1.4.0", "platform": "Linux"}
        with self.superuser() as database:  # lift the limit of ten from an address
            database.execute("update app.pairings set started_at = '-infinity'")
        with httpx.Client(base_url=self.url, trust_env=False, timeout=60) as client:
            started = client.post("/v1/pairing/start", json=asked).json()
            code = started["pairing_code"]
            self.hmc("pairing", "approve", code, "--workspace", slug)
            key = {"pairing_code": code, "poll_token": started["poll_token"]}
            approved: dict[str, Any] = client.post("/v1/pairing/poll", json=key).json()
        return _headers(approved["api_key"])

    def machines(self, slug: str, count: int) -> list[dict[str, str]]:
        """Put machines there that were paired before; return their daemons' headers."""
        workspace_id = self.workspace_id(slug)
        keys = [fresh_secret("hm_sync_") for _ in range(count)]
        with self.superuser() as database:
            database.cursor().executemany(
                """
                with machine as (
                    insert into app.machines (
                        workspace_id, hostname, platform, daemon_version
                    )
                    values (%(workspace_id)s, 'bench', 'Linux', '1.4.0')
                    returning workspace_id, machine_id
                )

                insert into app.sync_keys (workspace_id, machine_id, key_hash)
                select workspace_id, machine_id, %(key_hash)s from machine
                """,
                [{"workspace_id": workspace_id, "key_hash": hash_of(k)} for k in keys],
            )
        return [_headers(key) for key in keys]

    def workspace_id(self, slug: str) -> UUID:
        """Return the id of a workspace."""
        with self.superuser() as database:
            found = database.execute(
                "select workspace_id from app.workspaces where slug = %s", [slug]
            ).fetchone()
        assert found is not None  # noqa: S101  a bench asks for what it made
        return found[0]

    def superuser(self) -> psycopg.Connection[Any]:
        """Connect past row security, as no part of the product does."""
        return superuser(self.home)

    def peak_mb(self) -> float:
        """Return the most memory that the API process has had."""
        return peak_mb(self.process_id)


def superuser(home: Path) -> psycopg.Connection[Any]:
    """Connect to the Postgres of a data folder, past row security."""
    socket_folder = (home / "postgres/postmaster.pid").read_text().splitlines()
    return psycopg.connect(
        make_conninfo(dbname="halton", user="postgres", host=socket_folder[4]),
        autocommit=True,
    )


def peak_mb(process_id: int) -> float:
    """Return the most memory that a process has had."""
    status = Path(f"/proc/{process_id}/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _headers(key: str) -> dict[str, str]:
    return {
        "authorization": f"Bearer {key}",
        "user-agent": "halton-meter-daemon/1.4.0",
        "content-type": "application/json",
    }


@contextmanager
def running_api() -> Generator[Product]:
    """Start the API alone, on a migrated database: nothing beside it takes turns."""
    with tempfile.TemporaryDirectory(prefix="hmc-bench-") as home:
        environment = os.environ | {"HMC_DATA_DIR": home}
        hmc = [sys.executable, "-m", "hmc"]
        subprocess.run([*hmc, "migrate"], env=environment, check=True)
        with _running([*hmc, "api"], home, "healthz") as product:
            yield product


@contextmanager
def running_product() -> Generator[Product]:
    """Start everything in a temporary folder; stop it and remove the folder."""
    with tempfile.TemporaryDirectory(prefix="hmc-bench-") as home:
        hmc = [sys.executable, "-m", "hmc"]
        with _running([*hmc, "up", "--quiet"], home, "readyz") as product:
            yield product


@contextmanager
def _running(words: list[str], home: str, sign: str) -> Generator[Product]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [*words, "--port", str(port)], env=os.environ | {"HMC_DATA_DIR": home}
    )
    product = Product(f"http://127.0.0.1:{port}", Path(home), process.pid)
    try:
        _wait_until(f"{product.url}/{sign}", process)
        yield product
    finally:
        process.terminate()
        process.wait(60)


def _wait_until(sign: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(sign, timeout=5, trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"nothing answered at {sign}")
