"""Money in Python: exact in, exact out, rounded at one edge, as the pages write it."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.money import floor_millicents, millicents, pico_from_usd, usd_text

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "web/money_vectors.json").read_text("utf-8")
)
pico = st.integers(-(10**26), 10**26)


@given(pico)
def test_what_is_written_reads_back_to_the_picodollar(amount: int) -> None:
    assert pico_from_usd(usd_text(amount)) == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (10_500_000_000, "0.0105"),
        (160_000, "0.00000016"),
        (0, "0.00"),
        (-1, "-0." + "0" * 11 + "1"),
    ],
)
def test_dollars_have_every_digit_and_at_least_two(amount: int, text: str) -> None:
    assert usd_text(amount) == text


@pytest.mark.parametrize("vector", VECTORS["exact"], ids=lambda vector: vector["text"])
def test_the_pages_write_exact_dollars_as_the_api_does(vector: dict[str, str]) -> None:
    written = usd_text(pico_from_usd(vector["text"]))
    shown = vector["shown"].replace("\u2212", "-").replace("$", "").replace(",", "")
    assert written == shown


@given(pico)
def test_millicents_round_half_to_even(amount: int) -> None:
    assert millicents(amount) == round(Fraction(amount, 10**7))


@given(pico)
def test_a_row_is_floored_for_drift_as_the_daemon_floors_it(amount: int) -> None:
    assert (
        floor_millicents(amount)
        <= Fraction(amount, 10**7)
        < floor_millicents(amount) + 1
    )


@pytest.mark.parametrize(
    "text",
    ["", "-", "1e3", "1,000", "$1", " 1", "0.0000000000001", "NaN", "1.2.3", "٣"],
)
def test_what_is_no_exact_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be|has more"):
        pico_from_usd(text)
