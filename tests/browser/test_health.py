"""Whether figures can be trusted, how they are made, and the models' documentation."""

import re

import psycopg
import pytest
from playwright.sync_api import Page, Request, expect

from ingest.quality.documenting import document
from tests.browser.conftest import RunningCloud

pytestmark = pytest.mark.browser


@pytest.fixture
def findings(owner: psycopg.Connection, running_cloud: RunningCloud) -> None:
    """What a look would have left, of one run."""
    owner.execute(
        """
        insert into raw.quality_runs (engine, newest_change_id, finished_at)
        values ('Great Expectations 1.24.1', 1, now())
        """
    )
    owner.execute(
        """
        insert into raw.quality_findings (
            workspace_id, expectation, subject, observed, most, request_count
        )
        select
            workspace_id, 'every_model_has_a_price',
            '{"provider": "anthropic", "model": "nobody-knows"}', 144, 0, 144
        from app.workspaces where slug = %s
        on conflict do nothing
        """,
        [running_cloud.enterprise_slug],
    )


def test_data_health_says_what_is_not_as_expected_and_since_when(
    page: Page, running_cloud: RunningCloud, findings: None
) -> None:
    page.goto(f"{running_cloud.url}/w/{running_cloud.enterprise_slug}/health")
    found = page.get_by_role("region", name="Findings")
    row = found.get_by_role("row", name=re.compile("nobody-knows"))
    expect(row).to_contain_text("Every model that was called has a price")
    expect(row).to_contain_text("stands")
    sources = page.get_by_role("region", name="Sources")
    requests = sources.get_by_role("row", name=re.compile("raw.requests"))
    expect(requests).to_contain_text("fresh")


def test_a_figure_of_the_overview_says_how_it_is_made(
    page: Page, running_cloud: RunningCloud
) -> None:
    page.goto(f"{running_cloud.url}/w/{running_cloud.enterprise_slug}/overview")
    page.get_by_role("link", name="How is this made? (Spend by day)").click()
    drawer = page.get_by_role("dialog", name="How is this made?")
    expect(drawer).to_contain_text("fct_usage_days")
    expect(drawer).to_contain_text("raw.requests")
    expect(drawer).to_contain_text("-- Usage of each")
    drawer.locator("summary", has_text="priced by the rate in force").click()
    expect(drawer).to_contain_text("Tokens times rate is the cost to the picodollar")
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    expect(page).not_to_have_url(re.compile("how="))


def test_the_documentation_runs_alone_and_loads_nothing_from_elsewhere(
    page: Page, running_cloud: RunningCloud, owner: psycopg.Connection
) -> None:
    document(owner)
    hosts: set[str] = set()

    def note(request: Request) -> None:
        if not request.url.startswith("data:"):
            hosts.add(request.url.split("/")[2])

    page.on("request", note)
    page.goto(
        f"{running_cloud.url}/v1/workspaces/{running_cloud.enterprise_slug}"
        "/data-health/documentation#!/model/model.halton.fct_priced_requests"
    )
    expect(page.get_by_role("heading", name="fct_priced_requests")).to_be_visible()
    expect(page.locator("body")).to_contain_text("priced by the rate in force")
    assert hosts == {running_cloud.url.removeprefix("http://")}
    # In its sandbox the page is a stranger: it holds no cookie and reaches no API.
    assert page.evaluate("window.origin") == "null"
    assert (
        page.evaluate(
            "(() => { try { return document.cookie } catch { return 'refused' } })()"
        )
        == "refused"
    )
    assert (
        page.evaluate("fetch('/v1/me').then(() => 'answered', () => 'refused')")
        == "refused"
    )
