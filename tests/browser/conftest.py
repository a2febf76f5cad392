"""The real server on a port of its own, and a browser that looks at it."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState
from starlette.testclient import TestClient

from tests.browser.provide import chromium
from tests.factories import batch, daemon, rebuilt, record, workspace


@dataclass(frozen=True)
class RunningCloud:
    """Where it runs, and how to sign in."""

    url: str
    email: str
    code: str
    solo_slug: str
    enterprise_slug: str


@pytest.fixture(scope="module")
def running_cloud(warehouse: None, cloud: TestClient) -> Iterator[RunningCloud]:
    """Two workspaces of one person, one with two months of calls in it."""
    import uvicorn

    from api.cloud.issuer import sign_in_code
    from hmc.server import create_app
    from models.plans import Role
    from warehouse.cluster import Role as DatabaseRole
    from warehouse.cluster import connect
    from warehouse.workspaces import user_of

    with connect(DatabaseRole.OWNER) as owner:
        rich, solo = workspace(owner, "enterprise"), workspace(owner, "solo")
        owner.execute(
            "insert into app.members (workspace_id, user_id, role) values (%s, %s, %s)",
            [solo.workspace_id, user_of(owner, rich.email), Role.OWNER],
        )
        laptop = daemon(owner, cloud, rich)
        for calls in _two_months():
            cloud.post("/v1/requests/batch", json=calls, headers=laptop.headers)
        rebuilt()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(create_app(), port=port, log_level="error", access_log=False)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield RunningCloud(
        f"http://127.0.0.1:{port}", rich.email, sign_in_code(), solo.slug, rich.slug
    )
    server.should_exit = True
    thread.join()


def _two_months() -> Iterator[dict[str, object]]:
    now = datetime.now(UTC)
    projects = ["checkout", "<img src=x onerror=alert(1)>", None, "search", "ops", "ml"]
    models = [
        ("anthropic", "claude-sonnet-4-5"),
        ("openai", "gpt-5"),
        ("gemini", "gemini-2.5-pro"),
        ("groq", "llama-3.3-70b-versatile"),
        ("anthropic", "nobody-knows"),
    ]
    for day in range(60):
        yield batch(
            *(
                record(
                    requested_at=(now - timedelta(days=day, minutes=call)).isoformat(),
                    provider=models[(day + call) % 5][0],
                    model=models[(day + call) % 5][1],
                    project=projects[call % 6],
                    input_tokens=1_000 * (call + 1) * (1 + day % 7),
                    billing_basis="subscription_imputed" if call == 11 else None,
                )
                for call in range(12)
            )
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def session(browser: Browser, running_cloud: RunningCloud) -> StorageState:
    """The cookies of somebody who signed in through the page."""
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, running_cloud)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def context(browser: Browser, session: StorageState) -> Iterator[BrowserContext]:
    opened = browser.new_context(storage_state=session)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def sign_in(page: Page, cloud: RunningCloud, email: str | None = None) -> None:
    """Sign in through the page, and arrive."""
    page.goto(f"{cloud.url}/sign-in")
    page.get_by_label("E-mail").fill(email or cloud.email)
    page.get_by_label("Sign-in code").fill(cloud.code)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/w/[^/]+/overview$"))
