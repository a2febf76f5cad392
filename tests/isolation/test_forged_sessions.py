"""No token that is forged or odd opens a route of people."""

import asyncio

import psycopg
import pytest
from starlette.testclient import TestClient

from hmc.rules import Ruled
from tests.factories import workspace
from tests.isolation.calling import CHANGING, call, path_of, serving
from tests.isolation.forging import claims, odd_tokens, signed
from warehouse.workspaces import subject_of


@pytest.mark.slow
@pytest.mark.usefixtures("no_limits")
def test_no_forged_or_odd_session_opens_any_route(
    owner: psycopg.Connection, cloud: TestClient, rules: list[Ruled]
) -> None:
    home = workspace(owner)
    subject = subject_of(owner, home.email)
    of_people = [each for each in rules if each.rule not in {"open", "machine"}]
    tokens = odd_tokens(subject)
    assert len(tokens) >= 40
    good = {"authorization": f"Bearer {signed(claims(subject))}"}
    assert cloud.get("/v1/me", headers=good).status_code == 200

    async def ask_everything() -> list[str]:
        async with serving() as app:
            return [
                f"{what}: {route.method} {route.path} answered {status}"
                for what, token in tokens.items()
                for route in of_people
                for status, _ in [
                    await call(
                        app,
                        route.method,
                        path_of(f"{route.method} {route.path}", home.slug),
                        {"authorization": f"Bearer {token}"},
                        b"{}" if route.method in CHANGING else b"",
                    )
                ]
                if status != 401
            ]

    assert asyncio.run(ask_everything()) == []
