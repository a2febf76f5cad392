"""Polars, asked the same, says the same: on random rows, to the picodollar."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.factories import rebuilt
from tests.second_opinion import Random, differences, land_random, make_random

ROWS = 20_000  # bench/second_opinion.py asks about a million


@pytest.fixture
def made(owner: psycopg.Connection) -> Iterator[Random]:
    """Random requests, published; and gone again, for they are many."""
    made = make_random(owner, seed=11)
    land_random(owner, made, ROWS)
    rebuilt()
    yield made
    owner.execute("delete from raw.requests where model = any(%s)", [made.models])
    rebuilt(full_refresh=True)


def test_polars_prices_random_requests_as_the_warehouse_does(
    owner: psycopg.Connection, made: Random
) -> None:
    count, different = differences(owner, made)
    assert count == ROWS
    assert different.is_empty(), different


def test_a_price_that_is_off_by_one_microdollar_is_found(
    owner: psycopg.Connection, made: Random
) -> None:
    owner.execute(
        """
        update raw.pricing_rates set output_rate = output_rate + 1
        where model = any(%s) and output_rate < 1000000000
        """,
        [made.models],
    )
    assert not differences(owner, made)[1].is_empty()
