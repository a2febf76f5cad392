"""Whatever is wrong with a file, a person reads one line that says what to do."""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from api.local.daemon_file import COLUMNS
from api.local.daemon_file import daemon_file as found_file
from api.local.laptop import opened
from api.local.report import report
from api.local.trouble import BrokenFile, ForeignFile, LockedFile, NoDaemonFile
from models.trouble import Trouble
from tests.local.asking import august, figures
from tests.local.daemon_file import daemon_file, rate, request

NOBODY = 65534


def trouble_of(file: Path) -> Trouble:
    with pytest.raises(Trouble) as told, opened(file) as laptop:
        report(laptop, august(), figures("project"))
    assert "\n" not in str(told.value)
    assert str(file) in str(told.value)
    assert told.value.exit_code == 1
    return told.value


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert isinstance(trouble_of(tmp_path / "none.sqlite"), NoDaemonFile)


def test_a_folder(tmp_path: Path) -> None:
    assert isinstance(trouble_of(tmp_path), NoDaemonFile)


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Give up root's right to read everything, for a while."""
    is_root = os.geteuid() == 0
    try:
        if is_root:
            os.seteuid(NOBODY)
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_a_file_that_may_not_be_read() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        file = daemon_file(folder / "db.sqlite")
        file.chmod(0)
        with as_somebody_else(), pytest.raises(NoDaemonFile, match="Permission denied"):
            found_file(file)


@pytest.mark.parametrize("content", [b"", b"SQLite", b"\x00" * 5_000, b"a,b\n1,2\n"])
def test_a_file_that_is_no_database(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "db.sqlite"
    file.write_bytes(content)
    assert isinstance(trouble_of(file), ForeignFile)


def test_a_database_of_something_else(tmp_path: Path) -> None:
    file = tmp_path / "db.sqlite"
    with closing(sqlite3.connect(file)) as database:
        database.execute("create table bookmarks (id text)")
    assert "`requests`" in str(trouble_of(file))


def test_a_daemons_table_without_what_every_daemon_writes(tmp_path: Path) -> None:
    file = daemon_file(tmp_path / "db.sqlite")
    with closing(sqlite3.connect(file)) as database:
        database.execute("alter table requests drop column input_tokens")
    assert "`input_tokens`" in str(trouble_of(file))


def test_a_damaged_file_names_the_command_that_saves_what_it_can(
    tmp_path: Path,
) -> None:
    file = daemon_file(tmp_path / "db.sqlite", [request() for _ in range(2_000)])
    content = bytearray(file.read_bytes())
    for page in range(8 * 4096, len(content), 4096):
        content[page : page + 512] = b"\xff" * 512
    file.write_bytes(content)
    told = trouble_of(file)
    assert isinstance(told, BrokenFile)
    assert ".recover" in str(told)


def test_a_file_cut_short_is_damaged(tmp_path: Path) -> None:
    file = daemon_file(tmp_path / "db.sqlite", [request() for _ in range(2_000)])
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    assert isinstance(trouble_of(file), BrokenFile)


def test_a_file_that_another_program_keeps_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.local.daemon_file.WAIT_SECONDS", 0.1)
    file = daemon_file(tmp_path / "db.sqlite", [request()])
    with closing(sqlite3.connect(file)) as holder:
        holder.execute("pragma locking_mode = exclusive")
        holder.execute("begin immediate")
        holder.execute("update requests set status = 'success'")
        assert isinstance(trouble_of(file), LockedFile)


def test_a_file_is_read_while_a_daemon_writes_it(tmp_path: Path) -> None:
    file = daemon_file(tmp_path / "db.sqlite", [request(id="one")])
    with closing(sqlite3.connect(file)) as daemon:
        daemon.execute("begin immediate")
        daemon.execute("update requests set input_tokens = 7")
        with opened(file) as laptop:
            totals = report(laptop, august(), figures("project"))["totals"]
        assert totals["tokens"]["input"] == 1_000
        daemon.commit()
        with opened(file) as laptop:
            totals = report(laptop, august(), figures("project"))["totals"]
        assert totals["tokens"]["input"] == 7


def test_a_file_of_an_older_daemon_reads_with_what_it_has(tmp_path: Path) -> None:
    old = daemon_file(tmp_path / "old.sqlite", [request()], [rate()], is_old=True)
    with opened(old) as laptop:
        made = report(laptop, august(), figures("project"))
    assert made["totals"]["requests"] == 1
    assert made["warnings"] == []


def test_a_file_with_the_least_columns_and_tables_reads(tmp_path: Path) -> None:
    file = tmp_path / "db.sqlite"
    with closing(sqlite3.connect(file)) as database:
        for table in ("requests", "projects"):
            kept = [name[:-1] for name in COLUMNS[table] if name.endswith("*")]
            database.execute(f"create table {table} ({', '.join(kept)})")
        database.execute(
            "insert into requests values"
            " ('a', 'p', 'anthropic', 'm', 5, 6, 7, '2026-08-10 12:00:00')"
        )
        database.execute("insert into projects values ('p', 'checkout')")
        database.commit()
    with opened(file) as laptop:
        made = report(laptop, august(), figures("project"))
    assert made["rows"][0]["key"] == {"project": "checkout"}
    assert made["totals"]["cost_millicents"] == 7


def test_reading_changes_nothing(tmp_path: Path) -> None:
    file = daemon_file(tmp_path / "db.sqlite", [request()], [rate()])
    before = (file.read_bytes(), file.stat().st_mtime_ns)
    with opened(file) as laptop:
        report(laptop, august(), figures("project"))
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before


@pytest.mark.parametrize(
    "at",
    [
        "2026-08-10 12:00:00.000000",
        "2026-08-10 12:00:00",
        "2026-08-10 12:00",
        "2026-08-10T12:00:00",
        "2026-08-10T12:00:00.123456Z",
        "2026-08-10T14:00:00+02:00",
        "2026-08-10 17:45:00+05:45",
        "2026-08-09T23:30:00-12:30",
        "2026-08-10",
    ],
)
def test_times_read_however_a_daemon_wrote_them(at: str, tmp_path: Path) -> None:
    file = daemon_file(tmp_path / "db.sqlite", [request(at)])
    with opened(file) as laptop:
        rows = report(laptop, august(), figures("day"))["rows"]
    assert [row["key"]["day"] for row in rows] == ["2026-08-10"]


@pytest.mark.parametrize(
    "odd",
    [
        {"requested_at": "yesterday"},
        {"requested_at": "2026-13-45 00:00:00"},
        {"input_tokens": -1},
        {"input_tokens": "many"},
        {"input_tokens": 1.5},
        {"output_tokens": 10**12},
        {"cost_usd_minor_units": "free"},
        {"tokens_complete": "maybe"},
    ],
)
def test_what_cannot_be_read_is_counted_and_in_no_figure(
    odd: dict[str, object], tmp_path: Path
) -> None:
    file = daemon_file(tmp_path / "db.sqlite", [request(), request(**odd)])
    with opened(file) as laptop:
        made = report(laptop, august(), figures("project"))
    assert made["totals"]["requests"] == 1
    assert made["warnings"] == [{"code": "unreadable", "count": 1}]
