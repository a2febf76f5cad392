"""Some kill cycles of `python -m bench.faults`, and the twins they must catch."""

import pytest

from bench.faults.kills import run_kills
from bench.faults.twins import TWINS

CYCLES = 8  # 1,000 by the command

pytestmark = pytest.mark.slow


def test_what_was_acknowledged_is_there_once_whatever_is_killed() -> None:
    seen = run_kills(CYCLES, until_found=False)
    assert seen.is_kept, str(seen)
    assert seen.deadlocks == 0, str(seen)


@pytest.mark.parametrize(
    "name", ["answer-before-commit", "no-unique-key", "synchronous-commit-off"]
)
def test_a_broken_twin_is_caught(name: str) -> None:
    """What only a power cut shows, `fsync=off`, is for `bench.faults cuts`."""
    assert run_kills(30, TWINS[name], until_found=True).found
