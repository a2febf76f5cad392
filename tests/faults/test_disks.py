"""A disk that is full for a while, and one that stalls."""

import os

import pytest

from bench.faults.full import run_full
from bench.faults.stalls import run_stalls

pytestmark = pytest.mark.slow


def test_a_full_disk_loses_nothing_and_rows_land_again_when_there_is_room() -> None:
    if os.geteuid() != 0:
        pytest.fail("no disk was full: mounting a disk image needs root")
    seen = run_full(times=1, full_seconds=2.0)
    assert seen.is_kept, str(seen)


def test_a_disk_that_stalls_loses_nothing() -> None:
    seen = run_stalls(2, one_is_long=False)
    assert seen.is_kept, str(seen)
