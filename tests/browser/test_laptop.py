"""The laptop's pages, in a browser, over a daemon's file and nothing else."""

import random
import re
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect

from tests.browser.accessible import violations
from tests.browser.test_overview import MOST_BYTES, Wire
from tests.local.daemon_file import (
    CHECKOUT,
    SEARCH,
    body,
    daemon_file,
    put,
    rate,
    request,
)

pytestmark = pytest.mark.browser

PAGES = ("overview", "projects", "calls", "pricing")
REDACTED = '{"messages": [{"content": "my key is [REDACTED:api_key], keep it"}]}'


@dataclass(frozen=True)
class RunningLaptop:
    """Where its pages and its API are, and the file that they read."""

    url: str
    api: str
    file: Path

    def page(self, name: str) -> str:
        """Return the address of a page."""
        return f"{self.url}/w/laptop/{name}"


def two_months() -> Iterator[dict[str, Any]]:
    chance = random.Random(5)  # noqa: S311
    now = datetime.now(UTC)
    models = [("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-5"), ("x", "new")]
    for number in range(400):
        at = now - timedelta(minutes=number * 200 + 1)
        provider, model = models[number % 3]
        yield request(
            f"{at:%Y-%m-%d %H:%M:%S.%f}",
            id=f"call-{number}",
            project_id=chance.choice([CHECKOUT, SEARCH]),
            provider=provider,
            model=model,
            cost_usd_minor_units=None if model == "new" else chance.randrange(90_000),
            status="error" if number % 40 == 0 else "success",
        )


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLaptop]:
    from api.local.loopback import create_app
    from web.laptop.pages import create_pages

    file = daemon_file(
        tmp_path_factory.mktemp("laptop") / "db.sqlite",
        list(two_months()),
        [rate(), rate("gpt-5", provider="openai")],
        bodies=[
            body(
                "call-1",
                request_body=REDACTED,
                response_body="<img src=x onerror=alert(1)>",
                redaction_applied=1,
                redaction_summary='{"api_key": 1}',
            )
        ],
    )
    port, page_port = free_port(), free_port()
    pages, api = create_pages(page_port, port), create_app(file, port, page_port)
    with served(pages, page_port), served(api, port):
        yield RunningLaptop(
            f"http://localhost:{page_port}", f"http://127.0.0.1:{port}", file
        )


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def served(app: FastAPI, port: int) -> Iterator[None]:
    import uvicorn

    server = uvicorn.Server(
        uvicorn.Config(app, port=port, log_level="error", access_log=False)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield
    server.should_exit = True
    thread.join()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def shown(page: Page) -> Page:
    """Wait until a page has its figures."""
    expect(page.locator("main table, main .tiles").first).to_be_visible()
    return page


def answer_of(page: Page, laptop: RunningLaptop, path: str) -> Any:
    answer = page.request.get(f"{laptop.api}{path}")
    assert answer.ok, answer.text()
    return answer.json()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_this_machine_alone_and_says_nothing_else(
    name: str, page: Page, laptop: RunningLaptop
) -> None:
    wire, told = Wire(), list[str]()
    wire.listen(page)
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda failure: told.append(str(failure)))
    page.goto(laptop.page(name))
    shown(page)
    page.wait_for_load_state("networkidle")
    asked = {urlsplit(url).netloc for url in wire.urls if not url.startswith("data:")}
    assert asked == {urlsplit(laptop.url).netloc, urlsplit(laptop.api).netloc}
    assert wire.encoded_bytes <= MOST_BYTES
    assert told == []


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_keeps_anybody_out(
    name: str, theme: Literal["light", "dark"], page: Page, laptop: RunningLaptop
) -> None:
    page.emulate_media(color_scheme=theme)
    page.goto(laptop.page(name))
    assert violations(shown(page)) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nor_does_an_opened_call(
    theme: Literal["light", "dark"], page: Page, laptop: RunningLaptop
) -> None:
    page.emulate_media(color_scheme=theme)
    page.goto(f"{laptop.page('calls')}?call=call-1")
    expect(page.get_by_role("dialog").locator("mark")).to_be_visible()
    assert violations(page) == []


def test_the_overview_shows_the_figures_of_its_answer(
    page: Page, laptop: RunningLaptop
) -> None:
    page.goto(laptop.page("overview"))
    tiles = ("today", "month_to_date", "last_month", "period_total")
    figures = page.locator(".tiles .figure data")
    expect(figures).to_have_count(len(tiles))
    answer = answer_of(page, laptop, "/api/summary")
    exact = [answer[name]["cost_usd"] for name in tiles]
    assert [figure.get_attribute("value") for figure in figures.all()] == exact
    assert "pair" not in page.locator("main").inner_text().lower()


def test_bodies_stand_side_by_side_with_what_was_taken_out_marked(
    page: Page, laptop: RunningLaptop
) -> None:
    page.goto(f"{laptop.page('calls')}?call=call-1")
    sides = page.get_by_role("dialog").locator(".bodies section")
    expect(sides).to_have_count(2)
    expect(sides.first.locator("mark")).to_have_text("[REDACTED:api_key]")
    expect(sides.last.locator("pre")).to_have_text("<img src=x onerror=alert(1)>")
    first, last = sides.first.bounding_box(), sides.last.bounding_box()
    assert first is not None
    assert last is not None
    assert first["y"] == last["y"]
    assert first["x"] + first["width"] <= last["x"]
    expect(page.get_by_role("dialog")).to_contain_text("api_key \u00d7 1")


def test_a_call_without_bodies_says_so(page: Page, laptop: RunningLaptop) -> None:
    page.goto(f"{laptop.page('calls')}?call=call-2")
    expect(page.get_by_role("dialog")).to_contain_text("No bodies were kept")


def test_a_call_appears_by_itself(page: Page, laptop: RunningLaptop) -> None:
    page.goto(f"{laptop.page('calls')}?model=just-now")
    expect(page.locator("main")).to_contain_text("No calls match")
    with closing(sqlite3.connect(laptop.file)) as daemon:
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"
        put(daemon, "requests", [request(now, model="just-now")])
        daemon.commit()
    expect(page.get_by_role("region", name="Calls")).to_contain_text(
        "just-now", timeout=10_000
    )


def test_calls_are_narrowed_by_what_the_address_says(
    page: Page, laptop: RunningLaptop
) -> None:
    page.goto(laptop.page("calls"))
    page.get_by_label("Filter by status").fill("error")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url(re.compile("status=error"))
    expect(page.locator("tbody .exception")).to_have_count(10)
    expect(page.locator("tbody tr")).to_have_count(10)


def test_without_its_api_a_page_says_what_to_run(
    page: Page, laptop: RunningLaptop
) -> None:
    page.route(f"{laptop.api}/**", lambda route: route.abort())
    page.goto(laptop.page("overview"))
    expect(page.get_by_role("alert")).to_contain_text("hmc local")
    assert "$0" not in page.locator("main").inner_text()


def test_the_root_leads_to_the_overview(page: Page, laptop: RunningLaptop) -> None:
    page.goto(laptop.url)
    assert page.url == laptop.page("overview")
