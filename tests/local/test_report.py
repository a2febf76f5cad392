"""Every figure of the report equals plain SQL over the daemon's file."""

import json
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

import pytest

from api.local.asked import By, Period
from api.local.laptop import opened
from api.local.report import report, require_project
from api.local.trouble import UnknownProject
from tests.local.asking import august
from tests.local.daemon_file import (
    CHECKOUT,
    SEARCH,
    daemon_file,
    put,
    rate,
    request,
)

ROOT = Path(__file__).parents[2]
MEASURES = """
    count(*) as requests,
    sum(case when status <> 'success' then 1 else 0 end) as failed_requests,
    sum(case when tokens_complete then 0 else 1 end) as incomplete_requests,
    sum(case when cost_usd_minor_units is null then 1 else 0 end)
        as unpriced_requests,
    sum(input_tokens) as input,
    sum(output_tokens) as output,
    sum(thinking_tokens) as thinking,
    sum(cache_read_tokens) as cache_read,
    sum(cache_write_tokens) as cache_write,
    sum(cost_usd_minor_units) as cost_millicents
"""
KEYS = {
    By.PROJECT: {"project": "slug"},
    By.MODEL: {"provider": "provider", "model": "model"},
    By.PROVIDER: {"provider": "provider"},
    By.MACHINE: {"machine": "source_machine"},
    By.DAY: {"day": "substr(requested_at, 1, 10)"},
    By.WEEK: {"week": "date(substr(requested_at, 1, 10), '-6 days', 'weekday 1')"},
    By.MONTH: {"month": "substr(requested_at, 1, 7)"},
}


def three_months() -> Iterator[dict[str, Any]]:
    chance = random.Random(6)  # noqa: S311
    start = datetime(2026, 6, 15, tzinfo=UTC)
    models = [("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-5"), ("x", "new")]
    for _ in range(3_000):
        at = start + timedelta(seconds=chance.randrange(90 * 86_400))
        provider, model = chance.choice(models)
        yield request(
            f"{at:%Y-%m-%d %H:%M:%S.%f}",
            project_id=chance.choice([CHECKOUT, CHECKOUT, SEARCH]),
            provider=provider,
            model=model,
            input_tokens=chance.randrange(100_000),
            output_tokens=chance.randrange(5_000),
            thinking_tokens=chance.choice([0, 0, 700]),
            cache_read_tokens=chance.randrange(9_000),
            cache_write_tokens=chance.choice([0, 1_000]),
            cost_usd_minor_units=None if model == "new" else chance.randrange(90_000),
            latency_ms=chance.choice([None, round(chance.lognormvariate(6, 1), 2)]),
            tokens_complete=chance.random() > 0.02,
            status=chance.choice(["success"] * 9 + ["error"]),
            source_machine=chance.choice(["mini", "air", None]),
            billing_basis=chance.choice([None, "api"]),
        )


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    return daemon_file(folder / "db.sqlite", list(three_months()), [rate()])


def plain_rows(
    file: Path, by: By, since: str, until: str, where: str = "true"
) -> list[dict[str, Any]]:
    keys = KEYS[by]
    columns = ", ".join(f"{made} as {name}" for name, made in keys.items())
    with closing(sqlite3.connect(file)) as database:
        database.row_factory = sqlite3.Row
        found = database.execute(
            f"""
            select {columns}, {MEASURES}, group_concat(latency_ms) as latencies
            from requests join projects on projects.id = requests.project_id
            where substr(requested_at, 1, 10) between ? and ? and {where}
            group by {", ".join(keys.values())}
            """,
            [since, until],
        ).fetchall()
    return [expected(dict(row), list(keys)) for row in found]


def expected(row: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    tokens = ("input", "output", "thinking", "cache_read", "cache_write")
    latencies = [float(text) for text in row.pop("latencies").split(",")]
    if len(latencies) == 1:
        latencies *= 2  # which changes neither average nor percentile
    return {
        "key": {name: row.pop(name) for name in keys},
        "tokens": {name: row.pop(name) for name in tokens},
        "average_ms": sum(latencies) / len(latencies),
        "p95_ms": quantiles(latencies, n=20, method="inclusive")[-1],
        **row,
    }


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


@pytest.mark.parametrize("by", list(By))
def test_every_row_equals_plain_sql(by: By, file: Path) -> None:
    with opened(file) as laptop:
        made = report(laptop, august(), by)
    plain = plain_rows(file, by, "2026-08-01", "2026-08-31")
    assert len(made["rows"]) == len(plain) > 0
    by_key = {str(row["key"]): row for row in plain}
    for row in made["rows"]:
        same = by_key[str(row["key"])]
        latency = row["latency"]
        assert latency["average_ms"] == pytest.approx(same["average_ms"], abs=0.001)
        assert latency["p95_ms"] == pytest.approx(same["p95_ms"], abs=0.001)
        ours = without(row, "latency", "trend", "previous")
        assert ours == without(same, "average_ms", "p95_ms")


@pytest.mark.parametrize("by", [By.PROJECT, By.MODEL, By.MACHINE])
def test_what_stands_beside_a_row_equals_plain_sql(by: By, file: Path) -> None:
    period = Period(date(2026, 8, 1), date(2026, 8, 31))
    with opened(file) as laptop:
        made = report(laptop, period, by)
    before = {
        str(row["key"]): row for row in plain_rows(file, by, "2026-07-01", "2026-07-31")
    }
    for row in made["rows"]:
        same = before[str(row["key"])]
        assert row["previous"] == without(same, "key", "average_ms", "p95_ms")
        days = [f"2026-08-{day}" for day in range(25, 32)]
        plain = [
            {str(key["key"]): key for key in plain_rows(file, by, day, day)}
            for day in days
        ]
        nothing = {"cost_millicents": 0}
        assert row["trend"] == [
            day.get(str(row["key"]), nothing)["cost_millicents"] for day in plain
        ]


def test_totals_are_those_of_all_rows(file: Path) -> None:
    with opened(file) as laptop:
        made = [report(laptop, august(), by)["totals"] for by in By]
    assert all(totals == made[0] for totals in made)
    plain = plain_rows(file, By.PROVIDER, "2026-08-01", "2026-08-31")
    for name in ("requests", "unpriced_requests", "incomplete_requests"):
        assert made[0][name] == sum(row[name] for row in plain)
    assert made[0]["cost_millicents"] == sum(
        row["cost_millicents"] or 0 for row in plain
    )


@pytest.mark.parametrize("by", list(By))
def test_one_project_is_only_that_project(by: By, file: Path) -> None:
    with opened(file, "search") as laptop:
        made = report(laptop, august(), by)
    plain = plain_rows(file, by, "2026-08-01", "2026-08-31", "slug = 'search'")
    assert sorted((str(row["key"]), row["requests"]) for row in made["rows"]) == sorted(
        (str(row["key"]), row["requests"]) for row in plain
    )
    assert made["filters"] == {"project": "search"}


def test_a_project_that_is_not_there_names_those_that_are(file: Path) -> None:
    with (
        opened(file, "checkuot") as laptop,
        pytest.raises(UnknownProject, match="checkout, search"),
    ):
        require_project(laptop, "checkuot")


def test_a_model_without_a_price_has_no_cost_and_is_told_of(file: Path) -> None:
    with opened(file) as laptop:
        made = report(laptop, august(), By.MODEL)
    last = made["rows"][-1]
    assert last["key"] == {"provider": "x", "model": "new"}
    assert last["cost_millicents"] is None
    assert last["unpriced_requests"] == last["requests"]
    told = {each["code"]: each["count"] for each in made["warnings"]}
    assert told["unpriced"] == last["requests"]
    assert told["incomplete"] == made["totals"]["incomplete_requests"] > 0


def test_flat_fee_plans_stand_apart(tmp_path: Path) -> None:
    file = daemon_file(
        tmp_path / "db.sqlite",
        [request(), request(billing_basis="subscription_imputed")],
    )
    with opened(file) as laptop:
        made = report(laptop, august(), By.PROJECT)
    assert made["totals"]["requests"] == 1
    assert made["totals"]["cost_millicents"] == 1_050
    assert made["apart"]["subscription_imputed"]["cost_millicents"] == 1_050


def test_drift_is_what_the_daemon_said_less_what_its_rates_come_to(
    tmp_path: Path,
) -> None:
    file = daemon_file(
        tmp_path / "db.sqlite",
        [
            request(),
            request(cost_usd_minor_units=1_060),
            request(cost_usd_minor_units=None),
            request(model="nobody-knows"),
        ],
        [rate()],
    )
    with opened(file) as laptop:
        totals = report(laptop, august(), By.PROJECT, has_drift=True)["totals"]
    assert totals["cost_millicents"] == 3_160
    assert totals["recomputed"] == {
        "cost_picodollars": 3 * 10_500_000_000,
        "compared_requests": 2,
        "agreeing_requests": 1,
        "priced_here_only_requests": 1,
        "priced_by_daemon_only_requests": 1,
        "drift_millicents": 10,
    }


@pytest.mark.parametrize(
    "changed",
    [
        f"update requests set project_id = '{SEARCH}' where project_id = '{CHECKOUT}'",
        "update requests set cost_usd_minor_units = cost_usd_minor_units * 2",
        "update requests set requested_at = '2026-08-01 00:00:00' where rowid % 7 = 0",
        "update projects set slug = 'renamed' where slug = 'search'",
        "delete from requests where rowid % 3 = 0",
    ],
)
def test_what_changed_between_two_reports_is_in_the_second(
    changed: str, file: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "db.sqlite"
    copied.write_bytes(file.read_bytes())
    for _ in range(2):
        with opened(copied) as laptop:
            report(laptop, august(), By.PROJECT)
        with closing(sqlite3.connect(copied)) as database:
            database.execute(changed)
            database.commit()
    with opened(copied) as laptop:
        made = report(laptop, august(), By.PROJECT)
    plain = plain_rows(copied, By.PROJECT, "2026-08-01", "2026-08-31")
    by_key = {str(row["key"]): row for row in plain}
    assert len(made["rows"]) == len(plain)
    for row in made["rows"]:
        same = by_key[str(row["key"])]
        assert row["requests"] == same["requests"]
        assert row["cost_millicents"] == same["cost_millicents"]


def hmc(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [sys.executable, "-m", "hmc", *words],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_prints_a_sheet_of_eighty_columns(file: Path) -> None:
    sheet = hmc("report", "--db", str(file), "--from", "2026-08-01", "--to",
                "2026-08-31")  # fmt: skip
    assert sheet.returncode == 0, sheet.stderr
    assert "checkout" in sheet.stdout
    assert "claude-sonnet-4-5" in sheet.stdout
    assert "unpriced" in sheet.stdout
    assert "\x1b" not in sheet.stdout
    assert max(map(len, sheet.stdout.splitlines())) <= 80
    assert sheet.stderr == ""


def test_names_that_are_long_or_that_a_terminal_would_act_on(tmp_path: Path) -> None:
    file = daemon_file(tmp_path / "db.sqlite", [request(
        model="m" * 200 + "\x1b[31m", requested_at=f"{datetime.now(UTC):%F %T}"
    )])  # fmt: skip
    sheet = hmc("report", "--db", str(file))
    assert max(map(len, sheet.stdout.splitlines())) <= 80
    assert "\x1b" not in sheet.stdout


def test_json_is_one_envelope_and_csv_its_rows(file: Path) -> None:
    asked = ["report", "--db", str(file), "--from", "2026-08-01", "--to", "2026-08-31"]
    envelope = json.loads(hmc(*asked, "--json", "--by", "model").stdout)
    assert envelope["schema"] == "hmc.report/1"
    assert envelope["group_by"] == ["provider", "model"]
    assert envelope["unit"] == "millicents"
    lines = hmc(*asked, "--csv", "--by", "model").stdout.splitlines()
    assert lines[0].startswith("provider,model,requests,")
    assert len(lines) == len(envelope["rows"]) + 1


def test_a_formula_in_a_name_stays_a_name_in_csv(tmp_path: Path) -> None:
    today = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    file = daemon_file(tmp_path / "db.sqlite", [request(today, model="=1+1")])
    assert (
        ",'=1+1," in hmc("report", "--db", str(file), "--csv", "--by", "model").stdout
    )


@pytest.mark.parametrize(
    "words",
    [
        ["--since", "0"],
        ["--since", "week"],
        ["--from", "yesterday"],
        ["--from", "2026-08-31", "--to", "2026-08-01"],
        ["--since", "7d", "--to", "2026-08-01"],
        ["--json", "--csv"],
        ["--by", "colour"],
    ],
)
def test_a_mistake_in_the_command_ends_with_2(words: list[str], file: Path) -> None:
    told = hmc("report", "--db", str(file), *words)
    assert told.returncode == 2
    assert told.stdout == ""


def test_a_file_that_cannot_be_read_ends_with_1(tmp_path: Path) -> None:
    told = hmc("report", "--db", str(tmp_path / "none.sqlite"))
    assert told.returncode == 1
    assert told.stdout == ""
    assert len(told.stderr.splitlines()) == 1


def test_days_without_calls_say_which_days_have_some(file: Path) -> None:
    told = hmc("report", "--db", str(file), "--from", "2020-01-01", "--to",
               "2020-01-31")  # fmt: skip
    assert told.returncode == 0
    assert "2026-06-15" in told.stdout


def test_an_old_row_that_changes_is_noticed_by_the_next_report(tmp_path: Path) -> None:
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    file = daemon_file(tmp_path / "db.sqlite", [request(now) for _ in range(3)])

    def total() -> Any:
        answered = json.loads(hmc("report", "--db", str(file), "--json").stdout)
        return answered["totals"]["cost_millicents"]

    assert total() == 3_150
    with closing(sqlite3.connect(file)) as database:
        database.execute("update requests set cost_usd_minor_units = 1 where rowid = 1")
        put(database, "requests", [request(now)])
        database.commit()
    assert total() == 3_151


def test_a_report_loads_nothing_that_takes_longer_than_it(file: Path) -> None:
    script = (
        "import sys; from hmc.__main__ import app;"
        f"app(['report', '--db', {str(file)!r}], standalone_mode=False);"
        "heavy = {'pandas', 'numpy', 'pyarrow', 'fastapi'} & set(sys.modules);"
        "print('\\n' + str(sorted(heavy)))"
    )
    made = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout.splitlines()[-1] == "[]"
