"""The project's own tests hold where there are rows, and its YAML says it all."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import yaml
from starlette.testclient import TestClient

from ingest.rebuild.dbt import BuildFailed, invoke
from tests.factories import batch, daemon, rate, rebuilt, record, workspace

PROJECT = Path(__file__).parents[2] / "dbt_project"


def described(kind: str) -> dict[str, dict[str, Any]]:
    """What the YAML files say of one kind of thing, by name."""
    return {
        one["name"]: one
        for path in (PROJECT / "models").rglob("*.yml")
        for one in yaml.safe_load(path.read_text("utf-8")).get(kind, [])
    }


@pytest.fixture
def some_usage(owner: psycopg.Connection, cloud: TestClient) -> None:
    """Priced, unpriced and revised requests, published by more than one cycle."""
    model = f"model-{uuid4().hex}"
    laptop = daemon(owner, cloud, workspace(owner))
    records = [record(), record(provider="acme", model=model), record(model="unknown")]
    cloud.post("/v1/requests/batch", json=batch(*records), headers=laptop.headers)
    rebuilt()
    rate(owner, model)
    rebuilt()


@pytest.mark.slow
def test_every_unit_test_and_data_test_of_the_project_holds(some_usage: None) -> None:
    invoke(["test"])


def test_a_total_that_is_off_by_a_picodollar_is_found(
    some_usage: None, owner: psycopg.Connection
) -> None:
    name = "test_every_grouping_of_every_day_sums_to_its_requests"
    invoke(["test", "--select", name])
    off_by = """
        update marts.fct_usage_days set cost_pico = cost_pico + %s
        where ctid = (
            select ctid from marts.fct_usage_days where grouping_name = 'machine'
            limit 1
        )
        returning workspace_id
    """
    owner.execute("create policy test_damages on marts.fct_usage_days for update")
    owner.execute(off_by, [1])
    try:
        with pytest.raises(BuildFailed, match=name):
            invoke(["test", "--select", name])
    finally:
        rebuilt(full_refresh=True)


def test_sources_are_asked_whether_they_are_fresh(some_usage: None) -> None:
    invoke(["source", "freshness"])


def test_every_model_is_described_by_its_grain() -> None:
    models = {path.stem: path for path in (PROJECT / "models").rglob("*.sql")}
    assert set(described("models")) == set(models)
    for name, path in models.items():
        description = described("models")[name]["description"]
        assert description.startswith("One row per "), name
        assert path.read_text("utf-8").startswith("-- One row per "), name


def test_every_mart_is_what_some_surface_shows() -> None:
    shown = {
        depended
        for exposure in described("exposures").values()
        for depended in exposure["depends_on"]
    }
    marts = {path.stem for path in (PROJECT / "models/marts").rglob("*.sql")}
    assert shown == {f"ref('{mart}')" for mart in marts}


def test_every_singular_test_says_what_a_row_of_it_is() -> None:
    for path in (PROJECT / "tests").rglob("test_*.sql"):
        assert path.read_text("utf-8").startswith("-- One row per "), path
