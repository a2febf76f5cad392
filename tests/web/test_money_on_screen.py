"""web/money.js writes money as money_vectors.json says."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.provide import chromium, serve_modules

WEB = Path(__file__).parents[2] / "web"
VECTORS: dict[str, Any] = json.loads((WEB / "money_vectors.json").read_text("utf-8"))
CALLS = {
    "usd": ("usd", ("text", "places"), "shown"),
    "signed": ("usdSigned", ("text",), "shown"),
    "request": ("usdOfRequest", ("text",), "shown"),
    "exact": ("usdExact", ("text",), "shown"),
    "exact_column": ("exactColumn", ("texts",), "shown"),
    "column_places": ("columnPlaces", ("texts",), "places"),
    "compare": ("compare", ("a", "b"), "order"),
    "change": ("change", ("now", "before"), "shown"),
    "millicents": ("usdFromMillicents", ("millicents",), "text"),
}

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with chromium() as browser:
        yield serve_modules(browser.new_page(), WEB)


@pytest.mark.parametrize("rule", CALLS)
def test_every_vector_is_written_so(page: Page, rule: str) -> None:
    function, parameters, result = CALLS[rule]
    vectors: list[dict[str, Any]] = VECTORS[rule]
    written = page.evaluate(
        """async ([name, calls]) => {
            const money = await import("/money.js");
            return calls.map((given) => money[name](...given));
        }""",
        [function, [[vector[name] for name in parameters] for vector in vectors]],
    )
    assert written == [vector[result] for vector in vectors]


def test_every_rule_of_the_vectors_is_tested() -> None:
    assert set(VECTORS) == {"about", *CALLS}


@pytest.mark.parametrize("text", ["", "1e3", "NaN", "1.", ".5", "$1", "1,000.00"])
def test_what_is_no_decimal_string_is_refused(page: Page, text: str) -> None:
    said = page.evaluate(
        """async (text) => {
            const money = await import("/money.js");
            try { return money.usd(text); } catch (error) { return error.name; }
        }""",
        text,
    )
    assert said == "TypeError"
