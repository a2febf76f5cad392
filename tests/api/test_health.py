"""How a figure is made, from its question down to the raw tables."""

import re

import psycopg
import pytest
from starlette.testclient import TestClient

from api.cloud.made import lineage
from api.questions import HERE
from ingest.quality.documenting import document, script_hashes
from tests.factories import member, rebuilt, session, workspace


@pytest.mark.parametrize("question", sorted(file.stem for file in HERE.rglob("*.sql")))
def test_a_figure_shows_its_question_and_all_that_it_rests_on(
    question: str, owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    viewer = session(owner, member(owner, home, "viewer"))
    how = cloud.get(f"/v1/workspaces/{home.slug}/how/{question}", headers=viewer).json()
    assert how["sql"].startswith("-- ")
    assert how["asked_by"]
    shown = [step["name"] for step in how["steps"]]
    for step in how["steps"]:
        for read in step["reads"]:
            assert shown.index(read) > shown.index(step["name"]), (step["name"], read)
        assert step["description"]
    if shown:
        assert how["steps"][-1]["layer"] == "raw"


def test_a_figure_shows_how_the_tests_behind_it_went(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    test = "tokens_times_rate_is_the_cost_to_the_picodollar"
    owner.execute("delete from raw.dbt_tests")
    owner.execute(
        "insert into raw.dbt_tests (test, status) values (%s, 'fail')", [test]
    )
    mine = session(owner, home.email)
    how = cloud.get(f"/v1/workspaces/{home.slug}/how/trace", headers=mine).json()
    held = {
        each["test"]: each["status"]
        for step in how["steps"]
        for each in step["held_to"]
    }
    assert held[test] == "fail"
    assert held["each_of_the_five_counts_has_its_own_rate"] is None
    health = cloud.get(f"/v1/workspaces/{home.slug}/data-health", headers=mine).json()
    assert [each["test"] for each in health["failing_tests"]] == [test]
    owner.execute("delete from raw.dbt_tests")


def test_a_question_that_is_not_is_404(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    answer = cloud.get(
        f"/v1/workspaces/{home.slug}/how/drop_table", headers=session(owner, home.email)
    )
    assert answer.status_code == 404


def test_every_test_of_the_project_is_shown_with_what_it_is_of() -> None:
    shown = {by.test for model in lineage().models.values() for by in model.held_by}
    names = re.compile(r"^ +- name: (\w+)\n +(?:description|model):", re.MULTILINE)
    project = HERE.parents[1] / "dbt_project"
    rules = {
        name
        for path in (project / "models").rglob("*__models.yml")
        for name in names.findall(path.read_text("utf-8").partition("unit_tests:")[2])
    }
    singular = {path.stem for path in (project / "tests").rglob("test_*.sql")}
    assert rules | singular <= shown
    assert len(rules) > 20


def test_the_documentation_is_for_admins_and_runs_nothing_but_its_own_script(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    path = f"/v1/workspaces/{home.slug}/data-health/documentation"
    owner.execute("delete from raw.documentation")
    assert cloud.get(path, headers=session(owner, home.email)).status_code == 404
    rebuilt()
    page = document(owner)
    viewer = session(owner, member(owner, home, "viewer"))
    assert cloud.get(path, headers=viewer).status_code == 403
    answer = cloud.get(path, headers=session(owner, home.email))
    assert answer.text == page
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert "unsafe" not in re.sub(r"style-src [^;]+", "", policy)
    assert all(each in policy for each in script_hashes(page))
