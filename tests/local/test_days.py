"""Of a file only what the days of a report meet is read, and no figure is the worse."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.local import pages
from api.local.asked import By, Period
from api.local.laptop import opened
from api.local.report import reach, report
from tests.local.daemon_file import daemon_file, put, request

AUGUST = Period(date(2026, 8, 1), date(2026, 8, 10))
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def small_stretches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pages, "WIDE", 64)
    monkeypatch.setattr(pages, "NARROW", 16)
    monkeypatch.setenv("HMC_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def year(tmp_path: Path) -> Path:
    """Two calls a day, in order of time, for a year."""
    rows = [
        request(f"{FIRST + timedelta(hours=12 * half):%Y-%m-%d %H:%M:%S.%f}")
        for half in range(730)
    ]
    return daemon_file(tmp_path / "db.sqlite", rows)


def reported(file: Path, period: Period, within: Period | None) -> dict[str, Any]:
    with opened(file, within=within) as laptop:
        made = report(laptop, period, By.DAY)
    return {name: made[name] for name in ("rows", "totals", "warnings", "file")}


def test_a_report_reads_what_its_days_meet_and_no_more(
    year: Path, reads: list[pages.Stretch]
) -> None:
    narrow = reported(year, AUGUST, reach(AUGUST))
    assert 0 < sum(each.last - each.first + 1 for each in reads) < 200
    assert narrow["totals"]["requests"] == 20
    assert narrow["file"] | {"path": ""} == {
        "path": "",
        "requests": 730,
        "first_date": "2026-01-01",
        "last_date": "2026-12-31",
    }
    assert narrow == reported(year, AUGUST, None)


def test_other_days_read_what_is_missing_and_keep_what_is_there(
    year: Path, reads: list[pages.Stretch], tmp_path: Path
) -> None:
    reported(year, AUGUST, reach(AUGUST))
    kept = set((tmp_path / "cache").rglob("*.parquet"))
    reads.clear()
    march = Period(date(2026, 3, 1), date(2026, 3, 10))
    reported(year, march, reach(march))
    assert reads
    reads.clear()
    reported(year, AUGUST, reach(AUGUST))
    assert reads == []
    assert kept < set((tmp_path / "cache").rglob("*.parquet"))


@pytest.mark.parametrize(
    "odd", ["yesterday", "2026-8-5 12:00:00", "20260805", 1786000000, b"2026-08-05"]
)
def test_a_time_that_starts_with_no_day_makes_a_report_read_everything(
    odd: Any, year: Path, reads: list[pages.Stretch]
) -> None:
    with closing(sqlite3.connect(year)) as daemon:
        daemon.execute("update requests set requested_at = ? where rowid = 7", [odd])
        daemon.commit()
    narrow = reported(year, AUGUST, reach(AUGUST))
    assert sum(each.last - each.first + 1 for each in reads) >= 730
    assert narrow == reported(year, AUGUST, None)


def test_so_does_a_file_without_an_index_of_time(
    year: Path, reads: list[pages.Stretch]
) -> None:
    with closing(sqlite3.connect(year)) as daemon:
        daemon.execute("drop index requests_time")
        daemon.commit()
    narrow = reported(year, AUGUST, reach(AUGUST))
    assert sum(each.last - each.first + 1 for each in reads) >= 730
    assert narrow == reported(year, AUGUST, None)


def test_days_are_read_anew_where_a_call_moved_into_them(year: Path) -> None:
    before = reported(year, AUGUST, reach(AUGUST))
    with closing(sqlite3.connect(year)) as daemon:
        daemon.execute(
            "update requests set requested_at = '2026-08-05 12:00:00' where rowid = 7"
        )
        put(daemon, "requests", [request("2026-08-06T01:00:00+02:00")])
        daemon.commit()
    after = reported(year, AUGUST, reach(AUGUST))
    assert after["totals"]["requests"] == before["totals"]["requests"] + 2


DAYS = st.dates(date(2026, 7, 20), date(2026, 8, 20))
SHAPES = (
    "{0} 12:00:00.000000",
    "{0}T23:59:59",
    "{0}T00:30:00+05:45",
    "{0} 23:30:00-12:00",
    "{0}",
    "{0} 25:61:00",
    "{0}x",
)
TIMES = st.builds(lambda day, shape: shape.format(day), DAYS, st.sampled_from(SHAPES))
ODD = st.sampled_from(["", "soon", "2026-08-5", "2026-02-30 12:00:00", 5, 2.5, b"\x00"])


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    times=st.lists(TIMES, min_size=1, max_size=60),
    odd=st.lists(ODD, max_size=1),
    since=DAYS,
    length=st.integers(1, 9),
)
def test_whatever_times_a_file_holds_fewer_rows_read_give_the_same_figures(
    times: list[str],
    odd: list[Any],
    since: date,
    length: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    file = tmp_path_factory.mktemp("days") / "db.sqlite"
    daemon_file(file, [request(at) for at in [*times, *odd]])
    period = Period(since, since + timedelta(days=length - 1))
    assert reported(file, period, reach(period)) == reported(file, period, None)
