"""What was answered then is what is answered when asked as known then."""

import os
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.factories import rebuilt
from tests.warehouse.histories import EVERY_DECISION, History, decisions, events

pytestmark = pytest.mark.usefixtures("warehouse")


@pytest.mark.slow
@settings(
    max_examples=int(os.environ.get("HMC_HISTORIES", "4")),
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@example(happening=EVERY_DECISION)
@given(
    happening=st.lists(
        st.lists(st.one_of(events, decisions), min_size=1, max_size=3), max_size=6
    )
)
def test_a_figure_as_known_then_is_the_figure_answered_then(
    happening: list[list[dict[str, Any]]], owner: psycopg.Connection, cloud: TestClient
) -> None:
    history = History(owner, cloud)
    answered: list[tuple[str, dict[str, Any]]] = []
    for several in happening:
        for event in several:
            history.happens(event)
        rebuilt()
        now = history.answers()
        answered.append((now["budgets{}"]["as_of"], now))
    for known_at, then in answered:
        assert history.answers(known_at=known_at) == then


def test_of_what_was_before_memory_nothing_is_said(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    history = History(owner, cloud)
    answer = cloud.get(
        f"/v1/workspaces/{history.home.slug}/projects",
        params={"known_at": "2001-01-01T00:00:00Z"},
        headers=history.headers,
    )
    assert answer.status_code == 400
    assert answer.json()["error"] == "not_remembered"


def test_of_decisions_that_the_audit_log_let_go_of_nothing_is_said(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    history = History(owner, cloud)
    rebuilt()
    known_at = history.answers()["budgets{}"]["as_of"]
    history.happens({"kind": "renamed", "which": "D", "name": "One"})
    owner.execute(
        "select app.prune_audit(%s, clock_timestamp())", [history.home.workspace_id]
    )
    for path, status in (("departments", 400), ("budgets", 400), ("overview", 200)):
        answer = cloud.get(
            f"/v1/workspaces/{history.home.slug}/{path}",
            params={"known_at": known_at},
            headers=history.headers,
        )
        assert answer.status_code == status, path
