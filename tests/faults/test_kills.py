"""Kill cycles and power cuts of `python -m bench.faults`, and twins they must catch."""

import os

import pytest

from bench.faults.cuts import run_cuts
from bench.faults.kills import run_kills
from bench.faults.site import forked
from bench.faults.twins import TWINS

CYCLES = 250  # 1,000 by the command, each of which starts the API anew
CUTS = 30  # 300 by the command
LEAST_ROWS = 250  # acknowledged for each cycle, so that each could have lost some

pytestmark = pytest.mark.slow


def test_what_was_acknowledged_is_there_once_whatever_is_killed() -> None:
    seen = run_kills(CYCLES, serving=forked, until_found=False)
    assert seen.is_kept, str(seen)
    # How soon and how many a second are figures of the bench: here a browser and
    # another suite may run beside.
    assert seen.acknowledged >= CYCLES * LEAST_ROWS, str(seen)


@pytest.mark.parametrize(
    "name", ["answer-before-commit", "no-unique-key", "synchronous-commit-off"]
)
def test_a_broken_twin_is_caught(name: str) -> None:
    assert run_kills(30, TWINS[name], until_found=True).found


def test_what_was_acknowledged_is_there_after_a_power_cut() -> None:
    _need_root()
    seen = run_cuts(CUTS, until_found=False)
    assert seen.is_kept, str(seen)


def test_a_disk_that_is_never_flushed_is_caught_by_a_power_cut() -> None:
    """No kill shows this: the kernel lives on and writes what it holds."""
    _need_root()
    seen = run_cuts(30, TWINS["fsync-off"], until_found=True)
    assert seen.found or seen.unrecovered


def _need_root() -> None:
    if os.geteuid() != 0:
        pytest.fail("no power was cut: mounting a disk image needs root")
