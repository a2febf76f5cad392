"""What a request costs: the examples of the pricing rules, and a second opinion."""

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from starlette.testclient import TestClient

from tests.factories import (
    Daemon,
    batch,
    daemon,
    rate,
    rebuilt,
    record,
    session,
    withdraw,
    workspace,
)

GROUPINGS = 8


@pytest.fixture
def model() -> str:
    """A model that no other test knows."""
    return f"model-{uuid4().hex}"


@pytest.fixture
def laptop(owner: psycopg.Connection, cloud: TestClient) -> Daemon:
    return daemon(owner, cloud, workspace(owner))


def priced(
    owner: psycopg.Connection, cloud: TestClient, by: Daemon, *records: dict[str, Any]
) -> list[tuple[Any, ...]]:
    """Send records, rebuild, and return (cost_pico, rate_id, drift) in their order."""
    cloud.post("/v1/requests/batch", json=batch(*records), headers=by.headers)
    rebuilt()
    rows = {
        str(row[0]): row[1:]
        for row in owner.execute(
            """
            select request_id, cost_pico, rate_id, drift_millicents
            from marts.fct_priced_requests where workspace_id = %s
            """,
            [by.workspace.workspace_id],
        )
    }
    return [rows[one["id"]] for one in records]


def acme(model: str, **fields: Any) -> dict[str, Any]:
    return record(provider="acme", model=model, **fields)


def test_tokens_times_rate_is_the_cost_to_the_picodollar(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon, model: str
) -> None:
    rate(owner, model)
    [(cost, _, drift)] = priced(
        owner, cloud, laptop, acme(model, input_tokens=1_000, output_tokens=500)
    )
    assert cost == 10_500_000_000
    assert drift == 0


def test_a_cost_below_a_millicent_is_in_every_sum(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon, model: str
) -> None:
    rate(owner, model, input_rate=20_000)
    [(cost, _, drift)] = priced(
        owner,
        cloud,
        laptop,
        acme(model, input_tokens=8, output_tokens=0, cost_millicents=0),
    )
    assert cost == 160_000
    assert drift == 0


def test_a_prompt_past_the_threshold_is_priced_whole_at_the_tier(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon, model: str
) -> None:
    base = rate(owner, model, input_rate=2_000_000)
    tier = rate(owner, model, input_rate=4_000_000, prompt_tokens_above=200_000)
    at = acme(model, input_tokens=100_000, cached_tokens=100_000, output_tokens=0)
    past = acme(model, input_tokens=100_000, cached_tokens=100_001, output_tokens=0)
    rows = priced(owner, cloud, laptop, at, past)
    assert [row[1] for row in rows] == [base, tier]
    assert rows[1][0] == 100_000 * 4_000_000 + 100_001 * 300_000


def test_a_request_takes_the_rate_in_force_when_it_was_made(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon, model: str
) -> None:
    change = datetime(2026, 1, 2, tzinfo=UTC)
    old = rate(owner, model, valid_to=change)
    new = rate(owner, model, valid_from=change)
    rows = priced(
        owner,
        cloud,
        laptop,
        acme(model, requested_at="2026-01-01T23:59:59.999999Z"),
        acme(model, requested_at="2026-01-02T00:00:00.000000Z"),
    )
    assert [row[1] for row in rows] == [old, new]


def test_a_model_is_never_priced_like_its_cousin(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon, model: str
) -> None:
    rate(owner, model)
    [(cost, rate_id, drift)] = priced(owner, cloud, laptop, acme(f"{model}-preview"))
    assert (cost, rate_id, drift) == (None, None, None)


def test_nothing_counted_of_a_cut_answer_is_unpriced_and_of_a_whole_one_is_free(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon, model: str
) -> None:
    rate(owner, model)
    nothing = {"input_tokens": 0, "output_tokens": 0}
    cut = acme(model, tokens_complete=False, **nothing)
    partial = acme(model, tokens_complete=False, input_tokens=1, output_tokens=0)
    whole = acme(model, **nothing)
    rows = priced(owner, cloud, laptop, cut, partial, whole)
    assert [row[0] for row in rows] == [None, 3_000_000, 0]


def test_a_workspace_rate_wins_for_that_workspace_alone(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon, model: str
) -> None:
    shared = rate(owner, model)
    own = rate(owner, model, input_rate=1, workspace_id=laptop.workspace.workspace_id)
    elsewhere = daemon(owner, cloud, workspace(owner))
    assert priced(owner, cloud, laptop, acme(model))[0][1] == own
    assert priced(owner, cloud, elsewhere, acme(model))[0][1] == shared


def test_google_is_gemini(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon, model: str
) -> None:
    known = rate(owner, model, provider="google")
    rows = priced(owner, cloud, laptop, record(provider="gemini", model=model))
    assert rows[0][1] == known


def test_a_rate_that_is_learnt_late_or_corrected_prices_again(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon, model: str
) -> None:
    one = acme(model, input_tokens=10, output_tokens=0)
    assert priced(owner, cloud, laptop, one)[0][0] is None
    wrong = rate(owner, model, input_rate=7)
    assert priced(owner, cloud, laptop, one)[0][0] == 70
    withdraw(owner, wrong)
    rate(owner, model, input_rate=9)
    published = rebuilt()
    assert published.revised_hour_count == 1
    assert priced(owner, cloud, laptop, one)[0][0] == 90


def test_overlapping_prices_of_one_model_are_impossible(
    owner: psycopg.Connection, model: str
) -> None:
    rate(owner, model)
    with pytest.raises(psycopg.errors.ExclusionViolation):
        rate(owner, model, valid_from=datetime(2026, 1, 1, tzinfo=UTC))


def test_rows_facts_every_grouping_of_every_day_and_the_overview_agree(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    """The sum of costs, priced here independently, is every total's, to the digit."""
    chance = random.Random(7)  # noqa: S311
    models = [f"model-{uuid4().hex}" for _ in range(4)]
    rates = _some_rates(owner, models[:3])
    now = datetime.now(UTC)
    records = [
        acme(
            chance.choice(models),
            requested_at=_text(now - timedelta(days=28) * chance.random()),
            project=chance.choice(["a", "b", None]),
            input_tokens=chance.randint(0, 300_000),
            output_tokens=chance.randint(0, 9_000),
            thinking_tokens=chance.choice([0, 0, 5_000]),
            cached_tokens=chance.choice([0, 0, 150_000]),
            cache_write_tokens=chance.choice([0, 1_234]),
            status=chance.choice(["success", "success", "error"]),
            billing_basis=chance.choice([None, None, "subscription_imputed"]),
        )
        for _ in range(1_500)
    ]
    for at in range(0, len(records), 300):
        cloud.post(
            "/v1/requests/batch",
            json=batch(*records[at : at + 300]),
            headers=laptop.headers,
        )
        rebuilt()
    costs = {one["id"]: _cost(one, rates) for one in records}
    facts = dict(
        owner.execute(
            """
            select request_id::text, cost_pico from marts.fct_priced_requests
            where workspace_id = %s
            """,
            [laptop.workspace.workspace_id],
        ).fetchall()
    )
    assert facts == costs
    _every_grouping_agrees(owner, laptop, records, costs)
    overview = cloud.get(
        f"/v1/workspaces/{laptop.workspace.slug}/overview",
        headers=session(owner, laptop.workspace.email),
    ).json()
    metered = [one for one in records if one["billing_basis"] is None]
    unpriced = [one for one in metered if costs[one["id"]] is None]
    total = overview["period_total"]
    assert _pico(total["cost_usd"]) == sum(costs[one["id"]] or 0 for one in metered)
    assert total["request_count"] == len(metered)
    assert total["unpriced_count"] == len(unpriced)
    assert sum(_pico(day["cost_usd"]) for day in overview["days"]) == _pico(
        total["cost_usd"]
    )
    assert _pico(overview["imputed"]["cost_usd"]) == sum(
        costs[one["id"]] or 0 for one in records if one["billing_basis"]
    )


def _every_grouping_agrees(
    owner: psycopg.Connection,
    laptop: Daemon,
    records: list[dict[str, Any]],
    costs: dict[str, int | None],
) -> None:
    expected: defaultdict[tuple[Any, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for one in records:
        day = datetime.fromisoformat(one["requested_at"]).date()
        sums = expected[(day, one["billing_basis"] or "api")]
        cost = costs[one["id"]]
        sums[0] += 1
        sums[1] += cost or 0
        sums[2] += cost is None
    groupings: defaultdict[str, dict[Any, list[int]]] = defaultdict(dict)
    for name, day, basis, *sums in owner.execute(
        """
        select
            grouping_name, usage_date, billing_basis,
            sum(request_count)::bigint, sum(cost_pico), sum(unpriced_count)::bigint
        from marts.fct_usage_days where workspace_id = %s
        group by 1, 2, 3
        """,
        [laptop.workspace.workspace_id],
    ):
        groupings[name][(day, basis)] = [int(part) for part in sums]
    assert len(groupings) == GROUPINGS
    for name, found in groupings.items():
        assert found == dict(expected), name


Rates = dict[str, list[tuple[int, datetime, datetime | None, tuple[int, ...]]]]


def _some_rates(owner: psycopg.Connection, models: list[str]) -> Rates:
    """Rates that change in time and by prompt size, written down a second time."""
    rates: Rates = {}
    change = datetime.now(UTC) - timedelta(days=9)
    start = datetime(1970, 1, 1, tzinfo=UTC)
    names = (
        "input_rate",
        "output_rate",
        "thinking_rate",
        "cache_read_rate",
        "cache_write_rate",
    )
    for at, model in enumerate(models):
        rates[model] = []
        for above, since, until, factor in (
            (0, start, change, 1),
            (0, change, None, 2),
            (200_000, start, None, 3),
        ):
            parts = tuple(factor * (at + 1) * step for step in (7, 31, 37, 1, 11))
            rates[model].append((above, since, until, parts))
            rate(
                owner,
                model,
                prompt_tokens_above=above,
                valid_from=since,
                valid_to=until,
                **dict(zip(names, parts, strict=True)),
            )
    return rates


def _cost(one: dict[str, Any], rates: Rates) -> int | None:
    at = datetime.fromisoformat(one["requested_at"])
    prompt = one["input_tokens"] + one["cached_tokens"] + one["cache_write_tokens"]
    found = [
        (above, parts)
        for above, since, until, parts in rates.get(one["model"], [])
        if since <= at and (until is None or at < until)
        if above == 0 or prompt > above
    ]
    if not found:
        return None
    _, parts = max(found)
    kinds = ("input", "output", "thinking", "cached", "cache_write")
    return sum(
        one[f"{kind}_tokens"] * part for kind, part in zip(kinds, parts, strict=True)
    )


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _pico(usd: str | None) -> int:
    whole, _, decimals = (usd or "0.0").partition(".")
    return int(whole) * 10**12 + int(decimals.ljust(12, "0"))
