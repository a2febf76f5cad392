"""Plays daemons over HTTP: pair, wait for a person, send a year, 500 calls a post."""

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from random import Random
from threading import Event, Lock
from typing import Any
from uuid import uuid4

import httpx

from hmc.demo.calls import calls_of
from hmc.demo.cast import CAST
from hmc.demo.records import WireRecord
from hmc.demo.shapes import Machine, Workspace
from models.trouble import NotReachable, Trouble

IN_FLIGHT = 4
MOST_ATTEMPTS = 9
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 300.0
TIMEOUT = httpx.Timeout(60, connect=30)
POLLS = 300
POLL_PAUSE_SECONDS = 2.0


class NotPaired(Trouble):
    """The pairing ended without a key."""


class Refused(Trouble):
    """The cloud refused what a daemon sent, for good."""


class Stopped(Trouble):
    """Another machine failed, or somebody stopped the demo."""


@dataclass(frozen=True)
class Stage:
    """Where the cast plays: the server, the last moment, and who watches.

    `approve` gets a workspace, a machine that asks to be paired with it, and its code;
    `progress` the number of records that have become durable since it was last
    called. Neither is ever called from two threads at once.
    """

    base_url: str
    until: datetime
    approve: Callable[[Workspace, Machine, str], None]
    progress: Callable[[int], None]
    is_over: Event = field(default_factory=Event, repr=False)
    alone: Lock = field(default_factory=Lock, repr=False)


@dataclass(frozen=True)
class SyncedMachine:
    """A machine that has sent its whole history, with the key to go on."""

    workspace: Workspace
    machine: Machine
    workspace_id: str
    machine_id: str
    api_key: str = field(repr=False)
    accepted: int = 0
    duplicate: int = 0
    flagged: int = 0


def send_histories(
    stage: Stage, cast: Sequence[Workspace] = CAST
) -> list[SyncedMachine]:
    """Send the history of every machine, at most four posts in flight.

    Raises the first machine's trouble after the others have stopped.
    """
    played = [
        (workspace, machine) for workspace in cast for machine in workspace.machines
    ]
    longest_first = sorted(played, key=lambda pair: -pair[1].calls)
    sent: list[Future[SyncedMachine]] = []
    with ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="daemon") as daemons:
        try:
            for pair in longest_first:
                sent.append(daemons.submit(send_history, stage, *pair))  # noqa: PERF401  known even if interrupted
            for done in as_completed(sent):
                done.result()
        except BaseException:
            stage.is_over.set()
            for waiting in sent:
                waiting.cancel()
            raise
    return [done.result() for done in sent]


def send_history(stage: Stage, workspace: Workspace, machine: Machine) -> SyncedMachine:
    """Pair one machine with its workspace and send all of its calls.

    Raises NotPaired, Refused, NotReachable after nine attempts, or Stopped.
    """
    with httpx.Client(
        base_url=stage.base_url,
        timeout=TIMEOUT,
        follow_redirects=False,
        trust_env=False,
        headers={"user-agent": f"halton-meter-daemon/{machine.daemon_version}"},
    ) as client:
        daemon = _Daemon(stage, machine, client, Random(machine.hostname))  # noqa: S311  jitter
        key = _pair(daemon, workspace)
        synced = SyncedMachine(
            workspace, machine, key["workspace_id"], key["machine_id"], key["api_key"]
        )
        return _send(daemon, synced, calls_of(machine, stage.until))


@dataclass(frozen=True)
class _Daemon:
    stage: Stage
    machine: Machine
    client: httpx.Client
    random: Random


def _pair(daemon: _Daemon, workspace: Workspace) -> dict[str, Any]:
    machine = daemon.machine
    asked = {
        "hostname": machine.hostname,
        "daemon_version": machine.daemon_version,
        "platform": machine.platform,
    }
    if machine.fingerprint is not None:
        asked["fingerprint"] = machine.fingerprint
    started = _post(daemon, "/v1/pairing/start", asked)
    code = started["pairing_code"]
    with daemon.stage.alone:
        daemon.stage.approve(workspace, machine, code)
    secret = {"pairing_code": code, "poll_token": started["poll_token"]}
    for _ in range(POLLS):
        answer = _post(daemon, "/v1/pairing/poll", secret)
        match answer["status"]:
            case "approved":
                return answer
            case "pending":
                _wait(daemon.stage, POLL_PAUSE_SECONDS)
            case ended:
                raise NotPaired(f"the pairing of {machine.hostname} ended: {ended}")
    raise NotPaired(f"nobody approved {machine.hostname} within ten minutes")


def _send(
    daemon: _Daemon, synced: SyncedMachine, batches: Iterable[list[WireRecord]]
) -> SyncedMachine:
    headers = {"authorization": f"Bearer {synced.api_key}"}
    if daemon.machine.capability is not None:
        headers["x-hm-daemon"] = daemon.machine.capability
    accepted = duplicate = flagged = 0
    for records in batches:
        answer = _post(
            daemon,
            "/v1/requests/batch",
            {"batch_id": str(uuid4()), "records": records},
            headers,
        )
        accepted += answer["accepted"]
        duplicate += answer["duplicate"]
        flagged += answer["flagged"]
        with daemon.stage.alone:
            daemon.stage.progress(len(records))
    return replace(synced, accepted=accepted, duplicate=duplicate, flagged=flagged)


def _post(
    daemon: _Daemon,
    path: str,
    body: dict[str, Any],
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Post until it is answered: 429, 5xx and lost connections are tried again."""
    content = json.dumps(body, separators=(",", ":")).encode()
    headers = {"content-type": "application/json", **(headers or {})}
    pause = FIRST_PAUSE_SECONDS
    why = ""
    for _ in range(MOST_ATTEMPTS):
        _wait(daemon.stage, 0)
        asked_to_wait = None
        try:
            response = daemon.client.post(path, content=content, headers=headers)
        except httpx.TransportError as failure:
            why = str(failure) or type(failure).__name__
        else:
            if response.is_success:
                return response.json()
            why = f"{response.status_code} {response.text[:200]}"
            if not _may_be_tried_again(response.status_code):
                raise Refused(f"{daemon.machine.hostname}, {path}: {why}")
            asked_to_wait = response.headers.get("retry-after")
        seconds = pause * daemon.random.uniform(0.5, 1.5)
        if asked_to_wait is not None and asked_to_wait.isdigit():
            seconds = float(asked_to_wait)
        _wait(daemon.stage, min(seconds, LONGEST_PAUSE_SECONDS))
        pause *= 2
    raise NotReachable(f"{daemon.machine.hostname}, {path}: gave up after {why}")


def _may_be_tried_again(status: int) -> bool:
    return (
        status == HTTPStatus.TOO_MANY_REQUESTS
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )


def _wait(stage: Stage, seconds: float) -> None:
    if stage.is_over.wait(seconds):
        raise Stopped("stopped before everything was sent")
