"""What axe finds wrong with a page, by the rules that every page keeps."""

from pathlib import Path

from playwright.sync_api import Page

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[str]:
    """Say what breaks which rule on the page as it stands."""
    page.evaluate(AXE)
    found = page.evaluate(
        "rules => axe.run(document, { runOnly: rules }).then(r => r.violations)", RULES
    )
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found]
