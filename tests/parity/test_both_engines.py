"""Every question that both sides share: the same rows, every digit equal.

Postgres holds rows that landed through the real API and were rebuilt by dbt; DuckDB
reads a daemon's SQLite file with those rows in it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row
from starlette.testclient import TestClient

from api import questions
from api.local.laptop import Laptop, opened
from models.answers.usage import Grouping
from tests.factories import Daemon, batch, daemon, rate, rebuilt, record, workspace
from tests.local.daemon_file import daemon_file, project
from tests.local.daemon_file import rate as daemon_rate
from tests.local.daemon_file import request as daemon_request
from warehouse.cluster import Role, connect

# A laptop has no departments, and rates of its own numbering.
NOT_ON_A_LAPTOP = {"department"}
NUMBERED_APART = {"rate_id"}
ZONE = "America/St_Johns"  # half an hour off, with days of 23 and 25 hours

FIRST, LAST = datetime(2025, 12, 1, tzinfo=UTC), datetime(2027, 1, 31, tzinfo=UTC)
EDGES = [
    datetime(2026, 3, 29, 0, 59, 59, 999_999, tzinfo=UTC),  # summer time in Europe
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # an hour that local clocks repeat
    datetime(2026, 11, 1, 5, 30, tzinfo=UTC),  # the same in New York
    datetime(2026, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 2, 1, tzinfo=UTC),
    datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2027, 1, 1, tzinfo=UTC),
    datetime(2026, 6, 15, 12, tzinfo=UTC),  # the second price starts
    datetime(2026, 6, 15, 11, 59, 59, 999_999, tzinfo=UTC),
]
PRICE_CHANGE = datetime(2026, 6, 15, 12, tzinfo=UTC)
PROJECTS = ["checkout", "søk", "検索", "🤖 bot", 'it\'s "quoted"', "A", "a", "a b"]
MODELS = ["first", "Zweites-Modell", "unpriced", "only-later"]

moments = st.sampled_from(EDGES) | st.datetimes(
    FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), timezones=st.just(UTC)
)
tokens = st.integers(0, 5_000) | st.sampled_from([0, 1, 999_999_999, 1_000_000_000])
latencies = st.none() | st.one_of(
    st.floats(0, 60_000, allow_subnormal=False),
    st.sampled_from([0.0, 0.0005, 0.5, 812.5, 999.9995, 1e10]),
)
calls = st.fixed_dictionaries(
    {
        "provider": st.sampled_from(["anthropic", "gemini", "ünï"]),
        "model": st.sampled_from(MODELS),
        "requested_at": moments,
        "project": st.none() | st.sampled_from(PROJECTS),
        "input_tokens": tokens,
        "output_tokens": tokens,
        "thinking_tokens": tokens,
        "cached_tokens": tokens,
        "cache_write_tokens": tokens,
        "cost": st.none()
        | st.integers(0, 10_000)
        | st.sampled_from([0, -1, 10**15, -(10**15)]),
        "latency_ms": latencies,
        "tokens_complete": st.booleans(),
        "status": st.sampled_from(["success", "error", "timeout"]),
        "billing_basis": st.sampled_from(
            [None, "api", "subscription_imputed", "imported", "odd"]
        ),
        "machine": st.sampled_from([0, 1]),
    }
)


@dataclass(frozen=True)
class BothEngines:
    """The same rows twice."""

    postgres: psycopg.Connection[dict[str, Any]]
    laptop: Laptop

    def ask(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        """Ask both, hold them against each other, and return what both said."""
        there = self.postgres.execute(
            cast("Any", (questions.HERE / f"{name}.sql").read_text("utf-8")), parameters
        ).fetchall()
        here = self.laptop.ask(name, **parameters)
        assert list(map(comparable, here)) == list(map(comparable, there)), name
        return there


def comparable(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what is numbered apart; types count, so 1 is not 1.0 or True."""
    return {
        name: (value is None)
        if name in NUMBERED_APART
        else (type(value).__name__, str(value))
        for name, value in row.items()
    }


@contextmanager
def both_engines(
    owner: psycopg.Connection,
    cloud: TestClient,
    folder: Path,
    drawn: Sequence[dict[str, Any]],
) -> Iterator[BothEngines]:
    unique = uuid4().hex[:8]
    there = workspace(owner)
    owner.execute(
        "update app.workspaces set reporting_time_zone = %s where workspace_id = %s",
        [ZONE, there.workspace_id],
    )
    machines = [daemon(owner, cloud, there, hostname=str(n)) for n in range(2)]
    for model in MODELS:
        if model != "unpriced":
            until = PRICE_CHANGE if model == "first" else None
            since = PRICE_CHANGE if model == "only-later" else FIRST
            rate(owner, f"{model}-{unique}", provider="anthropic",
                 valid_from=since, valid_to=until)  # fmt: skip
    rate(owner, f"first-{unique}", provider="anthropic", input_rate=7_000_010,
         valid_from=PRICE_CHANGE)  # fmt: skip
    rate(owner, f"first-{unique}", provider="google", input_rate=40)
    rows = [landed(call, unique, machines) for call in drawn]
    for machine in machines:
        mine = [row for row in rows if row["machine_id"] == machine.machine_id]
        if mine:
            answer = cloud.post(
                "/v1/requests/batch",
                json=batch(*(record(**as_record(row)) for row in mine)),
                headers=machine.headers,
            )
            assert answer.json()["accepted"] == len(mine)
            assert answer.json()["flagged"] == 0
    rebuilt()
    file = daemon_file(
        folder / f"{unique}.sqlite",
        [as_daemons_row(row) for row in rows],
        [
            daemon_rate(f"first-{unique}", effective_to=str(PRICE_CHANGE)),
            daemon_rate(
                f"first-{unique}",
                effective_from=str(PRICE_CHANGE),
                input_rate_per_million_minor_units=700_001,
            ),
            daemon_rate(f"Zweites-Modell-{unique}"),
            daemon_rate(f"only-later-{unique}", effective_from=str(PRICE_CHANGE)),
            daemon_rate(
                f"first-{unique}",
                provider="gemini",
                input_rate_per_million_minor_units=4,
            ),
        ],
        [project(slug, id=project_id(slug)) for slug in PROJECTS],
    )
    with connect(Role.API) as postgres, opened(file, time_zone=ZONE) as laptop:
        postgres.execute(
            "select set_config('app.workspace_id', %s, false),"
            " set_config('search_path', 'marts', false),"
            " set_config('timezone', 'UTC', false)",
            [str(there.workspace_id)],
        )
        postgres.row_factory = dict_row
        yield BothEngines(postgres, laptop)


def landed(call: dict[str, Any], unique: str, machines: list[Daemon]) -> dict[str, Any]:
    return call | {
        "id": str(uuid4()),
        "model": f"{call['model']}-{unique}",
        "machine_id": machines[call["machine"]].machine_id,
    }


def as_record(row: dict[str, Any]) -> dict[str, Any]:
    at = row["requested_at"].isoformat()
    kept = {name: value for name, value in row.items() if name not in LOCAL_NAMES}
    return kept | {
        "requested_at": at,
        "recorded_at": at,
        "cost_millicents": row["cost"],
        "cost_usd_minor_units": row["cost"],
    }


LOCAL_NAMES = {"machine", "machine_id", "cost"}


def as_daemons_row(row: dict[str, Any]) -> dict[str, Any]:
    at = f"{row['requested_at']:%Y-%m-%d %H:%M:%S.%f}"
    kept = {
        name: value
        for name, value in row.items()
        if name not in LOCAL_NAMES | {"cached_tokens", "project"}
    }
    return (
        daemon_request(at)
        | kept
        | {
            "requested_at": at,
            "project_id": project_id(row["project"]),
            "cost_usd_minor_units": row["cost"],
            "cache_read_tokens": row["cached_tokens"],
            "source_machine": row["machine_id"],
            "http_status_code": 200,
        }
    )


def project_id(slug: str | None) -> str:
    return str(uuid5(NAMESPACE_OID, slug)) if slug else "none"


def ask_everything(both: BothEngines) -> set[str]:
    """Ask every question that both sides share, in every way there is."""
    asked: set[str] = set()
    whole = {"since": FIRST.date(), "until": LAST.date()}
    periods = [
        whole,
        {"since": date(2026, 1, 31), "until": date(2026, 3, 29)},
        {"since": date(2026, 10, 25), "until": date(2026, 10, 25)},
    ]
    for period in periods:
        for grouping in set(Grouping) - NOT_ON_A_LAPTOP:
            name = grouping.value
            for calendar in ("utc", "reporting"):
                books = {"calendar": calendar, **period}
                both.ask("usage_key", grouping=name, **books)
                both.ask("usage_day", grouping=name, **books)
                for bin_ in ("day", "week", "month"):
                    both.ask("usage_bin", grouping=name, bin=bin_, **books)
            both.ask("drift_key", grouping=name, **period)
            both.ask("latency_key", grouping=name, bin=None, **period)
            for bin_ in ("day", "week", "month"):
                both.ask("latency_key", grouping=name, bin=bin_, **period)
        both.ask("invoice_reconciliation", **period)
    asked |= {"usage_key", "usage_day", "usage_bin", "drift_key", "latency_key"}
    asked |= {"invoice_reconciliation"}
    filters: dict[str, Any] = dict.fromkeys(
        ["provider", "model", "project", "status", "machine_id"]
    )
    page = {
        "since": FIRST,
        "until": LAST + timedelta(days=1),
        "cursor_at": LAST + timedelta(days=1),
        "cursor_id": UUID(int=2**128 - 1),
        "limit": 7,
    }
    while True:
        rows = both.ask("trace", **filters, **page)
        if not rows:
            break
        page |= {
            "cursor_at": rows[-1]["requested_at"],
            "cursor_id": rows[-1]["request_id"],
        }
    page |= {"cursor_at": LAST + timedelta(days=1), "limit": 500}
    for narrowed in (
        {"provider": "anthropic"},
        {"project": "検索"},
        {"status": "error"},
    ):
        both.ask("trace", **filters | narrowed, **page)
    return asked | {"trace"}


# A thread of the connection pool draws its jitter while hypothesis draws rows.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@settings(
    max_examples=4,
    phases=[Phase.explicit, Phase.generate],  # a shrink would take minutes
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(drawn=st.lists(calls, min_size=1, max_size=120))
def test_both_engines_say_the_same_to_the_last_digit(
    drawn: list[dict[str, Any]],
    owner: psycopg.Connection,
    cloud: TestClient,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("parity")
    with both_engines(owner, cloud, folder, drawn) as both:
        ask_everything(both)


def test_every_question_is_asked_of_both_engines(
    owner: psycopg.Connection, cloud: TestClient, tmp_path: Path
) -> None:
    with both_engines(owner, cloud, tmp_path, [every_edge(at) for at in EDGES]) as both:
        asked = ask_everything(both)
    assert asked == {path.stem for path in questions.HERE.glob("*.sql")}


def every_edge(at: datetime) -> dict[str, Any]:
    return {
        "provider": "anthropic",
        "model": "first",
        "requested_at": at,
        "project": "検索",
        "input_tokens": 1_000,
        "output_tokens": 500,
        "thinking_tokens": 3,
        "cached_tokens": 7,
        "cache_write_tokens": 1,
        "cost": 1_050,
        "latency_ms": 812.5,
        "tokens_complete": True,
        "status": "success",
        "billing_basis": None,
        "machine": 0,
    }


@pytest.mark.parametrize(
    ("latencies", "expected"),
    [
        ([10.0], "10.00000"),
        ([10.0, 20.0], "19.50000"),
        ([float(n) for n in range(1, 21)], "19.05000"),
        ([float(n) for n in range(1, 22)], "20.00000"),
        ([5.0] * 50 + [7.0], "5.00000"),
        ([5.0] * 10 + [1_000.0], "502.50000"),
        ([0.001, 0.002, 10_000_000_000.0], "9000000000.00020"),
    ],
)
def test_the_95th_percentile_is_interpolated_between_its_neighbours(
    latencies: list[float],
    expected: str,
    owner: psycopg.Connection,
    cloud: TestClient,
    tmp_path: Path,
) -> None:
    rows = [every_edge(EDGES[0]) | {"latency_ms": ms} for ms in latencies]
    with both_engines(owner, cloud, tmp_path, rows) as both:
        day = EDGES[0].date()
        (found,) = both.ask(
            "latency_key", grouping="total", bin=None, since=day, until=day
        )
    assert found["p95_ms"] == Decimal(expected)
