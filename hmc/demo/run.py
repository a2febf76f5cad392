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
from http import HTTPStatus
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

from api.cloud.issuer import session_token, sign_in_code
from hmc.demo.cast import CAST
from hmc.demo.send import Stage, send_histories
from hmc.demo.shapes import DAYS_OF_HISTORY, Workspace, midnight
from hmc.running import refuse_taken_port
from ingest.rebuild.cycle import something_changed
from models.trouble import NotReachable
from warehouse.cluster import Role, connect
from warehouse.settings import settings
from warehouse.workspaces import approve_pairing, create_workspace, subject_of

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

        def approve(workspace: Workspace, code: str) -> None:
            approve_pairing(owner, code, workspace.slug)

        for workspace in CAST:
            _organise(_signed_in(url, owner, workspace), workspace, until)
        calls = sum(machine.calls for each in CAST for machine in each.machines)
        with _progress_bar(calls) as advance:
            send_histories(Stage(url, until, approve, advance))
        err.print("Pricing the last of them ...")
        _wait_until_published(owner)
        for workspace in CAST:
            _enter_bills(_signed_in(url, owner, workspace), workspace, until)


def _signed_in(url: str, owner: Any, workspace: Workspace) -> httpx.Client:
    token = session_token(subject_of(owner, workspace.owner))
    return httpx.Client(
        base_url=f"{url}/v1/workspaces/{workspace.slug}",
        headers={"authorization": f"Bearer {token}"},
        timeout=60,
        trust_env=False,
    )


def _organise(client: httpx.Client, workspace: Workspace, until: datetime) -> None:
    """Add departments, what fills them, and budgets, as an editor would."""
    ids: dict[str, str] = {}
    began = midnight(until, DAYS_OF_HISTORY).date().isoformat()
    for department in workspace.departments:
        parent = ids.get(department.parent) if department.parent else None
        made = client.post(
            "/departments",
            json={"name": department.name, "parent_id": parent, "opened_on": began},
        )
        if made.status_code == HTTPStatus.CONFLICT:
            return  # an earlier run has organised this workspace
        ids[department.name] = made.raise_for_status().json()["department_id"]
    for pool in workspace.pools:
        shares = [
            {"department_id": ids[name], "weight": weight}
            for name, weight in pool.weights.items()
        ]
        made = client.post(
            "/departments/pools",
            json={
                "name": pool.name,
                "split": pool.split,
                "shares": shares,
                "since": began,
            },
        )
        ids[pool.name] = made.raise_for_status().json()["department_id"]
    for tag in workspace.tags:
        client.post(
            "/departments/tags",
            json={
                "project": tag.project,
                "tag": tag.tag,
                "valid_from": midnight(until, DAYS_OF_HISTORY).isoformat(),
            },
        ).raise_for_status()
    for rule in workspace.allocations:
        since, to = rule.valid(until)
        client.post(
            "/departments/rules",
            json={
                "department_id": ids[rule.department],
                "priority": rule.priority,
                "match_on": rule.match_on,
                "match_value": rule.value,
                "valid_from": since.isoformat(),
                "valid_to": to.isoformat() if to else None,
            },
        ).raise_for_status()
    for budget in workspace.budgets:
        client.put("/budgets", json=budget.asked(ids, until)).raise_for_status()


def _enter_bills(client: httpx.Client, workspace: Workspace, until: datetime) -> None:
    """Enter what providers billed, as somebody in finance would."""
    if not workspace.bills:
        return
    first = min(bill.month(until) for bill in workspace.bills)
    answer = client.get("/reconciliation", params={"from": f"{first:%Y-%m}"})
    logged = {
        (item["provider"], item["period_month"]): item["logged_usd"]
        for item in answer.raise_for_status().json()["items"]
    }
    for bill in workspace.bills:
        month = bill.month(until)
        amount = logged.get((bill.provider, month.isoformat()))
        if amount is not None:
            client.put(
                f"/reconciliation/{bill.provider}/{month:%Y-%m}",
                json={
                    "amount_usd": bill.amount_usd(amount),
                    "invoice_id": bill.invoice_id,
                },
            ).raise_for_status()


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
    err.print("\n  Stop with Ctrl-C; `make demo` goes on from here.\n", highlight=False)
