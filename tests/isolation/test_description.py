"""Whatever is sent, to any route, by anybody: an answer that the description names."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from hmc.server import create_app
from models.plans import plans
from tests.factories import Workspace, api_key, daemon, member, session, workspace

CALLERS = ["nobody", "a broken token", "owner", "viewer", "api key", "sync key"]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# What these do, they do without a body, and nothing could be asked after them.
ENDING = {
    "DELETE /v1/workspaces/{slug}",
    "DELETE /v1/workspaces/{slug}/membership",
    "DELETE /v1/daemon/disconnect",
}

description = schemathesis.openapi.from_dict(create_app().openapi())


@dataclass(frozen=True)
class Served:
    """The product on a port of this machine, and headers of everybody who calls."""

    url: str
    home: Workspace
    ids: dict[str, str]
    headers: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def served(cloud: TestClient) -> Iterator[Served]:
    """Serve on a real port, with no limits, to callers of every kind."""
    from warehouse.cluster import Role, connect

    # Nothing is rebuilt meanwhile, so nobody need wait for it.
    patched = pytest.MonkeyPatch()
    patched.setattr("api.cloud.routes.reconciliation.PUBLISHED_WITHIN_SECONDS", 0)
    much = {name: {"count": 10**9, "seconds": 1} for name in plans()["limits"]}
    patched.setitem(plans(), "limits", much)
    patched.setattr("api.cloud.routes.pairings.WRONG_CODES", 10**9)
    server = uvicorn.Server(
        uvicorn.Config(create_app(), host="127.0.0.1", port=0, log_level="error")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    with connect(Role.OWNER) as owner:
        yield _everybody(f"http://127.0.0.1:{port}", owner, cloud)
    server.should_exit = True
    thread.join()
    patched.undo()


def _everybody(url: str, owner: psycopg.Connection, cloud: TestClient) -> Served:
    home = workspace(owner)
    viewer = member(owner, home, "viewer")
    (user_id,) = owner.execute(
        """
        select members.user_id from app.members
        inner join app.users on members.user_id = users.user_id
        where members.workspace_id = %s and users.email = %s
        """,
        [home.workspace_id, viewer],
    ).fetchone() or (None,)
    scopes = plans()["keys"]["scopes"]
    return Served(
        url,
        home,
        {"slug": home.slug, "user_id": str(user_id), "api_key_id": str(uuid4())},
        {
            "nobody": {},
            "a broken token": {"authorization": "Bearer not.a.token"},
            "owner": session(owner, home.email),
            "viewer": session(owner, viewer),
            "api key": api_key(owner, home, home.email, *scopes),
            "sync key": daemon(owner, cloud, home).headers,
        },
    )


@pytest.mark.slow
@pytest.mark.parametrize("caller", CALLERS)
@description.parametrize()
@settings(
    max_examples=12,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_is_described(
    case: Any, caller: str, served: Served
) -> None:
    if f"{case.method} {case.path}" in ENDING and caller != "nobody":
        return
    for name, value in served.ids.items():
        if name in case.path_parameters:
            case.path_parameters[name] = value
    if isinstance(case.body, dict):
        case.body.pop("slug", None)  # or all that follows is led elsewhere
    answer = case.call(base_url=served.url, headers=served.headers[caller])
    case.validate_response(answer, checks=CHECKS)
