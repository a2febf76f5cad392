"""What finance does in a browser: say whose spend it is, set budgets, close months."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import psycopg
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from starlette.testclient import TestClient

from tests.browser.accessible import violations
from tests.browser.conftest import RunningCloud, sign_in
from tests.factories import (
    Daemon,
    Workspace,
    batch,
    daemon,
    member,
    rebuilt,
    record,
    workspace,
)

pytestmark = pytest.mark.browser

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)
LAST_MONTH = TODAY.replace(day=1) - timedelta(days=1)
MONTH = f"{LAST_MONTH:%Y-%m}"
WITHIN_IT = f"{MONTH}-11T12:00:00Z"

OpenedBy = Callable[[str], Page]


@pytest.fixture
def home(owner: psycopg.Connection) -> Workspace:
    return workspace(owner)


@pytest.fixture
def laptop(owner: psycopg.Connection, cloud: TestClient, home: Workspace) -> Daemon:
    return daemon(owner, cloud, home, hostname="anyas-laptop")


@pytest.fixture
def as_(browser: Browser, running_cloud: RunningCloud) -> Iterator[OpenedBy]:
    """Pages of whoever signs in, each in a browser of their own."""
    contexts = [browser.new_context()]

    def opened(email: str) -> Page:
        contexts.append(browser.new_context())
        page = contexts[-1].new_page()
        sign_in(page, running_cloud, email)
        return page

    yield opened
    for context in contexts:
        context.close()


def send(cloud: TestClient, laptop: Daemon, **fields: object) -> None:
    answer = cloud.post(
        "/v1/requests/batch", json=batch(record(**fields)), headers=laptop.headers
    )
    assert answer.json()["accepted"] == 1


def panel(page: Page, title: str) -> Locator:
    """A panel of forms, opened."""
    found = page.locator("details", has=page.get_by_text(title, exact=True))
    if found.get_attribute("open") is None:
        found.get_by_text(title, exact=True).click()
    return found


def sure(within: Locator, button: str, question: str) -> None:
    within.get_by_role("button", name=button, exact=True).click()
    within.get_by_role("button", name=question).click()


def choose(within: Locator, label: str, option: str) -> None:
    within.get_by_role("combobox", name=label, exact=True).select_option(option)


def row(of: Locator, named: str) -> Locator:
    return of.get_by_role("row", name=re.compile(named))


def shut(drawer: Locator) -> None:
    drawer.get_by_role("button", name="Close", exact=True).click()


def passes_in_both_themes(page: Page) -> None:
    themes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for theme in themes:
        page.emulate_media(color_scheme=theme)
        assert violations(page) == [], theme


@pytest.fixture
def page(as_: OpenedBy, running_cloud: RunningCloud, home: Workspace) -> Page:
    """The owner's page of budgets."""
    opened = as_(home.email)
    opened.goto(f"{running_cloud.url}/w/{home.slug}/budgets")
    return opened


def add_department(page: Page, name: str, below: str = "nothing") -> None:
    new = panel(page, "Add a department")
    new.get_by_label("Name").fill(name)
    choose(new, "Below", below)
    new.get_by_label("Open since").fill(YESTERDAY.isoformat())
    new.get_by_role("button", name="Add it").click()
    expect(new.get_by_text(f"{name} is there")).to_be_visible()


def test_departments_are_added_moved_renamed_and_retired(page: Page) -> None:
    add_department(page, "Engineering")
    add_department(page, "Platform", below="Engineering")
    new = panel(page, "Add a department")
    new.get_by_label("Name").fill("Platform")
    new.get_by_role("button", name="Add it").click()
    expect(new.get_by_text("There is a department named Platform")).to_be_visible()
    tree = page.get_by_role("region", name="Departments and shared costs")
    expect(row(tree, "Platform")).to_contain_text("Engineering")

    tree.get_by_role("link", name="Platform").click()
    drawer = page.get_by_role("dialog")
    drawer.get_by_label("Name").fill("Foundations")
    drawer.get_by_role("button", name="Rename").click()
    expect(drawer.get_by_role("heading", name="Foundations")).to_be_visible()
    choose(drawer, "Below", "nothing")
    drawer.get_by_role("button", name="Move").click()
    expect(drawer.get_by_text("Moved from")).to_be_visible()
    passes_in_both_themes(page)
    sure(drawer, "Retire", "For good, with its rules?")
    expect(drawer.get_by_text("Change it")).to_have_count(0)
    shut(drawer)
    expect(row(tree, "Foundations")).not_to_contain_text("Engineering")
    expect(page.get_by_role("heading", name="1 department")).to_be_visible()


def test_a_shared_cost_is_split_by_weights_and_then_evenly(page: Page) -> None:
    add_department(page, "Engineering")
    add_department(page, "Research")
    new = panel(page, "Add a shared cost")
    new.get_by_label("Name").fill("Code review")
    choose(new, "Split", "by fixed weights")
    new.get_by_label("Research").fill("3")
    new.get_by_role("button", name="Add it").click()
    tree = page.get_by_role("region", name="Departments and shared costs")
    expect(row(tree, "Code review")).to_contain_text("by fixed weights over Research 3")
    tree.get_by_role("link", name="Code review").click()
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_label("Research")).to_have_value("3")
    choose(drawer, "Split", "evenly")
    drawer.get_by_label("Research").fill("")
    drawer.get_by_role("button", name="Split so").click()
    expect(drawer.get_by_text("evenly over all that are open")).to_be_visible()
    passes_in_both_themes(page)


def test_rules_and_labels_are_added_given_elsewhere_and_ended(
    page: Page, laptop: Daemon
) -> None:
    add_department(page, "Engineering")
    add_department(page, "Research")
    new = panel(page, "Add a rule")
    new.get_by_label("Project", exact=True).fill("checkout")
    choose(new, "To", "Engineering")
    new.get_by_label("From (UTC day)").fill(YESTERDAY.isoformat())
    new.get_by_role("button", name="Add the rule").click()
    expect(new.get_by_text("The rule holds.")).to_be_visible()
    choose(new, "Given is a", "machine")
    choose(new, "Machine", "anyas-laptop")
    choose(new, "To", "Research")
    new.get_by_label("Order, lowest first").fill("200")
    new.get_by_role("button", name="Add the rule").click()
    rules = page.get_by_role("region", name="Rules in their order")
    expect(rules.locator("tbody th")).to_have_text(["checkout", "anyas-laptop"])

    new = panel(page, "Label a project")
    new.get_by_label("Project", exact=True).fill("checkout")
    new.get_by_label("Label", exact=True).fill("customer-facing")
    new.get_by_role("button", name="Label it").click()
    labels = page.get_by_role("region", name="Labels of projects")
    sure(labels, "Take off", "From now on?")
    expect(page.get_by_text("carries customer-facing no more")).to_be_visible()
    passes_in_both_themes(page)

    rules.get_by_role("link", name="checkout").click()
    drawer = page.get_by_role("dialog")
    choose(drawer, "To", "Research")
    drawer.get_by_role("button", name="Give it there").click()
    expect(drawer.get_by_text("Given there from")).to_be_visible()
    shut(drawer)
    expect(row(rules, "checkout")).to_contain_text("Research")
    expect(page.get_by_text("1 rule that ended")).to_be_visible()
    rules.get_by_role("link", name="anyas-laptop").click()
    sure(drawer, "End it", "From that day on?")
    expect(rules.locator("tbody th")).to_have_text(["checkout"])


def test_a_budget_is_set_exactly_and_refused_where_it_is_wrong(page: Page) -> None:
    new = panel(page, "Set a budget")
    amount = new.get_by_label("Per month, US dollars")
    amount.fill("0")
    new.get_by_role("button", name="Set it").click()
    expect(amount).to_have_accessible_description("is no amount to spend")
    expect(new.get_by_text("Nothing was changed: see what is marked.")).to_be_visible()
    passes_in_both_themes(page)
    page.emulate_media(color_scheme="light")
    new.get_by_label("Project", exact=True).fill("checkout")
    amount.fill("12.000000000001")
    new.get_by_role("button", name="Set it").click()
    expect(new.get_by_text("The budget is set.")).to_be_visible()
    budgets = page.get_by_role("region", name="Budgets of this month")
    budgets.get_by_role("link", name="checkout").click()
    drawer = page.get_by_role("dialog", name="checkout")
    expect(drawer).to_contain_text("$12.000000000001 a month")
    drawer.get_by_label("Per month, US dollars").fill("0.01")
    drawer.get_by_role("button", name="Change it").click()
    expect(drawer).to_contain_text("$0.01 a month")
    sure(drawer, "End it", "From that month on?")
    expect(page.get_by_text("No budget is set for this month")).to_be_visible()


@pytest.fixture
def prepared(
    as_: OpenedBy,
    running_cloud: RunningCloud,
    home: Workspace,
    laptop: Daemon,
    cloud: TestClient,
    monkeypatch: pytest.MonkeyPatch,
) -> Page:
    """The page of whoever has prepared last month."""
    # Cycles are run by hand here, so nobody need wait for one.
    monkeypatch.setattr("api.cloud.routes.reconciliation.PUBLISHED_WITHIN_SECONDS", 0)
    send(cloud, laptop, requested_at=WITHIN_IT)
    rebuilt()
    page = as_(home.email)
    page.goto(f"{running_cloud.url}/w/{home.slug}/reconciliation")
    forms = panel(page, "Prepare a month to close")
    forms.get_by_label("Month", exact=True).fill(MONTH)
    forms.get_by_role("button", name="Prepare to close").click()
    expect(forms.get_by_text("Somebody else closes it.")).to_be_visible()
    return page


def closes(page: Page) -> Locator:
    return page.get_by_role("region", name="Months that are prepared")


def test_a_month_is_closed_by_another_adjusted_and_reopened(
    prepared: Page,
    as_: OpenedBy,
    running_cloud: RunningCloud,
    home: Workspace,
    laptop: Daemon,
    owner: psycopg.Connection,
    cloud: TestClient,
) -> None:
    path = prepared.url
    closes(prepared).get_by_role("link", name="Anthropic").click()
    drawer = prepared.get_by_role("dialog")
    sure(drawer, "Close this month", "On these figures?")
    expect(drawer.get_by_text("You prepared this month yourself")).to_be_visible()
    page = as_(member(owner, home, "billing"))
    page.goto(path)
    close, drawer = row(closes(page), "Anthropic"), page.get_by_role("dialog")
    expect(close).to_contain_text("prepared")
    close.get_by_role("link").click()
    sure(drawer, "Close this month", "On these figures?")
    expect(drawer.get_by_role("heading", name="Take it back")).to_be_visible()
    shut(drawer)
    expect(close).to_contain_text("closed")
    rebuilt()
    send(cloud, laptop, requested_at=WITHIN_IT)
    rebuilt()

    page.reload()
    months = page.get_by_role("region", name="Logged spend against")
    expect(row(months, f"{LAST_MONTH:%b %Y}")).to_contain_text("signed off")
    adjustments = page.get_by_role("region", name="What closed months differ by")
    expect(row(adjustments, "Anthropic")).to_contain_text(f"{TODAY:%b %Y}")
    passes_in_both_themes(page)
    adjustments.get_by_role("link", name="what changed").click()
    expect(drawer).to_contain_text("yes, made again from its requests")
    expect(drawer).to_contain_text("1 request of claude-sonnet-4-5 landed since")
    told = cloud_answer(page, running_cloud, home)["adjustments"][0]
    assert Decimal(told["adjustment"]["cost_usd"]) > 0
    assert (
        drawer.locator("li data").get_attribute("value")
        == told["causes"][0]["difference_usd"]
    )
    passes_in_both_themes(page)

    drawer.get_by_label("Reason").fill("the bill came late")
    drawer.get_by_role("button", name="Reopen it").click()
    expect(drawer).to_contain_text("the bill came late")
    rebuilt()
    page.goto(path)
    expect(close).to_contain_text("reopened")
    expect(adjustments.locator("tbody tr")).to_have_count(2)


def test_who_may_not_sees_what_there_is_locked_with_its_reason(
    as_: OpenedBy,
    running_cloud: RunningCloud,
    home: Workspace,
    prepared: Page,
    owner: psycopg.Connection,
) -> None:
    page = as_(member(owner, home, "viewer"))
    page.goto(prepared.url)
    closes(page).get_by_role("link", name="Anthropic").click()
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text("Roles that may: owner, admin, billing")
    shut(drawer)
    expect(panel(page, "Prepare a month to close")).to_contain_text(
        "Roles that may: owner, admin, billing"
    )
    page.goto(f"{running_cloud.url}/w/{home.slug}/budgets")
    for title in ("Set a budget", "Add a department", "Add a rule", "Label a project"):
        locked = panel(page, title)
        expect(locked).to_contain_text("As viewer you may not")
        expect(locked).to_contain_text("Roles that may: owner, admin, editor")
        expect(locked.get_by_role("button")).to_have_count(0)
    page = as_(running_cloud.email)
    page.goto(f"{running_cloud.url}/w/{running_cloud.solo_slug}/budgets")
    expect(page.get_by_text("That is part of the Business+ plan.")).to_be_visible()


def cloud_answer(page: Page, cloud: RunningCloud, home: Workspace) -> dict[str, Any]:
    answer = page.request.get(
        f"{cloud.url}/v1/workspaces/{home.slug}/reconciliation/anthropic/{MONTH}/close"
    )
    assert answer.ok
    return answer.json()
