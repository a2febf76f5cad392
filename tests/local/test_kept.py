"""What is kept of a file never outlives what it was made of."""

import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.local import kept, pages, reading, wal
from api.local.asked import By
from api.local.laptop import opened
from api.local.report import report
from api.local.wal import NotByPages, is_settled
from tests.local.asking import august
from tests.local.daemon_file import (
    CHECKOUT,
    SEARCH,
    daemon_file,
    project,
    put,
    rate,
    request,
)

ROWS = 600


@pytest.fixture(autouse=True)
def small_stretches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Cut so that a small file has wide stretches, narrow ones and a last one."""
    monkeypatch.setattr(pages, "WIDE", 256)
    monkeypatch.setattr(pages, "NARROW", 64)
    monkeypatch.setenv("HMC_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    chance = random.Random(3)  # noqa: S311
    rows = [
        request(
            f"2026-08-{chance.randrange(1, 32):02d} 12:00:00.000000",
            project_id=chance.choice([CHECKOUT, SEARCH]),
            model=chance.choice(["claude-sonnet-4-5", "gpt-5", "new"]),
            input_tokens=chance.randrange(9_000),
            cost_usd_minor_units=chance.choice([None, chance.randrange(9_000)]),
        )
        for _ in range(ROWS)
    ]
    return daemon_file(tmp_path / "db.sqlite", rows, [rate()])


def reported(file: Path) -> list[tuple[Any, ...]]:
    with opened(file) as laptop:
        made = report(laptop, august(), By.PROJECT)
    return sorted(
        (
            str(row["key"]["project"]),
            row["requests"],
            row["tokens"]["input"],
            row["cost_millicents"],
        )
        for row in made["rows"]
    )


def plain(file: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as database:
        return sorted(
            (str(slug), *sums)
            for slug, *sums in database.execute(
                """
                select slug, count(*), sum(input_tokens), sum(cost_usd_minor_units)
                from requests left join projects on projects.id = project_id
                where substr(requested_at, 1, 7) = '2026-08'
                group by slug
                """
            )
        )


def recomputed(file: Path) -> int:
    with opened(file) as laptop:
        made = report(laptop, august(), By.PROJECT, has_drift=True)
    return made["totals"]["recomputed"]["cost_picodollars"]


def change(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as daemon:
        for statement in statements:
            daemon.execute(statement)
            daemon.commit()


WRITING = """
import sqlite3, sys
daemon = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.stdin:
    daemon.execute(statement).fetchall()
    print(flush=True)
"""


@contextmanager
def a_daemon(file: Path) -> Iterator[Callable[[str], None]]:
    """Another process that has the file open: locks are between processes."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITING, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def execute(statement: str) -> None:
            process.stdin.write(f"{statement}\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            assert process.stdout.readline() == "\n"  # type: ignore[union-attr]

        yield execute


CHANGES = [
    f"update requests set project_id = '{SEARCH}' where project_id = '{CHECKOUT}'",
    "update requests set cost_usd_minor_units = 1 where rowid = 7",
    "update requests set cost_usd_minor_units = null where rowid % 100 = 0",
    "update requests set input_tokens = input_tokens + 1",
    "update requests set requested_at = '2026-07-01 00:00:00' where rowid % 7 = 0",
    "update projects set slug = 'renamed' where slug = 'search'",
    "delete from requests where rowid % 3 = 0",
    "vacuum",
    "delete from requests where rowid > 100",
    "delete from requests",
]


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_change_between_two_reports_is_in_the_second(mode: str, file: Path) -> None:
    change(file, f"pragma journal_mode = {mode}")
    assert reported(file) == plain(file)
    for statement in CHANGES:
        change(file, statement)
        assert reported(file) == plain(file), statement


def test_so_is_a_change_that_still_stands_in_the_wal(file: Path) -> None:
    with a_daemon(file) as daemon:
        for statement in CHANGES:
            daemon(statement)
            assert reported(file) == plain(file), statement


def test_whatever_a_daemon_does_the_next_report_is_right(file: Path) -> None:
    chance = random.Random(11)  # noqa: S311
    add = (
        "insert into requests (id, project_id, provider, model, input_tokens,"
        " cost_usd_minor_units, requested_at, recorded_at) select hex(randomblob(16)),"
        " project_id, provider, model, 7, 5, requested_at, recorded_at from requests"
        " limit 40"
    )
    with a_daemon(file) as daemon:
        for _ in range(14):
            daemon(
                chance.choice(
                    [
                        add,
                        add,
                        "pragma wal_checkpoint(truncate)",
                        "pragma wal_checkpoint(passive)",
                        *CHANGES[:3],
                    ]
                )
            )
            assert reported(file) == plain(file)


def test_a_file_that_nobody_wrote_to_is_not_read_again(
    file: Path, reads: list[pages.Stretch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "is_settled", lambda _: True)
    first = reported(file)
    assert len(reads) > 3
    reads.clear()
    monkeypatch.setattr(reading.Reader, "bring_up", pytest.fail)
    assert reported(file) == first
    assert reads == []


def test_of_a_file_that_grew_only_the_end_is_read(
    file: Path, reads: list[pages.Stretch]
) -> None:
    reported(file)
    reads.clear()
    with closing(sqlite3.connect(file)) as daemon:
        put(daemon, "requests", [request() for _ in range(30)])
        daemon.commit()
    assert reported(file) == plain(file)
    assert 1 <= len(reads) <= 2
    assert all(stretch.first > ROWS - 64 for stretch in reads)


def test_of_a_row_that_changed_only_its_stretch_is_read(
    file: Path, reads: list[pages.Stretch]
) -> None:
    reported(file)
    reads.clear()
    change(file, "update requests set input_tokens = 1 where rowid = 300")
    assert reported(file) == plain(file)
    assert [stretch.first for stretch in reads] == [256]


def test_a_row_longer_than_a_page_may_change_where_no_digest_looks(
    file: Path,
) -> None:
    long = "/" + "x" * 9_000
    change(file, f"update requests set source_workdir = '{long}' where rowid = 300")
    for basis in ("imported", "api", "imported"):
        change(file, f"update requests set billing_basis = '{basis}' where rowid = 300")
        assert sum(row[1] for row in reported(file)) == ROWS - (basis == "imported")


def test_pages_that_nobody_wrote_to_are_digested_once(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "SETTLED_SECONDS", -1)
    digested: list[int] = []
    digest = pages._Pages._digest

    def noted(self: Any, numbers: Any) -> str:
        digested.append(len(numbers))
        return digest(self, numbers)

    monkeypatch.setattr(pages._Pages, "_digest", noted)
    with a_daemon(file) as daemon:
        reported(file)
        assert len(digested) > 3
        for tokens in range(3):
            digested.clear()
            daemon(f"update requests set input_tokens = {tokens} where rowid = 300")
            assert reported(file) == plain(file)
            assert len(digested) <= 3
        daemon("pragma wal_checkpoint(truncate)")
        digested.clear()
        assert reported(file) == plain(file)
        assert len(digested) > 3


def test_a_rate_that_changed_prices_again(file: Path) -> None:
    before = recomputed(file)
    assert before > 0
    change(
        file,
        "update pricing_rates set input_rate_per_million_minor_units = 600000,"
        " output_rate_per_million_minor_units = 3000000",
    )
    assert recomputed(file) == 2 * before


def test_a_project_that_is_new_is_named(file: Path) -> None:
    change(file, "update requests set project_id = 'later' where rowid < 20")
    assert reported(file) == plain(file)
    with closing(sqlite3.connect(file)) as daemon:
        put(daemon, "projects", [project("later", id="later")])
        daemon.commit()
    assert reported(file) == plain(file)
    assert "later" in {row[0] for row in reported(file)}


MOVING = """
import sqlite3, sys
daemon = sqlite3.connect(sys.argv[1], timeout=30)
print(flush=True)
while True:
    for cents in (1, -1):
        daemon.execute(
            "update requests set cost_usd_minor_units = cost_usd_minor_units"
            " + case rowid when 300 then ?1 else -?1 end where rowid in (300, 400)",
            [cents],
        )
        daemon.commit()
"""


def test_what_is_read_while_a_daemon_writes_is_of_one_moment(file: Path) -> None:
    """Money moves between two rows of a stretch; there is never more or less of it."""
    change(file, "update requests set cost_usd_minor_units = 500")
    with subprocess.Popen(
        [sys.executable, "-c", MOVING, str(file)], stdout=subprocess.PIPE
    ) as daemon:
        assert daemon.stdout is not None
        daemon.stdout.readline()
        for _ in range(6):
            assert sum(row[3] for row in reported(file)) == 500 * ROWS
        daemon.kill()
    assert reported(file) == plain(file)


def test_what_was_replaced_is_removed_once_nobody_can_be_reading_it(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "GRACE_SECONDS", 0)

    def held() -> int:
        return len(list((tmp_path / "cache").rglob("*.parquet")))

    reported(file)
    first = held()
    for tokens in range(6):
        change(file, f"update requests set input_tokens = {tokens} where rowid = 300")
        reported(file)
        assert held() <= first + 6


def test_where_nothing_may_be_kept_the_figures_are_the_same(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no-folder").touch()
    monkeypatch.setenv("HMC_CACHE_DIR", str(tmp_path / "no-folder"))
    assert reported(file) == plain(file)


def test_where_pages_do_not_tell_the_figures_are_the_same(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unable(*_: Any) -> None:
        raise NotByPages("the WAL's index is missing or being written")

    monkeypatch.setattr(pages, "stretches_of", unable)
    assert reported(file) == plain(file)
    assert list((tmp_path / "cache").rglob("*.parquet")) == []


def test_what_is_kept_is_for_its_owner_alone(file: Path, tmp_path: Path) -> None:
    reported(file)
    (folder,) = (tmp_path / "cache").iterdir()
    assert folder.stat().st_mode & 0o077 == 0


def test_a_file_written_a_moment_ago_is_not_trusted_by_its_time(file: Path) -> None:
    assert not is_settled(file)
