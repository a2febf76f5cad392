"""The pages on which a workspace is run: who, what with, at which price, since when."""

import json
import re
from collections.abc import Iterator

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.testclient import TestClient

from api.cloud.issuer import sign_in_code
from tests.browser.conftest import RunningCloud, sign_in
from tests.factories import Workspace, batch, daemon, rebuilt, record, workspace
from warehouse.workspaces import user_of

pytestmark = pytest.mark.browser


@pytest.fixture
def home(owner: psycopg.Connection) -> Workspace:
    return workspace(owner)


@pytest.fixture
def owners_page(
    browser: Browser, running_cloud: RunningCloud, home: Workspace
) -> Iterator[Page]:
    """A page of somebody who owns a workspace that nothing else touches."""
    context = browser.new_context()
    page = signed_in(context.new_page(), running_cloud, home.email)
    yield page
    context.close()


def signed_in(page: Page, cloud: RunningCloud, email: str) -> Page:
    sign_in(page, cloud, email)
    return page


def open_page(page: Page, cloud: RunningCloud, home: Workspace, name: str) -> None:
    page.goto(f"{cloud.url}/w/{home.slug}/{name}")


def test_who_is_invited_joins_by_the_link_after_signing_in(
    owners_page: Page, running_cloud: RunningCloud, home: Workspace, browser: Browser
) -> None:
    guest = f"guest-{home.slug}@example.com"
    open_page(owners_page, running_cloud, home, "members")
    owners_page.get_by_label("E-mail").fill(guest)
    owners_page.get_by_role("button", name="Invite").click()
    shown = owners_page.get_by_text("/join#").first.inner_text()
    link = running_cloud.url + shown[shown.index("/join#") :]

    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    page.wait_for_url(re.compile(r"/sign-in\?next="))
    page.get_by_label("E-mail").fill(guest)
    page.get_by_label("Sign-in code").fill(sign_in_code())
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Join").click()
    page.wait_for_url(re.compile(rf"/w/{home.slug}/overview"))
    context.close()

    owners_page.reload()
    role = owners_page.get_by_label(f"Role of {guest}")
    role.select_option("viewer")
    expect(owners_page.get_by_text(f"{guest} is viewer from now on.")).to_be_visible()


def test_a_link_of_somebody_else_opens_nothing(
    owners_page: Page, running_cloud: RunningCloud
) -> None:
    owners_page.goto(f"{running_cloud.url}/join#made-up")
    expect(owners_page.get_by_role("alert")).to_contain_text("No such invitation")


def test_a_machine_shows_what_was_kept_aside_and_loses_its_key(
    owners_page: Page,
    running_cloud: RunningCloud,
    home: Workspace,
    owner: psycopg.Connection,
    cloud: TestClient,
) -> None:
    laptop = daemon(owner, cloud, home, hostname="old-laptop")
    bad = batch(record(), record(input_tokens=-1))
    cloud.post("/v1/requests/batch", json=bad, headers=laptop.headers)
    open_page(owners_page, running_cloud, home, "machines")
    owners_page.get_by_role("link", name="old-laptop").click()
    drawer = owners_page.get_by_role("dialog", name="old-laptop")
    expect(drawer).to_contain_text("input_tokens")
    drawer.get_by_role("button", name="Revoke its key").click()
    drawer.get_by_role("button", name="It can send no more: revoke?").click()
    expect(drawer).to_contain_text("Its key is dead")
    refused = cloud.get("/v1/daemon/whoami", headers=laptop.headers)
    assert refused.status_code == 401


def test_a_change_stands_in_the_log_with_before_and_after(
    owners_page: Page, running_cloud: RunningCloud, home: Workspace
) -> None:
    open_page(owners_page, running_cloud, home, "settings")
    owners_page.get_by_label("Name", exact=True).fill("Renamed & moved")
    owners_page.get_by_role("button", name="Keep").first.click()
    expect(owners_page.locator(".workspace .name")).to_have_text("Renamed & moved")
    open_page(owners_page, running_cloud, home, "audit?action=workspaces.changed")
    owners_page.locator("tbody a").first.click()
    event = owners_page.get_by_role("dialog", name="Change")
    line = event.get_by_role("row", name=re.compile("^name"))
    expect(line).to_contain_text("Renamed & moved")
    with owners_page.expect_download() as download:
        owners_page.keyboard.press("Escape")
        owners_page.get_by_role("link", name="CSV").click()
    assert "Renamed" in download.value.path().read_text("utf-8")


def test_a_model_is_priced_where_it_is_seen_to_have_no_price(
    page: Page, running_cloud: RunningCloud
) -> None:
    page.goto(f"{running_cloud.url}/w/{running_cloud.enterprise_slug}/pricing")
    missing = page.get_by_role("region", name="Models without a price")
    row = missing.get_by_role("row", name=re.compile("nobody-knows")).first
    row.get_by_role("link", name="Price it").click()
    expect(page.get_by_label("Model", exact=True)).to_have_value("nobody-knows")
    page.get_by_label("Input").fill("3.00")
    page.get_by_label("Output").fill("15")
    page.get_by_role("button", name="State this price").click()
    expect(page.get_by_text("nobody-knows is priced")).to_be_visible()
    stated = page.get_by_role("region", name=re.compile("Prices in force"))
    own = stated.get_by_role("row", name=re.compile("nobody-knows"))
    expect(own).to_contain_text("our own")
    own.get_by_role("button", name="Withdraw").click()
    own.get_by_role("button", name="Stop believing it?").click()
    expect(own).to_have_count(0)


def test_an_api_key_is_shown_once_and_opens_what_it_says(
    owners_page: Page, running_cloud: RunningCloud, home: Workspace, cloud: TestClient
) -> None:
    open_page(owners_page, running_cloud, home, "settings")
    owners_page.get_by_label("What it is for").fill("nightly export")
    owners_page.get_by_role("button", name="Make a key").click()
    key = owners_page.locator(".notice code").inner_text()
    opened = cloud.get(
        f"/v1/workspaces/{home.slug}/overview",
        headers={"authorization": f"Bearer {key}"},
    )
    assert opened.status_code == 200
    owners_page.reload()
    expect(owners_page.get_by_text("nightly export")).to_be_visible()
    assert key not in owners_page.content()


def test_the_plan_table_is_the_one_that_is_in_force(
    owners_page: Page, running_cloud: RunningCloud, home: Workspace
) -> None:
    plans = json.loads(owners_page.request.get(f"{running_cloud.url}/v1/plans").text())
    open_page(owners_page, running_cloud, home, "settings")
    table = owners_page.get_by_role("region", name="What each plan holds")
    expect(table.get_by_role("row")).to_have_count(
        1 + len(plans["surfaces"]) + len(plans["features"])
    )
    traces = table.get_by_role("row", name=re.compile("^Traces"))
    days = plans["windows"]["traces"]["team"]
    expect(traces).to_contain_text(f"locked{days} days")


def test_a_workspace_moves_with_its_links_and_comes_back_from_deletion(
    owners_page: Page, running_cloud: RunningCloud, home: Workspace
) -> None:
    open_page(owners_page, running_cloud, home, "settings")
    owners_page.get_by_label("Address").fill(f"{home.slug}-moved")
    owners_page.get_by_role("button", name="Keep").first.click()
    owners_page.wait_for_url(re.compile(rf"/w/{home.slug}-moved/settings"))
    open_page(owners_page, running_cloud, home, "overview")
    owners_page.wait_for_url(re.compile(rf"/w/{home.slug}-moved/overview"))

    owners_page.goto(f"{running_cloud.url}/w/{home.slug}-moved/settings")
    owners_page.get_by_role("button", name="Delete this workspace").click()
    owners_page.get_by_role("button", name=re.compile(r"^Delete .+\?$")).click()
    owners_page.get_by_role("button", name="Bring it back").click()
    expect(owners_page.get_by_text("No machine is paired yet")).to_be_visible()


def test_who_may_not_is_told_which_role_may(
    browser: Browser,
    running_cloud: RunningCloud,
    home: Workspace,
    owner: psycopg.Connection,
) -> None:
    from tests.factories import member

    context = browser.new_context()
    page = signed_in(context.new_page(), running_cloud, member(owner, home, "viewer"))
    open_page(page, running_cloud, home, "members")
    expect(page.locator("main")).to_contain_text("Roles that may: owner, admin")
    open_page(page, running_cloud, home, "settings")
    expect(page.get_by_label("Name", exact=True)).to_have_count(0)
    context.close()


def test_a_personal_summary_goes_to_paper_whole_and_to_a_file(
    owners_page: Page,
    running_cloud: RunningCloud,
    home: Workspace,
    owner: psycopg.Connection,
    cloud: TestClient,
) -> None:
    laptop = daemon(owner, cloud, home, hostname="my-laptop")
    owner.execute(
        "select app.own_machine(%s, %s, %s, now())",
        [home.workspace_id, laptop.machine_id, user_of(owner, home.email)],
    )
    cloud.post(
        "/v1/requests/batch", json=batch(record(project="p")), headers=laptop.headers
    )
    rebuilt()
    open_page(owners_page, running_cloud, home, "reports")
    lines = owners_page.get_by_role("region", name="Spend, by project and model")
    expect(lines.locator("tbody tr")).to_have_count(1)
    expect(owners_page.get_by_role("row", name=re.compile("my-laptop"))).to_be_visible()
    with owners_page.expect_download() as download:
        owners_page.get_by_role("link", name="CSV").click()
    assert "p,anthropic,claude-sonnet-4-5" in download.value.path().read_text("utf-8")
    owners_page.emulate_media(media="print")
    expect(owners_page.get_by_role("button", name="Print")).to_be_hidden()
    expect(owners_page.get_by_role("navigation", name="Pages")).to_be_hidden()
    expect(owners_page.get_by_text(home.email).last).to_be_visible()
    expect(lines.locator("tbody tr")).to_be_visible()
