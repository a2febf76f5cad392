"""The rates that daemons bundle: one shape, exact numbers, a version that grows."""

import json
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from starlette.testclient import TestClient

from ingest.daemons.rates import DaemonRates
from tests.factories import Daemon, daemon, rate, withdraw, workspace

ADDRESS = "/v1/pricing/rates"


@pytest.fixture
def laptop(owner: psycopg.Connection, cloud: TestClient) -> Daemon:
    return daemon(owner, cloud, workspace(owner))


def read(cloud: TestClient, by: Daemon) -> dict[str, Any]:
    answer = cloud.get(ADDRESS, headers=by.headers)
    assert answer.status_code == 200
    DaemonRates.model_validate_json(answer.content)
    return json.loads(answer.content, parse_float=Decimal)


def of(document: dict[str, Any], provider: str, model: str) -> dict[str, Any] | None:
    found = [one for one in document["providers"][provider] if one["model"] == model]
    assert len(found) <= 1
    return found[0] if found else None


def test_the_document_has_the_daemons_providers_and_no_other_key(
    cloud: TestClient, laptop: Daemon
) -> None:
    document = read(cloud, laptop)
    assert list(document) == [
        "schema_version",
        "bundled_rates_date",
        "rates_version",
        "currency",
        "providers",
    ]
    assert list(document["providers"]) == [
        "anthropic",
        "google",
        "groq",
        "openai",
        "xai",
    ]
    assert all(document["providers"].values())


def test_a_rate_is_in_dollars_per_million_tokens_exactly(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    model = f"model-{uuid4()}"
    rate(owner, model, provider="openai", input_rate=20_001, output_rate=10**9)
    assert of(read(cloud, laptop), "openai", model) == {
        "model": model,
        "input": Decimal("0.020001"),
        "output": 1_000,
        "thinking": 15,
        "cache_read": Decimal("0.3"),
        "cache_write": Decimal("3.75"),
    }


def test_a_long_context_tier_and_a_rate_of_the_past_stay_out(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    model = f"model-{uuid4()}"
    rate(owner, model, provider="xai", prompt_tokens_above=200_000)
    rate(owner, model, provider="xai", valid_to="2020-01-01")
    assert of(read(cloud, laptop), "xai", model) is None


def test_the_workspaces_own_rate_wins_and_no_other_workspace_sees_it(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    model = f"model-{uuid4()}"
    rate(owner, model, provider="groq", input_rate=2_000_000)
    mine = laptop.workspace.workspace_id
    rate(owner, model, provider="groq", input_rate=1_000_000, workspace_id=mine)
    elsewhere = daemon(owner, cloud, workspace(owner))
    seen = [of(read(cloud, one), "groq", model) for one in (laptop, elsewhere)]
    assert [one["input"] for one in seen if one] == [1, 2]


def test_the_version_grows_with_every_change(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    versions = [read(cloud, laptop)["rates_version"]]
    made = rate(owner, f"model-{uuid4()}", provider="google")
    versions.append(read(cloud, laptop)["rates_version"])
    withdraw(owner, made)
    versions.append(read(cloud, laptop)["rates_version"])
    assert versions == sorted(set(versions))


def test_who_has_the_current_document_is_told_so_without_it(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    tag = cloud.get(ADDRESS, headers=laptop.headers).headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        headers = laptop.headers | {"if-none-match": known}
        again = cloud.get(ADDRESS, headers=headers)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    rate(owner, f"model-{uuid4()}", provider="anthropic")
    changed = cloud.get(ADDRESS, headers=laptop.headers | {"if-none-match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
