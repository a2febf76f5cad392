"""What the people of the cast decide, each through the API with their own session."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

import httpx

from api.cloud.issuer import session_token
from hmc.demo.shapes import DAYS_OF_HISTORY, Machine, Workspace, midnight
from warehouse.workspaces import subject_of, user_of

# What an earlier run has done already answers so, and stays as it is.
DONE_BEFORE = HTTPStatus.CONFLICT


@dataclass(frozen=True)
class Sessions:
    """Where the product runs, and who may be signed in there."""

    url: str
    owner: Any

    @contextmanager
    def of(self, workspace: Workspace, email: str) -> Generator[httpx.Client]:
        """Sign somebody in, and start every path in the workspace."""
        with self._client(email, f"/v1/workspaces/{workspace.slug}") as client:
            yield client

    @contextmanager
    def nowhere(self, email: str) -> Generator[httpx.Client]:
        """Sign somebody in who may belong to no workspace yet."""
        user_of(self.owner, email)
        with self._client(email, "/v1") as client:
            yield client

    def _client(self, email: str, path: str) -> httpx.Client:
        token = session_token(subject_of(self.owner, email))
        return httpx.Client(
            base_url=self.url + path,
            headers={"authorization": f"Bearer {token}"},
            timeout=60,
            trust_env=False,
        )


def gather(sessions: Sessions, workspace: Workspace) -> None:
    """Invite everybody who is no member yet, and have them join."""
    with sessions.of(workspace, workspace.owner) as owner:
        known = {each["email"] for each in _asked(owner, "/members")}
        for person in workspace.people:
            if person.email in known:
                continue
            invited = owner.post(
                "/invitations", json={"email": person.email, "role": person.role}
            )
            link = invited.raise_for_status().json()["link"]
            with sessions.nowhere(person.email) as guest:
                token = link.partition("#")[2]
                guest.post(
                    "/invitations/accept", json={"token": token}
                ).raise_for_status()


def approve(
    sessions: Sessions, workspace: Workspace, machine: Machine, code: str
) -> None:
    """Let a machine sync, as the person whose it is."""
    with sessions.of(workspace, machine.paired_by or workspace.owner) as person:
        person.post(f"/pairings/{code}/approve").raise_for_status()


def organise(sessions: Sessions, workspace: Workspace, until: datetime) -> None:
    """Add departments, what fills them, and budgets, as an editor would."""
    began = midnight(until, DAYS_OF_HISTORY)
    with sessions.of(workspace, workspace.owner) as editor:
        ids = _departments(editor, workspace, began)
        if ids is None:
            return
        for tag in workspace.tags:
            labelled = {"project": tag.project, "tag": tag.tag}
            editor.post(
                "/departments/tags", json=labelled | {"valid_from": began.isoformat()}
            ).raise_for_status()
        user_ids = {
            each["email"]: each["user_id"] for each in _asked(editor, "/members")
        }
        for rule in workspace.allocations:
            since, to = rule.valid(until)
            editor.post(
                "/departments/rules",
                json={
                    "department_id": ids[rule.department],
                    "priority": rule.priority,
                    "match_on": rule.match_on,
                    "match_value": user_ids.get(rule.value, rule.value),
                    "valid_from": since.isoformat(),
                    "valid_to": to.isoformat() if to else None,
                },
            ).raise_for_status()
        for budget in workspace.budgets:
            editor.put("/budgets", json=budget.asked(ids, until)).raise_for_status()


def _departments(
    editor: httpx.Client, workspace: Workspace, began: datetime
) -> dict[str, str] | None:
    """Add departments and pools; None where an earlier run has done all of that."""
    ids: dict[str, str] = {}
    opened_on = began.date().isoformat()
    for department in workspace.departments:
        parent = ids.get(department.parent) if department.parent else None
        made = editor.post(
            "/departments",
            json={"name": department.name, "parent_id": parent, "opened_on": opened_on},
        )
        if made.status_code == DONE_BEFORE:
            return None
        ids[department.name] = made.raise_for_status().json()["department_id"]
    for pool in workspace.pools:
        shares = [
            {"department_id": ids[name], "weight": weight}
            for name, weight in pool.weights.items()
        ]
        split = {"split": pool.split, "shares": shares, "since": opened_on}
        made = editor.post("/departments/pools", json={"name": pool.name, **split})
        ids[pool.name] = made.raise_for_status().json()["department_id"]
    return ids


def enter_bills(sessions: Sessions, workspace: Workspace, until: datetime) -> None:
    """Enter what providers billed, as somebody in finance would."""
    if not workspace.bills:
        return
    first = min(bill.month(until) for bill in workspace.bills)
    with sessions.of(workspace, workspace.owner) as finance:
        logged = {
            (item["provider"], item["period_month"]): item["logged_usd"]
            for item in _asked(finance, f"/reconciliation?from={first:%Y-%m}")["items"]
        }
        for bill in workspace.bills:
            month = bill.month(until)
            amount = logged.get((bill.provider, month.isoformat()))
            if amount is not None:
                finance.put(
                    f"/reconciliation/{bill.provider}/{month:%Y-%m}",
                    json={
                        "amount_usd": bill.amount_usd(amount),
                        "invoice_id": bill.invoice_id,
                    },
                ).raise_for_status()


def close_months(
    sessions: Sessions,
    workspace: Workspace,
    until: datetime,
    wait_until_published: Callable[[], None],
) -> None:
    """Have one person prepare a month and another close it, and then learn a price."""

    def decide(email: str, path: str, **what: Any) -> None:
        with sessions.of(workspace, email) as person:
            decided = person.post(path, **what)
        if decided.status_code != DONE_BEFORE:
            decided.raise_for_status()

    for close in workspace.closes:
        path = f"/reconciliation/{close.provider}/{close.month(until):%Y-%m}"
        decide(close.prepared_by, f"{path}/prepare")
        if close.closed_by:
            decide(close.closed_by, f"{path}/close")
    wait_until_published()
    for price in workspace.agreed_prices:
        decide(price.stated_by, "/pricing/rates", json=price.asked(until))


def _asked(client: httpx.Client, path: str) -> Any:
    return client.get(path).raise_for_status().json()
