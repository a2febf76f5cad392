"""Every route, kind of caller and plan, on own, foreign and no workspace.

What each cell answers is worked out from `policy.toml`, which is written by hand, and
compared with what the application answers. No cell is picked by hand.
"""

import asyncio
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.cloud import callers, sessions
from api.cloud.callers import Gate
from api.cloud.issuer import PARTY, session_token
from models.plans import Role, Tier, plans
from tests.factories import (
    Workspace,
    api_key,
    batch,
    daemon,
    member,
    record,
    session,
    workspace,
)
from tests.isolation.calling import CHANGING, call, path_of, serving
from tests.isolation.forging import claims, signed
from warehouse.workspaces import subject_of

POLICY = tomllib.loads(Path(__file__).with_name("policy.toml").read_text("utf-8"))
CSRF = "c" * 43
AT_ONCE = 8


@dataclass(frozen=True)
class Principal:
    """Somebody who calls: what they send, and what the policy knows of them."""

    name: str
    headers: dict[str, str]
    role: str | None = None  # in the workspace that is their own
    scopes: frozenset[str] | None = None  # of an API key
    is_machine: bool = False
    lacks_csrf: bool = False
    is_of_foreign: bool = False


@dataclass(frozen=True)
class House:
    """One workspace of a plan, everybody who may knock, and a workspace that is not."""

    tier: Tier
    home: Workspace
    principals: list[Principal]
    foreign: Workspace
    foreign_ids: dict[str, str]


@dataclass(frozen=True)
class Cell:
    """One request, and what is to come of it."""

    route: str
    principal: Principal
    house: House
    slug: str
    ids: dict[str, str]
    expected: str

    def __str__(self) -> str:
        where = "own" if self.slug == self.house.home.slug else "other"
        return f"{self.route} as {self.principal.name} of {self.house.tier}, {where}"


# ── who calls ────────────────────────────────────────────────────────────────


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def by_cookie(token: str, *, csrf: bool) -> dict[str, str]:
    headers = {"cookie": f"hmc_session={token}; hmc_csrf={CSRF}"}
    return headers | ({"x-hmc-csrf": CSRF} if csrf else {})


def build(owner: psycopg.Connection, cloud: TestClient, tier: Tier) -> House:
    home, foreign = workspace(owner, tier), workspace(owner, tier)
    boss = subject_of(owner, home.email)
    everything = plans()["keys"]["scopes"]
    emails = {role: member(owner, home, role) for role in list(Role)[1:]}
    emails |= {"owner": home.email}
    removed = member(owner, home, "owner")
    orphan = api_key(owner, home, removed, *everything)
    owner.execute(
        """
        delete from app.members using app.users
        where members.user_id = users.user_id and users.email = %s
        """,
        [removed],
    )
    laptop, lost = (daemon(owner, cloud, home, hostname=uuid4().hex) for _ in "ab")
    cloud.delete("/v1/daemon/disconnect", headers=lost.headers)
    principals = [
        Principal("nobody", {}),
        Principal("a broken token", bearer("not.a.token")),
        Principal("an expired session", bearer(signed(claims(boss, exp=1)))),
        Principal(
            "a session for another site",
            bearer(signed(claims(boss, azp="https://evil"))),
        ),
        Principal(
            "a claimed role",
            bearer(
                signed(
                    claims(
                        subject_of(owner, foreign.email),
                        role="owner",
                        org_id=str(home.workspace_id),
                    )
                )
            ),
            is_of_foreign=True,
        ),
        Principal("somebody removed", session(owner, removed)),
        Principal("a sync key", laptop.headers, is_machine=True),
        Principal("a revoked sync key", lost.headers),
        Principal(
            "a key of all scopes",
            api_key(owner, home, home.email, *everything),
            role="owner",
            scopes=frozenset(everything),
        ),
        Principal(
            "a key of one scope",
            api_key(owner, home, home.email, "make_reports"),
            role="owner",
            scopes=frozenset({"make_reports"}),
        ),
        Principal(
            "a key whose maker may less",
            api_key(owner, home, emails[Role.VIEWER], *everything),
            role="viewer",
            scopes=frozenset(everything),
        ),
        Principal(
            "a revoked key",
            api_key(owner, home, home.email, *everything, revoked_at=datetime.now(UTC)),
        ),
        Principal(
            "an expired key",
            api_key(owner, home, home.email, *everything, expires_at=datetime.now(UTC)),
        ),
        Principal("a key whose maker is gone", orphan),
        Principal(
            "a key of elsewhere",
            api_key(owner, foreign, foreign.email, *everything),
            scopes=frozenset(everything),
            is_of_foreign=True,
        ),
    ]
    for role, email in sorted(emails.items()):
        token = session_token(subject_of(owner, email))
        principals += [
            Principal(f"{role}", bearer(token), role),
            Principal(f"{role} by cookie", by_cookie(token, csrf=True), role),
            Principal(
                f"{role} by cookie from another site",
                by_cookie(token, csrf=False),
                role,
                lacks_csrf=True,
            ),
        ]
    (foreign_user,) = owner.execute(
        "select user_id from app.members where workspace_id = %s",
        [foreign.workspace_id],
    ).fetchone() or (None,)
    (invitation,) = owner.execute(
        """
        insert into app.invitations (workspace_id, email, role, token_hash, expires_at)
        values (%s, 'x@example.com', 'member', %s, now() + interval '1 day')
        returning invitation_id
        """,
        [foreign.workspace_id, uuid4().bytes],
    ).fetchone() or (None,)
    (key,) = owner.execute(
        "select api_key_id from app.api_keys where workspace_id = %s",
        [foreign.workspace_id],
    ).fetchone() or (None,)
    (department,) = owner.execute(
        """
        insert into app.departments (workspace_id, name) values (%s, 'Theirs')
        returning department_id
        """,
        [foreign.workspace_id],
    ).fetchone() or (None,)
    foreign_laptop = daemon(owner, cloud, foreign, hostname=uuid4().hex)
    foreign_request = record()
    cloud.post(
        "/v1/requests/batch",
        json=batch(foreign_request),
        headers=foreign_laptop.headers,
    )
    foreign_ids = {
        "machine_id": foreign_laptop.machine_id,
        "request_id": foreign_request["id"],
        "user_id": str(foreign_user),
        "invitation_id": str(invitation),
        "api_key_id": str(key),
        "rate_id": "1",
        "department_id": str(department),
        "rule_id": str(uuid4()),
        "budget_id": str(uuid4()),
        "finding_id": uuid4().hex,
    }
    return House(tier, home, principals, foreign, foreign_ids)


# ── what is to come of it ────────────────────────────────────────────────────


def is_signed_in(principal: Principal) -> bool:
    return principal.role is not None or principal.name in {
        "a claimed role",
        "somebody removed",
    }


def kind_of(route: str) -> str:
    for kind in ("open", "machine", "person"):
        if route in POLICY[kind]["routes"]:
            return kind
    return "deleted" if route in POLICY["deleted_workspace"] else "workspace"


def expected(route: str, principal: Principal, house: House, slug: str) -> str:
    """Name the answer that the policy gives: `let in`, or the status and the error.

    The first line that holds decides, in the order in which a caller is asked.
    """
    kind, method = kind_of(route), route.partition(" ")[0]
    rule = POLICY["workspace"].get(route, {"tier": "solo", "may": "everybody"})
    is_key = principal.scopes is not None
    is_elsewhere = slug != house.home.slug or principal.role is None
    scope = rule.get("scope")
    lines = {
        "let in": kind == "open" or (kind == "machine" and principal.is_machine),
        "401 sync_key_unknown": kind == "machine",
        "401 not_signed_in": (not is_signed_in(principal) and not is_key)
        or (is_key and kind in {"person", "deleted"}),
        "403 cross_site": principal.lacks_csrf and method in CHANGING,
        "let in, in person": kind == "person",
        "404 gone": kind == "deleted" or is_elsewhere,
        "403 tier_locked": not house.tier.covers(Tier(rule["tier"])),
        "403 not_permitted": principal.role not in POLICY["sets"][rule["may"]],
        "403 not_in_scope": is_key
        and scope != "any"
        and scope not in (principal.scopes or ()),
        "let in, at last": True,
    }
    return next(line for line, holds in lines.items() if holds).partition(",")[0]


def cells_of(house: House, routes: list[str]) -> Iterator[Cell]:
    nothing = house.foreign_ids.keys()
    unknown = {name: str(uuid4()) for name in nothing} | {
        "rate_id": "1",
        "finding_id": uuid4().hex,
    }
    for route in routes:
        slugs = [house.home.slug]
        if "{slug}" in route:
            slugs += [house.foreign.slug, f"no-{uuid4().hex}"]
        for principal in house.principals:
            for slug in slugs:
                if principal.is_of_foreign and slug == house.foreign.slug:
                    continue  # that is their own
                answer = expected(route, principal, house, slug)
                yield Cell(route, principal, house, slug, unknown, answer)
            if any(f"{{{name}}}" in route for name in nothing):
                answer = expected(route, principal, house, house.home.slug)
                yield Cell(
                    route, principal, house, house.home.slug, house.foreign_ids, answer
                )


# ── what came of it ──────────────────────────────────────────────────────────

REFUSALS = {
    "not_signed_in",
    "sync_key_unknown",
    "cross_site",
    "tier_locked",
    "not_permitted",
    "not_in_scope",
}
GONE = {
    "No such workspace, or you are not a member of it.",
    "No such workspace waits to be restored.",
}


async def answered(app: FastAPI, cell: Cell) -> tuple[str, dict[str, Any]]:
    """Call the application, with a body that no route takes, and name its answer.

    Who is let in is told that the body is wrong, or that nothing has that id.
    """
    method = cell.route.partition(" ")[0]
    body = b"[]" if method in CHANGING else b""
    headers = {"content-type": "application/json"} | cell.principal.headers
    path = path_of(cell.route, cell.slug, **cell.ids)
    status, text = await call(app, method, path, headers, body)
    said = json.loads(text) if text.startswith(b"{") else {}
    if said.get("error") in REFUSALS:
        return f"{status} {said['error']}", said
    if status == 404 and said.get("message") in GONE:
        return "404 gone", said
    if status >= 500 or status in {401, 403, 429}:
        return f"{status} {said.get('error')}", said
    return "let in", said


def mismatches(cells: list[Cell]) -> list[str]:
    """Call every cell, a few at once; return those that answer otherwise."""

    async def judge(app: FastAPI, cell: Cell) -> str | None:
        found, said = await answered(app, cell)
        if found != cell.expected:
            return f"{cell}: {found} instead of {cell.expected}"
        if found == "403 tier_locked" and set(said) != {
            "error",
            "feature",
            "min_tier",
            "current_tier",
        }:
            return f"{cell}: another lock than everybody knows"
        foreign = cell.house.foreign
        names_it = foreign.slug in str(said) or str(foreign.workspace_id) in str(said)
        if names_it and not cell.principal.is_of_foreign:
            return f"{cell}: names another workspace"
        return None

    async def run() -> list[str]:
        waiting = iter(cells)
        found: list[str] = []

        async def one_after_the_other(app: FastAPI) -> None:
            for cell in waiting:
                found.extend(filter(None, [await judge(app, cell)]))

        async with serving() as app:
            await asyncio.gather(*(one_after_the_other(app) for _ in range(AT_ONCE)))
        return found

    return asyncio.run(run())


# These do what they say without a body; who may is called in tests of their own.
DOING = {
    "DELETE /v1/workspaces/{slug}",
    "DELETE /v1/workspaces/{slug}/membership",
    "DELETE /v1/daemon/disconnect",
}


def test_the_policy_names_every_route_and_only_routes(routes: list[str]) -> None:
    written = [
        *POLICY["workspace"],
        *POLICY["deleted_workspace"],
        *(
            route
            for kind in ("person", "machine", "open")
            for route in POLICY[kind]["routes"]
        ),
    ]
    assert sorted(written) == sorted(routes)


@pytest.mark.slow
@pytest.mark.usefixtures("no_limits")
def test_every_cell_answers_as_the_policy_says(
    owner: psycopg.Connection, cloud: TestClient, routes: list[str]
) -> None:
    houses = [build(owner, cloud, tier) for tier in Tier]
    cells = [cell for house in houses for cell in cells_of(house, routes)]
    harmless = [
        cell
        for cell in cells
        if cell.route not in DOING or not cell.expected.startswith("let in")
    ]
    found = mismatches(harmless)
    assert not found, "\n".join(found)
    assert len(harmless) >= 8_000


BROKEN = {
    "no gate": (Gate, "passed", lambda _self, caller: caller),
    "no role": (Role, "may", lambda _self, _permission: True),
    "no tier": (Tier, "covers", lambda _self, _lowest: True),
    "no token of our own pages": (sessions, "refuse_cross_site", lambda _request: None),
    "no party": (sessions, "_parties", lambda: {PARTY, "https://evil"}),
    "every workspace is anybody's": (callers, "_places", None),
}


@pytest.mark.slow
@pytest.mark.usefixtures("no_limits")
@pytest.mark.parametrize("check", BROKEN)
def test_a_check_that_is_taken_away_is_noticed(
    check: str,
    owner: psycopg.Connection,
    cloud: TestClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = build(owner, cloud, Tier.SOLO)
    cells = list(
        cells_of(
            house,
            [
                "GET /v1/workspaces/{slug}/overview",
                "GET /v1/workspaces/{slug}/audit",
                "POST /v1/workspaces/{slug}/departments",
            ],
        )
    )
    assert mismatches(cells) == []
    where, name, instead = BROKEN[check]
    if instead is None:
        places = callers._places

        async def anywhere(request: Any, doors: Any) -> Any:
            slug = request.path_params["slug"]
            return [
                (caller.model_copy(update={"workspace_slug": slug}), former)
                for caller, former in await places(request, doors)
            ]

        instead = anywhere
    monkeypatch.setattr(where, name, instead)
    assert mismatches(cells)
