"""Small versions of `python -m bench.load`: the same promises, fewer of everything."""

from collections.abc import Iterator

import pytest

from bench.load.bodies import PROMISED_MB, run_bodies
from bench.load.history import run_history
from bench.load.outage import run_outage
from bench.load.overload import run_crowd, run_overload
from bench.load.wire import unfit
from bench.product import Product, running_api

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def api() -> Iterator[Product]:
    """One API process with nothing beside it, as each bench has its own."""
    with running_api() as product:
        yield product


def test_of_a_hundred_daemons_at_once_none_starves(api: Product) -> None:
    seen = run_crowd(api, seconds=10)
    assert not seen.unfit, str(seen)
    assert min(seen.by_sender) > 0, str(seen)


def test_ten_times_too_many_senders_are_told_to_come_back_and_take_no_memory(
    api: Product,
) -> None:
    at_best, overloaded = run_overload(api, seconds=6)  # how many: the bench tells
    assert not overloaded.unfit, str(overloaded)
    assert overloaded.answers[429] > 0, str(overloaded)
    assert at_best.answers[200], str(at_best)
    assert overloaded.answers[200], str(overloaded)
    assert api.peak_mb() < PROMISED_MB


def test_bodies_of_two_megabytes_from_fifty_senders_fit_into_memory(
    api: Product,
) -> None:
    answers, peak_mb = run_bodies(api, seconds=6)
    assert not unfit(answers, 204), str(answers)
    assert answers[200], str(answers)
    assert answers[204], str(answers)
    assert peak_mb < PROMISED_MB


def test_a_history_sent_to_two_workspaces_is_exact_in_both(api: Product) -> None:
    for seen in run_history(api, 20_000):
        assert seen.is_exact, str(seen)


def test_daemons_lose_nothing_while_postgres_is_away() -> None:
    seen = run_outage(
        count=100, away_seconds=12.0, before_seconds=3.0, tick_seconds=2.0
    )
    assert seen.is_kept, str(seen)
    assert seen.answers[503] > 0, str(seen)
