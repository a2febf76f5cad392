"""`make demo`: start everything, let the cast sync its year, say how to sign in."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from api.cloud.issuer import sign_in_code
from hmc.demo.cast import CAST
from hmc.demo.decide import (
    Sessions,
    approve,
    close_months,
    enter_bills,
    gather,
    organise,
)
from hmc.demo.send import Stage, send_histories
from hmc.running import refuse_taken_port
from ingest.rebuild.cycle import something_changed
from models.trouble import NotReachable
from warehouse.cluster import Role, connect
from warehouse.settings import settings
from warehouse.workspaces import create_workspace

READY_SECONDS = 120
PUBLISHED_SECONDS = 300

err = Console(stderr=True)


def run_demo(port: int) -> None:
    """Run the product with the cast's workspaces until stopped.

    What an earlier run has synced stays; one that was stopped half-way goes on.
    """
    started = time.monotonic()
    url = f"http://127.0.0.1:{port}"
    refuse_taken_port("127.0.0.1", port)
    err.print("Starting Postgres, the API and the rebuild worker ...")
    with _running(port) as process:
        _wait_until_ready(url, process)
        progress = _Progress(settings().home / "demo.json")
        if not progress.is_done:
            _play(url, progress.until)
            progress.finish()
            err.print(f"Ready after {time.monotonic() - started:.0f} s.")
        _say_how_to_sign_in(url)
        process.wait()


class _Progress:
    """How far an earlier run came; the year that was begun is the one to finish."""

    def __init__(self, path: Path) -> None:
        self._path = path
        known: dict[str, Any] = {}
        if path.exists():
            known = json.loads(path.read_text("utf-8"))
        now = datetime.now(UTC).replace(microsecond=0)
        self.until = datetime.fromisoformat(known.get("until", now.isoformat()))
        self.is_done = bool(known.get("is_done", False))
        if not known:
            self._write()

    def finish(self) -> None:
        self.is_done = True
        self._write()

    def _write(self) -> None:
        written = {"until": self.until.isoformat(), "is_done": self.is_done}
        self._path.write_text(json.dumps(written), "utf-8")


@contextmanager
def _running(port: int) -> Generator[subprocess.Popen[bytes]]:
    """Run `hmc up` beside, and stop it when we are stopped."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hmc", "up", "--port", str(port), "--quiet"],
        env=os.environ | {"HMC_DATA_DIR": str(settings().home)},
        start_new_session=True,
    )

    def stop(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        yield process
    except KeyboardInterrupt:
        err.print("\nStopping ...")
    finally:
        process.terminate()
        process.wait()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise NotReachable("the server ended before it was ready; see above")
        try:
            if httpx.get(f"{url}/readyz", timeout=5, trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise NotReachable(f"{url} was not ready within {READY_SECONDS} s")


def _play(url: str, until: datetime) -> None:
    with connect(Role.OWNER) as owner:
        known = {
            slug
            for (slug,) in owner.execute("select slug from app.workspaces").fetchall()
        }
        for workspace in CAST:
            if workspace.slug not in known:
                create_workspace(
                    owner,
                    workspace.name,
                    workspace.tier,
                    workspace.owner,
                    workspace.slug,
                )

        sessions = Sessions(url, owner)
        for workspace in CAST:
            gather(sessions, workspace)
            organise(sessions, workspace, until)
        calls = sum(machine.calls for each in CAST for machine in each.machines)
        with _progress_bar(calls) as advance:
            send_histories(Stage(url, until, partial(approve, sessions), advance))
        err.print("Pricing the last of them ...")
        published = partial(_wait_until_published, owner)
        published()
        for workspace in CAST:
            enter_bills(sessions, workspace, until)
            close_months(sessions, workspace, until, published)
        published()


@contextmanager
def _progress_bar(calls: int) -> Generator[Any]:
    columns = (
        TextColumn("Syncing {task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    if not err.is_terminal:
        synced = 0

        def tell(count: int) -> None:
            nonlocal synced
            tenth = calls // 10
            if (synced + count) // tenth > synced // tenth:
                err.print(f"  {synced + count:,} of about {calls:,} calls synced")
            synced += count

        yield tell
        return
    with Progress(*columns, console=err) as bar:
        task = bar.add_task("a year of calls", total=calls)
        yield lambda count: bar.advance(task, count)  # pyright: ignore[reportUnknownLambdaType]


def _wait_until_published(owner: Any) -> None:
    deadline = time.monotonic() + PUBLISHED_SECONDS
    while something_changed(owner):
        if time.monotonic() > deadline:
            raise NotReachable("the rebuild did not finish; try `hmc doctor`")
        time.sleep(0.3)


def _say_how_to_sign_in(url: str) -> None:
    err.print(f"\n  Halton Meter Cloud  [bold]{url}[/bold]\n", highlight=False)
    err.print(
        f"  Sign in with the code [bold]{sign_in_code()}[/bold] and one of",
        highlight=False,
    )
    for workspace in CAST:
        err.print(
            f"    {workspace.owner:<20} {workspace.name}, {workspace.tier.display}",
            highlight=False,
        )
        for person in workspace.people:
            err.print(f"    {person.email:<20}   as {person.role}", highlight=False)
    err.print("\n  Stop with Ctrl-C; `make demo` goes on from here.\n", highlight=False)
