"""Why a figure changed, why a daemon's differs, and where a cent comes from."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from starlette.testclient import TestClient

from models.money import pico_from_usd
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

AT = (datetime.now(UTC) - timedelta(days=3)).replace(microsecond=0)
DAY = {"from": AT.date().isoformat(), "to": AT.date().isoformat()}
Get = Callable[..., dict[str, Any]]


@pytest.fixture
def laptop(owner: psycopg.Connection, cloud: TestClient) -> Daemon:
    return daemon(owner, cloud, workspace(owner))


@pytest.fixture
def get(owner: psycopg.Connection, cloud: TestClient, laptop: Daemon) -> Get:
    def asked(path: str, **parameters: Any) -> dict[str, Any]:
        answer = cloud.get(
            f"/v1/workspaces/{laptop.workspace.slug}/{path}",
            params=parameters,
            headers=session(owner, laptop.workspace.email),
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    return asked


@pytest.fixture
def model() -> str:
    return f"model-{uuid4().hex}"


def call(model: str, **fields: Any) -> dict[str, Any]:
    at = AT.isoformat()
    return record(provider="acme", model=model, requested_at=at) | fields


def send(
    cloud: TestClient, by: Daemon, *records: dict[str, Any], **headers: str
) -> None:
    cloud.post("/v1/requests/batch", json=batch(*records), headers=by.headers | headers)
    rebuilt()


def now() -> str:
    return datetime.now(UTC).isoformat()


# ── why did it change? ───────────────────────────────────────────────────────


def test_what_changed_adds_up_to_the_difference_and_names_the_prices(
    owner: psycopg.Connection,
    cloud: TestClient,
    laptop: Daemon,
    get: Get,
    model: str,
) -> None:
    wrong = rate(owner, model, input_rate=7, output_rate=0)
    of = {"input_tokens": 10, "output_tokens": 0}
    send(
        cloud,
        laptop,
        call(model, **of),
        call(model, **of),
        call(model, **of, billing_basis="subscription_imputed"),
        call(f"{model}-unpriced", **of),
    )
    before = now()
    withdraw(owner, wrong)
    right = rate(owner, model, input_rate=9, output_rate=0)
    send(cloud, laptop, call(model, **of))
    stated = cloud.post(
        f"/v1/workspaces/{laptop.workspace.slug}/pricing/rates",
        json={
            "provider": "acme",
            "model": f"{model}-unpriced",
            "input_usd_per_mtok": "0.000001",
            "output_usd_per_mtok": "0",
        },
        headers=session(owner, laptop.workspace.email),
    ).json()["rate_id"]
    rebuilt()
    answer = get("pricing/changes", before=before, **DAY)
    imputed = "subscription_imputed"
    assert {
        (
            one["cause"],
            one["billing_basis"],
            one["rate_id_before"],
            one["rate_id_after"],
            one["request_count"],
            pico_from_usd(one["before_usd"]),
            pico_from_usd(one["after_usd"]),
            one["unpriced_before_count"],
        )
        for one in answer["items"]
    } == {
        ("rate", "api", wrong, right, 2, 140, 180, 0),
        ("rate", imputed, wrong, right, 1, 70, 90, 0),
        ("rate", "api", None, stated, 1, 0, 10, 1),
        ("arrival", "api", None, right, 1, 0, 90, 0),
    }
    (user_id,) = owner.execute(
        "select user_id::text from app.users where email = %s", [laptop.workspace.email]
    ).fetchone() or (None,)
    assert {one["made_by"] for one in answer["items"]} == {None, user_id}
    assert {one["rate_id"] for one in answer["rates"]} == {wrong, right, stated}
    for total in answer["totals"]:
        differences = sum(
            pico_from_usd(one["difference_usd"])
            for one in answer["items"]
            if one["billing_basis"] == total["billing_basis"]
        )
        assert differences == pico(total["after"]) - pico(total["before"])


def test_what_did_not_change_is_not_said_to_have(
    owner: psycopg.Connection,
    cloud: TestClient,
    laptop: Daemon,
    get: Get,
    model: str,
) -> None:
    known = rate(owner, model, input_rate=7)
    send(cloud, laptop, call(model))
    before = now()
    withdraw(owner, known)
    rate(owner, f"{model}-other", input_rate=7)
    owner.execute(
        "update raw.pricing_rates set known_to = null where rate_id = %s", [known]
    )
    assert rebuilt().revised_hour_count == 1
    assert get("pricing/changes", before=before, **DAY)["items"] == []


# ── why does a daemon's differ? ──────────────────────────────────────────────


def test_each_cause_of_a_drift_is_told_apart(
    owner: psycopg.Connection,
    cloud: TestClient,
    laptop: Daemon,
    get: Get,
    model: str,
) -> None:
    """Costs in millicents of a million tokens, at 10 and what else was in force."""
    home = laptop.workspace.workspace_id
    millicent = 10  # picodollars a token, for a millicent a million tokens
    names = {
        name: f"{model}-{name}"
        for name in ("tier", "own", "corrected", "dated", "plain", "unknown")
    }
    base = {"input_rate": 10 * millicent, "output_rate": 0}
    tier = rate(
        owner, names["tier"], prompt_tokens_above=500_000, input_rate=200, output_rate=0
    )
    rate(owner, names["tier"], **base)
    listed = rate(owner, names["own"], **base)
    rate(owner, names["own"], input_rate=40, output_rate=0, workspace_id=home)
    once = rate(owner, names["corrected"], input_rate=50, output_rate=0)
    withdraw(owner, once)
    rate(owner, names["corrected"], **base)
    later = AT + timedelta(days=1)
    dated = rate(owner, names["dated"], input_rate=60, output_rate=0, valid_from=later)
    rate(owner, names["dated"], valid_to=later, **base)
    rate(owner, names["plain"], **base)

    def said(name: str, millicents: int | None, **fields: Any) -> dict[str, Any]:
        both = {"cost_millicents": millicents, "cost_usd_minor_units": millicents}
        of = {"input_tokens": 1_000_000, "output_tokens": 0}
        return call(names[name], **of | both | fields)

    send(
        cloud,
        laptop,
        said("tier", 10),
        said("own", 10),
        said("corrected", 5),
        said("dated", 6),
        said("plain", 10),
        said("plain", 3, tokens_complete=False),
        said("plain", None),
        said("unknown", 8),
        said("unknown", None),
        said("tier", 13),
    )
    other = daemon(owner, cloud, laptop.workspace, hostname="other")
    send(cloud, other, said("plain", 77), **{"user-agent": "halton-meter-daemon/9.9"})
    answer = get("pricing/drift", **DAY)
    assert {
        (
            one["model"].removeprefix(f"{model}-"),
            one["cause"],
            one["drift_millicents"],
            one["daemon_version"],
        )
        for one in answer["items"]
    } == {
        ("tier", "long_context_tier", -10, "1.4.0"),
        ("own", "negotiated_rate", 6, "1.4.0"),
        ("corrected", "rate_corrected", -5, "1.4.0"),
        ("dated", "rate_of_another_time", -4, "1.4.0"),
        ("plain", "agreed", 0, "1.4.0"),
        ("plain", "tokens_incomplete", -7, "1.4.0"),
        ("plain", "priced_here_only", None, "1.4.0"),
        ("unknown", "priced_there_only", None, "1.4.0"),
        ("unknown", "priced_nowhere", None, "1.4.0"),
        ("tier", "rate_unknown_here", -7, "1.4.0"),
        ("plain", "machine_override", 67, "9.9"),
    }
    which = {one["cause"]: one["daemons_rate_id"] for one in answer["items"]}
    assert which["negotiated_rate"] == listed
    assert which["rate_corrected"] == once
    assert which["rate_of_another_time"] == dated
    assert tier in {one["rate_id"] for one in answer["rates"]}
    one_machine = get("pricing/drift", machine=other.machine_id, **DAY)["items"]
    assert [one["cause"] for one in one_machine] == ["machine_override"]


# ── where does a cent come from? ─────────────────────────────────────────────


def test_a_figure_is_followed_to_its_prices_and_requests(
    owner: psycopg.Connection,
    cloud: TestClient,
    laptop: Daemon,
    get: Get,
    model: str,
) -> None:
    known = rate(owner, model, input_rate=7, output_rate=11)
    other = rate(owner, f"{model}-2", input_rate=1, output_rate=1)
    dear = call(model, input_tokens=100, project="a")
    send(
        cloud,
        laptop,
        dear,
        call(model, input_tokens=1, project="a"),
        call(f"{model}-2", project="a"),
        call(f"{model}-unpriced", project="a"),
        call(model, project="b"),
        call(model, project=None),
        call(model, project="a", billing_basis="subscription_imputed"),
    )
    answer = get("lineage", grouping="project", project="a", **DAY)
    costs = {part["rate_id"]: part for part in answer["parts"]}
    assert set(costs) == {known, other, None}
    assert costs[None]["cost_usd"] is None
    assert costs[known]["dearest_request_ids"][0] == dear["id"]
    assert costs[known]["input_tokens"] == 101
    for part in answer["parts"]:
        assert pico(part) == lines(part)
    assert pico(answer["figure"]) == sum(pico(part) for part in answer["parts"])
    assert answer["figure"]["request_count"] == 4
    assert answer["question"] == "usage_key"
    steps = [step["name"] for step in answer["steps"]]
    assert steps[0] == "fct_usage_days"
    assert {"fct_priced_requests", "int_rates_banded", "stg_catalog__rates"} <= set(
        steps
    )
    reads = {source for step in answer["steps"] for source in step["reads"]}
    assert {"raw.requests", "raw.pricing_rates"} <= reads
    nowhere = get("lineage", grouping="project", **DAY)
    assert nowhere["figure"]["project"] is None
    assert nowhere["figure"]["request_count"] == 1
    whole = get("lineage", **DAY)
    assert pico(whole["figure"]) == sum(pico(part) for part in whole["parts"])


def test_a_receipt_shows_its_arithmetic_and_what_it_was_before(
    owner: psycopg.Connection,
    cloud: TestClient,
    laptop: Daemon,
    get: Get,
    model: str,
) -> None:
    wrong = rate(owner, model, input_rate=7)
    one = call(
        model,
        input_tokens=3,
        output_tokens=5,
        thinking_tokens=7,
        cached_tokens=11,
        cache_write_tokens=13,
    )
    send(cloud, laptop, one)
    withdraw(owner, wrong)
    right = rate(owner, model, input_rate=9)
    rebuilt()
    answer = get(f"traces/{one['id']}")
    receipt = answer["receipt"]
    assert pico_from_usd(receipt["input_usd"]) == 3 * 9
    assert pico_from_usd(receipt["cache_write_usd"]) == 13 * 3_750_000
    assert pico(receipt) == lines(receipt)
    assert receipt["daemon_version"] == "1.4.0"
    versions = answer["versions"]
    assert [version["rate_id"] for version in versions] == [right, wrong]
    assert pico(versions[0]) - pico(versions[1]) == 3 * 2
    assert {known["rate_id"] for known in answer["rates"]} == {wrong, right}
    assert answer["steps"]


def test_a_receipt_past_the_window_is_refused_with_the_floor(
    owner: psycopg.Connection,
    cloud: TestClient,
    laptop: Daemon,
    model: str,
) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=100)
    one = call(model, requested_at=long_ago.isoformat())
    send(cloud, laptop, one)
    answer = cloud.get(
        f"/v1/workspaces/{laptop.workspace.slug}/traces/{one['id']}",
        headers=session(owner, laptop.workspace.email),
    )
    assert answer.status_code == 400
    assert answer.json()["error"] == "beyond_floor"


def pico(figure: dict[str, Any]) -> int:
    return pico_from_usd(figure["cost_usd"] or "0")


def lines(figure: dict[str, Any]) -> int:
    kinds = ("input", "output", "thinking", "cache_read", "cache_write")
    return sum(pico_from_usd(figure[f"{kind}_usd"] or "0") for kind in kinds)
