"""web/csv.js writes RFC 4180, and what people named cannot become a formula."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.provide import chromium, serve_modules

WEB = Path(__file__).parents[2] / "web"
ROWS = [
    ["plain", "1.50"],
    ["=1+1", "-2.00"],
    ["+1", None],
    ["-1", "0.00"],
    ["@SUM(A1)", "0.000000000001"],
    ["\tx", "3.00"],
    ['a "quoted", word\nand a line', "4.00"],
]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with chromium() as browser:
        yield serve_modules(browser.new_page(), WEB)


def test_text_is_kept_harmless_and_money_stays_a_number(page: Page) -> None:
    written: str = page.evaluate(
        """async (rows) => {
            const { csvOf } = await import("/csv.js");
            return csvOf([
                { key: "project", kind: "text", value: (row) => row[0] },
                { key: "cost_usd", kind: "money", value: (row) => row[1] },
            ], rows);
        }""",
        ROWS,
    )
    assert written.startswith("project,cost_usd\r\n")
    read = list(csv.reader(io.StringIO(written, newline="")))
    assert read[1:] == [
        [f"'{name}" if name[0] in "=+-@\t" else name, cost or ""]
        for name, cost in ((str(row[0]), row[1]) for row in ROWS)
    ]
