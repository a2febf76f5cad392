"""The pages, in a browser, against a running cloud."""

import json
import re
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect

from tests.browser.accessible import violations
from tests.browser.conftest import RunningCloud

pytestmark = pytest.mark.browser

MOST_BYTES = 220 * 1024
MOST_REQUESTS = 25
LATEST_PAINT_MS = 1_000
PAGES = (
    *("overview", "projects", "traces", "reconciliation", "audit"),
    *("optimisation", "budgets", "reports", "executive"),
    *("pricing", "machines", "health", "members", "settings"),
)
DASH = "\u2013"
TILES = ("today", "month_to_date", "last_month", "period_total")


@dataclass
class Wire:
    """What a page fetched: addresses, and bytes as they were sent."""

    urls: list[str] = field(default_factory=list[str])
    encoded_bytes: int = 0

    def listen(self, page: Page) -> None:
        """Count everything that a page asks for from now on."""
        session = page.context.new_cdp_session(page)
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.loadingFinished", self._finished)
        session.send("Network.enable")

    def _sent(self, event: dict[str, Any]) -> None:
        self.urls.append(event["request"]["url"])

    def _finished(self, event: dict[str, Any]) -> None:
        self.encoded_bytes += int(event["encodedDataLength"])


def in_workspace(cloud: RunningCloud, slug: str, name: str) -> str:
    return f"{cloud.url}/w/{slug}/{name}"


def on_screen(cost: str) -> str:
    """Write a total as the pages do; figures of a test are never negative."""
    exact = Decimal(cost)
    shown = exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"${shown:,}" if shown or not exact else "<$0.01"


def answer_of(page: Page, cloud: RunningCloud, slug: str, name: str) -> dict[str, Any]:
    """Ask the API for what a page shows, with the page's own cookies."""
    answer = page.request.get(f"{cloud.url}/v1/workspaces/{slug}/{name}")
    assert answer.ok
    return answer.json()


def test_who_is_not_signed_in_is_led_to_the_door_and_back(
    browser: Browser, running_cloud: RunningCloud
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(in_workspace(running_cloud, running_cloud.enterprise_slug, "projects"))
    page.wait_for_url(re.compile(r"/sign-in\?next="))
    page.get_by_label("E-mail").fill(running_cloud.email)
    page.get_by_label("Sign-in code").fill(running_cloud.code)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/projects$"))
    context.close()


def test_a_wrong_code_is_refused_in_words(
    browser: Browser, running_cloud: RunningCloud
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{running_cloud.url}/sign-in")
    page.get_by_label("E-mail").fill(running_cloud.email)
    page.get_by_label("Sign-in code").fill("not the code")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).not_to_be_empty()
    assert "/sign-in" in page.url
    context.close()


def test_the_way_back_from_the_door_never_leaves_this_host(
    context: BrowserContext, running_cloud: RunningCloud
) -> None:
    page = context.new_page()
    page.goto(f"{running_cloud.url}/sign-in?next=//elsewhere.test/w")
    page.get_by_label("E-mail").fill(running_cloud.email)
    page.get_by_label("Sign-in code").fill(running_cloud.code)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/overview$"))
    assert urlsplit(page.url).netloc == urlsplit(running_cloud.url).netloc


def test_the_overview_shows_the_figures_of_its_answer(
    page: Page, running_cloud: RunningCloud
) -> None:
    slug = running_cloud.enterprise_slug
    page.goto(in_workspace(running_cloud, slug, "overview"))
    figures = page.locator(".tiles .figure data")
    expect(figures).to_have_count(len(TILES))
    answer = answer_of(page, running_cloud, slug, "overview")
    exact = [answer[name]["cost_usd"] for name in TILES]
    assert [figure.get_attribute("value") for figure in figures.all()] == exact
    assert figures.all_inner_texts() == [on_screen(cost) for cost in exact]


def test_the_chart_has_a_table_with_every_row_of_the_answer(
    page: Page, running_cloud: RunningCloud
) -> None:
    slug = running_cloud.enterprise_slug
    page.goto(in_workspace(running_cloud, slug, "overview"))
    page.get_by_role("navigation", name="Spend by day: view").get_by_text(
        "Table"
    ).click()
    table = page.get_by_role("region", name="Spend by day")
    expect(table.locator("tfoot")).to_be_visible()
    answer = answer_of(page, running_cloud, slug, "overview")
    shown = {
        data.get_attribute("value") for data in table.locator("tbody td data").all()
    }
    given = {day["cost_usd"] for day in answer["days"] + answer["previous_days"]}
    assert given - {None} <= shown
    total = table.locator("tfoot data").first
    assert total.get_attribute("value") == answer["period_total"]["cost_usd"]


def test_arrow_keys_walk_the_chart_and_say_the_day(
    page: Page, running_cloud: RunningCloud
) -> None:
    page.goto(in_workspace(running_cloud, running_cloud.enterprise_slug, "overview"))
    cursor = page.get_by_role("slider", name="Day")
    cursor.focus()
    last = cursor.get_attribute("aria-valuetext")
    page.keyboard.press("ArrowLeft")
    expect(cursor).not_to_have_attribute("aria-valuetext", last or "")
    page.keyboard.press("End")
    expect(cursor).to_have_attribute("aria-valuetext", last or "")


def test_the_period_is_in_the_url_and_back_undoes_it(
    page: Page, running_cloud: RunningCloud
) -> None:
    page.goto(in_workspace(running_cloud, running_cloud.enterprise_slug, "overview"))
    page.get_by_role("link", name="7 days").click()
    page.wait_for_url(re.compile(r"range=7d"))
    cursor = page.get_by_role("slider", name="Day")
    expect(cursor).to_have_attribute("aria-valuemax", "7")
    page.go_back()
    expect(cursor).to_have_attribute("aria-valuemax", "30")


def test_a_lock_is_shown_with_the_plan_it_needs(
    page: Page, running_cloud: RunningCloud
) -> None:
    page.goto(in_workspace(running_cloud, running_cloud.solo_slug, "reconciliation"))
    notice = page.get_by_role("region", name="Reconciliation is part of the Business+")
    expect(notice).to_contain_text("Plan it needs")
    expect(notice).to_contain_text("Solo")
    expect(page.get_by_role("link", name="Reconciliation")).to_be_visible()


def test_out_of_reach_shows_dashes_and_never_zeros(
    page: Page, running_cloud: RunningCloud
) -> None:
    page.route("**/v1/workspaces/**", lambda route: route.abort())
    page.goto(in_workspace(running_cloud, running_cloud.enterprise_slug, "overview"))
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    assert page.locator(".tiles .figure").all_inner_texts() == [DASH] * len(TILES)
    assert "$0" not in page.locator("main").inner_text()


def test_an_error_shows_its_request_and_a_retry(
    page: Page, running_cloud: RunningCloud
) -> None:
    refusal = {"error": "unavailable", "message": "Rebuilding.", "request_id": "req-1"}
    page.route(
        "**/v1/workspaces/**",
        lambda route: route.fulfill(status=503, json=refusal),
        times=1,
    )
    page.goto(in_workspace(running_cloud, running_cloud.enterprise_slug, "overview"))
    expect(page.locator("main")).to_contain_text("req-1")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".tiles .figure data").first).to_be_visible()


def test_what_users_named_is_text(page: Page, running_cloud: RunningCloud) -> None:
    slug = running_cloud.enterprise_slug
    hostile = "<img src=x onerror=document.title='owned'>"
    answer = answer_of(page, running_cloud, slug, "overview")
    answer["top_projects"] = [
        key | {"project": hostile} for key in answer["top_projects"]
    ]
    answer["top_models"] = [key | {"model": hostile} for key in answer["top_models"]]
    page.route(
        "**/v1/workspaces/*/overview*",
        lambda route: route.fulfill(body=json.dumps(answer)),
    )
    page.goto(in_workspace(running_cloud, slug, "overview"))
    expect(page.get_by_text(hostile).first).to_be_visible()
    assert page.locator("img").count() == 0
    assert "owned" not in page.title()


def test_the_first_load_is_small_fast_and_from_this_host_alone(
    context: BrowserContext, running_cloud: RunningCloud
) -> None:
    page = context.new_page()
    wire = Wire()
    wire.listen(page)
    page.goto(in_workspace(running_cloud, running_cloud.enterprise_slug, "overview"))
    expect(page.locator(".chart svg")).to_be_visible()
    page.wait_for_load_state("networkidle")
    asked = [url for url in wire.urls if not url.startswith("data:")]
    hosts = {urlsplit(url).netloc for url in asked}
    assert hosts == {urlsplit(running_cloud.url).netloc}
    assert len(asked) <= MOST_REQUESTS
    assert wire.encoded_bytes <= MOST_BYTES
    painted = page.evaluate(
        "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    )
    assert painted <= LATEST_PAINT_MS


def test_no_page_breaks_its_own_content_security_policy(
    page: Page, running_cloud: RunningCloud
) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    for path in ["/sign-in", "/connect"] + [
        f"/w/{running_cloud.enterprise_slug}/{name}" for name in PAGES
    ]:
        page.goto(f"{running_cloud.url}{path}")
        page.wait_for_load_state("networkidle")
    assert said == []


@pytest.mark.parametrize("width", [320, 768, 1280])
def test_no_page_is_wider_than_its_window(
    page: Page, running_cloud: RunningCloud, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for name in PAGES:
        page.goto(in_workspace(running_cloud, running_cloud.enterprise_slug, name))
        page.wait_for_load_state("networkidle")
        room = "document.documentElement.scrollWidth - innerWidth"
        assert page.evaluate(room) <= 0, name


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "path",
    [
        "/sign-in",
        "/connect",
        "/w/{enterprise}/overview",
        "/w/{enterprise}/overview?days=table",
        "/w/{enterprise}/projects",
        "/w/{enterprise}/traces",
        "/w/{enterprise}/reconciliation",
        "/w/{enterprise}/budgets",
        "/w/{enterprise}/reports",
        "/w/{enterprise}/audit",
        "/w/{enterprise}/pricing",
        "/w/{enterprise}/machines",
        "/w/{enterprise}/health",
        "/w/{enterprise}/overview?how=usage_day",
        "/w/{enterprise}/members",
        "/w/{enterprise}/settings",
        "/join#nothing",
        "/w/{solo}/traces",
        "/w/{enterprise}/nowhere",
    ],
)
def test_every_page_passes_axe_in_both_themes(
    browser: Browser,
    session: StorageState,
    running_cloud: RunningCloud,
    path: str,
    theme: Literal["light", "dark"],
) -> None:
    context = browser.new_context(storage_state=session, color_scheme=theme)
    page = context.new_page()
    filled = path.format(
        enterprise=running_cloud.enterprise_slug, solo=running_cloud.solo_slug
    )
    page.goto(f"{running_cloud.url}{filled}")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(400)  # contrast is measured once skeletons have faded
    found = violations(page)
    context.close()
    assert found == []
