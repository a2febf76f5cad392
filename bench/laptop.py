"""How fast the laptop's report and loopback API are, and what memory they take.

    python -m bench.laptop              1,000,000 and 10,000 rows
    python -m bench.laptop --large      5,000,000 rows as well: memory

Whole processes, as a person starts them; the same file, beside plain `sqlite3`.
"""

import os
import random
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.local.daemon_file import NEWER, PROJECTS, REQUESTS, REST, project, put, rate

DAYS = 365
YEAR = f"--since={DAYS + 1}"
APPENDED = 1_000
SETTLE_SECONDS = 3  # a file without a WAL is trusted by its time after 2.5 s
MODELS = (
    ("anthropic", "claude-sonnet-4-5"),
    ("openai", "gpt-5"),
    ("anthropic", "claude-haiku-4-5"),
    ("gemini", "gemini-2.5-pro"),
    ("openai", "gpt-5-mini"),
    ("groq", "llama-3.3-70b"),
)
BY_DAY = """
    select substr(requested_at, 1, 10), provider, model, count(*), sum(input_tokens),
        sum(output_tokens), sum(cost_usd_minor_units), avg(latency_ms)
    from requests group by 1, 2, 3
"""


@dataclass(frozen=True)
class Run:
    """One process: how long it took from start to end, and its most memory."""

    seconds: float
    megabytes: float


def main(words: list[str]) -> None:
    """Measure, and print a line per promise."""
    with tempfile.TemporaryDirectory(prefix="hmc-bench-laptop-") as folder:
        home = Path(folder)
        os.environ["HMC_CACHE_DIR"] = str(home / "kept")
        small(home)
        million(home)
        if "--large" in words:
            large(home)


def small(home: Path) -> None:
    """10,000 rows, nothing kept."""
    file = written(home / "small.sqlite", 10_000)
    runs: list[float] = []
    for attempt in range(5):
        os.environ["HMC_CACHE_DIR"] = str(home / f"cold-{attempt}")
        runs.append(report(file).seconds)
    os.environ["HMC_CACHE_DIR"] = str(home / "kept")
    told("10,000 rows, cold", f"{min(runs):.2f} s at best, {middle(runs)}", "0.45 s")


def million(home: Path) -> None:
    """1,000,000 rows: first, next, after an append, after a change, and loopback."""
    file = written(home / "db.sqlite", 1_000_000)
    plain = [timed_by_sqlite(file) for _ in range(3)]
    first = [first_report(file, home, attempt) for attempt in range(3)]
    year = [first_report(file, home, attempt, YEAR) for attempt in range(3, 5)]
    os.environ["HMC_CACHE_DIR"] = str(home / "kept")
    report(file)
    again = [report(file) for _ in range(7)]
    added = [after(file, append) for _ in range(5)]
    changed = [after(file, change_old_rows) for _ in range(3)]
    runs = [*first, *year, *again, *added, *changed]
    for name, found, promise in (
        ("1,000,000 rows, first", first, "2.5 s"),
        ("first, of the whole year", year, "-"),
        ("next", again, "0.6 s"),
        ("after 1,000 more", added, "0.8 s"),
        ("after a change of old rows", changed, "-"),
    ):
        seconds = [run.seconds for run in found]
        told(name, f"{min(seconds):.2f} s at best, {middle(seconds)}", promise)
    told("most memory", f"{max(run.megabytes for run in runs):.0f} MB", "400 MB")
    ratio = statistics.median(plain) / statistics.median(r.seconds for r in again)
    told("sqlite3, by day alone", f"{middle(plain)}: {ratio:.1f} times the next", "-")
    loopback(file)


def large(home: Path) -> None:
    """5,000,000 rows: memory."""
    file = written(home / "large.sqlite", 5_000_000)
    time.sleep(SETTLE_SECONDS)
    first, again = report(file), report(file)
    most = max(first.megabytes, again.megabytes)
    told("5,000,000 rows, memory", f"{most:.0f} MB", "1,000 MB")
    told("first, next", f"{first.seconds:.2f} s, {again.seconds:.2f} s", "-")


def loopback(file: Path) -> None:
    """Time what dashboards ask for: once it is warm, and while a daemon adds calls."""
    port, page_port = free_port(), free_port()
    words = ["--db", str(file), "--port", str(port), "--page-port", str(page_port)]
    with subprocess.Popen([sys.executable, "-m", "hmc", "local", *words]) as server:
        try:
            for path in ("/v1/stats", "/v1/projects", "/api/calls", "/api/summary"):
                got(port, path)
                found = [got(port, path) for _ in range(15)]
                told(path, f"{middle(found, 1_000, 'ms')}", "150 ms")
            time.sleep(SETTLE_SECONDS)
            with closing(sqlite3.connect(file)) as daemon:
                found = [got_after_a_call(daemon, port) for _ in range(7)]
            told("/v1/stats after a call", f"{middle(found, 1_000, 'ms')}", "-")
        finally:
            server.terminate()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def got(port: int, path: str) -> float:
    """Ask the loopback API, waiting for it to be there; return the seconds."""
    for _ in range(100):
        start = time.perf_counter()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
                answer.read()
            return time.perf_counter() - start
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the loopback API did not start")


def got_after_a_call(daemon: sqlite3.Connection, port: int) -> float:
    """Ask for the sums a moment after the daemon has captured one more call."""
    fill(daemon, calls(1, random.Random(time.time_ns())))
    daemon.commit()
    return got(port, "/v1/stats")


def first_report(file: Path, home: Path, attempt: int, *words: str) -> Run:
    """Report with nothing kept."""
    os.environ["HMC_CACHE_DIR"] = str(home / f"first-{attempt}")
    time.sleep(SETTLE_SECONDS)
    return report(file, *words)


def after(file: Path, change: Any) -> Run:
    """Report after the file has changed."""
    with closing(sqlite3.connect(file)) as daemon:
        change(daemon)
        daemon.commit()
    return report(file)


def append(daemon: sqlite3.Connection) -> None:
    """Add calls as a daemon does."""
    fill(daemon, calls(APPENDED, random.Random(time.time_ns())))


def change_old_rows(daemon: sqlite3.Connection) -> None:
    """Relabel calls all over the file, as `retag` does."""
    daemon.execute(
        "update requests set cost_usd_minor_units = cost_usd_minor_units + 1"
        " where rowid % 100000 = 7"
    )


def report(file: Path, *words: str) -> Run:
    """Run `hmc report` as a process of its own."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "hmc", "report", "--db", str(file), *words],
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(process.returncode)
    return Run(time.perf_counter() - start, used.ru_maxrss / 1024)


def timed_by_sqlite(file: Path) -> float:
    """Sum up by day, provider and model in plain SQLite: a part of what a report is."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", PLAIN, str(file), BY_DAY],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - start


PLAIN = """
import sqlite3, sys
print(len(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))
"""


def written(file: Path, count: int) -> Path:
    """Write a daemon's file with so many calls, spread over a year."""
    with closing(sqlite3.connect(file)) as daemon:
        daemon.execute("pragma journal_mode = wal")
        daemon.execute("pragma synchronous = off")
        daemon.executescript(PROJECTS + REQUESTS.format(newer=NEWER) + REST)
        put(daemon, "projects", [project(f"project-{n}", id=_id(n)) for n in range(12)])
        put(daemon, "pricing_rates", [rate(m, provider=p) for p, m in MODELS[:5]])
        fill(daemon, calls(count, random.Random(count)))
        daemon.commit()
    return file


def fill(daemon: sqlite3.Connection, rows: Iterator[tuple[Any, ...]]) -> None:
    """Insert calls, a transaction for every five hundred."""
    marks = ", ".join("?" * 31)
    batch: list[tuple[Any, ...]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == 500:
            daemon.executemany(f"insert into requests values ({marks})", batch)
            daemon.commit()
            batch.clear()
    daemon.executemany(f"insert into requests values ({marks})", batch)


def calls(count: int, chance: random.Random) -> Iterator[tuple[Any, ...]]:
    """Make calls in order of time, up to now."""
    now, step = datetime.now(UTC), timedelta(days=DAYS) / count
    for number in range(count):
        at = f"{now - step * (count - number):%Y-%m-%d %H:%M:%S.%f}"
        provider, model = MODELS[int(chance.random() ** 2 * 6)]
        tokens, output = chance.randrange(20_000), chance.randrange(2_000)
        cost = None if provider == "groq" else tokens // 3 + output * 2
        yield (
            str(UUID(int=chance.getrandbits(128))),
            _id(int(chance.random() ** 2 * 12)),
            *(provider, model, "standard", tokens, output, 0, tokens // 2, 0, cost),
            *(chance.random() * 9_000, chance.random() > 0.01, at, at),
            *(chance.choice(["mini.local", "air.local"]), "/home/dev/src/project"),
            *("header", "success" if chance.random() > 0.02 else "error"),
            *(chance.random() * 900, None, "chat", f"{chance.getrandbits(256):064x}"),
            *(None, "bundled", 200, None, None, None, None, "api"),
        )


def middle(found: list[float], scale: int = 1, unit: str = "s") -> str:
    """Write the median of some times."""
    return f"{statistics.median(found) * scale:.{0 if scale > 1 else 2}f} {unit} median"


def told(name: str, found: str, promise: str) -> None:
    """Print one line."""
    print(f"{name:<28} {found:<36} {promise}", flush=True)


def _id(number: int) -> str:
    return str(UUID(int=number + 1))


if __name__ == "__main__":
    main(sys.argv[1:])
