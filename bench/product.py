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

import httpx

READY_SECONDS = 120
OWNER = "bench@example.com"


@dataclass(frozen=True)
class Product:
    """A running product, and how to be an operator of it."""

    url: str
    home: Path

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

    def machine(self, slug: str) -> dict[str, str]:
        """Pair a machine over the wire; return the headers of its daemon."""
        asked = {"hostname": "bench", "daemon_version": "1.4.0", "platform": "Linux"}
        with httpx.Client(base_url=self.url, trust_env=False, timeout=60) as client:
            started = client.post("/v1/pairing/start", json=asked).json()
            code = started["pairing_code"]
            self.hmc("pairing", "approve", code, "--workspace", slug)
            key = {"pairing_code": code, "poll_token": started["poll_token"]}
            approved: dict[str, Any] = client.post("/v1/pairing/poll", json=key).json()
        return {
            "authorization": f"Bearer {approved['api_key']}",
            "user-agent": "halton-meter-daemon/1.4.0",
        }


@contextmanager
def running_product() -> Generator[Product]:
    """Start everything in a temporary folder; stop it and remove the folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="hmc-bench-") as home:
        product = Product(f"http://127.0.0.1:{port}", Path(home))
        process = subprocess.Popen(
            [sys.executable, "-m", "hmc", "up", "--port", str(port), "--quiet"],
            env=os.environ | {"HMC_DATA_DIR": home},
        )
        try:
            _wait_until_ready(product.url, process)
            yield product
        finally:
            process.terminate()
            process.wait(60)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", timeout=5, trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"the product at {url} did not get ready")
