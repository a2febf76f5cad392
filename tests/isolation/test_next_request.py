"""What is taken away counts from the next request on, on every API instance."""

import asyncio
from collections.abc import Awaitable, Callable

import psycopg
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from models.plans import Role
from tests.factories import (
    Workspace,
    api_key,
    daemon,
    member,
    session,
    workspace,
)
from tests.isolation.calling import call, serving

ROUNDS = 250
Ask = Callable[[str, dict[str, str]], Awaitable[list[int]]]


@pytest.mark.slow
@pytest.mark.usefixtures("no_limits")
def test_what_is_taken_away_is_refused_from_the_next_request_on_a_thousand_times(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    laptop = daemon(owner, cloud, home)
    viewer = session(owner, member(owner, home, Role.VIEWER))
    key = api_key(owner, home, home.email, "read_usage")

    async def on_both_instances() -> None:
        async with serving() as one, serving() as other:
            for ask in (_asking(one, other), _asking(other, one)):
                for _ in range(ROUNDS // 2):
                    await _give_and_take(owner, home, ask, laptop.headers, viewer, key)

    asyncio.run(on_both_instances())


def _asking(first: FastAPI, second: FastAPI) -> Ask:
    async def ask(path: str, headers: dict[str, str]) -> list[int]:
        answers = [await call(app, "GET", path, headers) for app in (first, second)]
        return [status for status, _ in answers]

    return ask


async def _give_and_take(
    owner: psycopg.Connection,
    home: Workspace,
    ask: Ask,
    daemon_headers: dict[str, str],
    viewer: dict[str, str],
    key: dict[str, str],
) -> None:
    at = f"/v1/workspaces/{home.slug}"
    where = [home.workspace_id]

    async def taken(
        path: str, headers: dict[str, str], take: str, give: str, refused: int
    ) -> None:
        assert await ask(path, headers) == [200, 200]
        owner.execute(take, where)  # type: ignore[arg-type]
        assert await ask(path, headers) == [refused, refused]
        owner.execute(give, where)  # type: ignore[arg-type]

    await taken(
        "/v1/daemon/whoami",
        daemon_headers,
        "update app.sync_keys set revoked_at = now() where workspace_id = %s",
        "update app.sync_keys set revoked_at = null where workspace_id = %s",
        401,
    )
    await taken(
        f"{at}/overview",
        key,
        "update app.api_keys set revoked_at = now() where workspace_id = %s",
        "update app.api_keys set revoked_at = null where workspace_id = %s",
        401,
    )
    await taken(
        f"{at}/overview",
        viewer,
        "update app.members set role = 'billing'"
        " where workspace_id = %s and role = 'viewer'",
        "update app.members set role = 'viewer'"
        " where workspace_id = %s and role = 'billing'",
        403,
    )
    await taken(
        f"{at}/reconciliation",
        viewer,
        "update app.workspaces set tier = 'team' where workspace_id = %s",
        "update app.workspaces set tier = 'enterprise' where workspace_id = %s",
        403,
    )
