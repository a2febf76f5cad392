"""What was answered then is what is answered when asked as known then."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.factories import rate, rebuilt, session, withdraw, workspace
from tests.warehouse.test_rebuild import land

pytestmark = pytest.mark.usefixtures("warehouse")

START = datetime.now(UTC).replace(minute=30, second=0, microsecond=0) - timedelta(
    days=9
)
MODELS, PROJECTS = ["m1", "m2"], ["a", "b", None]
ZONES = ["UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati"]

arrival = st.fixed_dictionaries(
    {
        "kind": st.just("arrival"),
        "hours": st.integers(0, 200),
        "model": st.sampled_from(MODELS),
        "project": st.sampled_from(PROJECTS),
        "tokens": st.integers(0, 10**6),
        "count": st.integers(1, 3),
    }
)
priced = st.fixed_dictionaries(
    {
        "kind": st.just("rate"),
        "model": st.sampled_from(MODELS),
        "price": st.integers(1, 10**9),
        "is_own": st.booleans(),
    }
)
events = st.one_of(
    arrival,
    arrival,
    priced,
    st.fixed_dictionaries(
        {"kind": st.just("withdrawn"), "model": st.sampled_from(MODELS)}
    ),
    st.fixed_dictionaries(
        {"kind": st.just("zone"), "zone": st.sampled_from(ZONES)},
    ),
    st.fixed_dictionaries({"kind": st.just("bill"), "usd": st.integers(0, 10**6)}),
    st.fixed_dictionaries(
        {"kind": st.just("moved"), "project": st.sampled_from(["a", "b"])}
    ),
    st.just({"kind": "full refresh"}),
)


class History:
    """One workspace to which things happen, and who looks at it."""

    def __init__(self, owner: psycopg.Connection, cloud: TestClient) -> None:
        self.owner, self.cloud = owner, cloud
        self.home = workspace(owner)
        self.headers = session(owner, self.home.email)
        self.names = {model: f"{model}-{uuid4().hex[:8]}" for model in MODELS}
        self.rates: dict[tuple[str, bool], int] = {}
        found = owner.execute(
            """
            insert into app.departments (workspace_id, name) values (%s, 'D')
            returning department_id
            """,
            [self.home.workspace_id],
        ).fetchone()
        assert found is not None
        self.department = found[0]

    def happens(self, event: dict[str, Any]) -> None:
        getattr(self, "_" + event["kind"].replace(" ", "_"))(event)

    def answers(self, **known: str) -> dict[str, Any]:
        """Every answer about money, without what is not of the books."""
        asked: dict[str, Any] = {}
        for path, more in (
            ("overview", {}),
            ("overview", {"calendar": "utc"}),
            ("projects", {}),
            ("reconciliation", {}),
        ):
            answer = self.cloud.get(
                f"/v1/workspaces/{self.home.slug}/{path}",
                params=more | known,
                headers=self.headers,
            )
            assert answer.status_code == 200, answer.text
            asked[path + str(more)] = answer.json() | {"sync": None}
        return asked

    def _arrival(self, event: dict[str, Any]) -> None:
        row = {
            "workspace_id": self.home.workspace_id,
            "machine_id": uuid4(),
            "requested_at": START + timedelta(hours=event["hours"]),
            "model": self.names[event["model"]],
            "project": event["project"],
            "tokens": event["tokens"],
            "is_complete": True,
            "status": "success",
            "submitted": 7,
            "latency": None,
        }
        land(self.owner, [row] * event["count"])

    def _rate(self, event: dict[str, Any]) -> None:
        self._withdrawn(event)
        key = (event["model"], event["is_own"])
        self.rates[key] = rate(
            self.owner,
            self.names[event["model"]],
            input_rate=event["price"],
            workspace_id=self.home.workspace_id if event["is_own"] else None,
        )

    def _withdrawn(self, event: dict[str, Any]) -> None:
        key = (event["model"], event.get("is_own", False))
        if rate_id := self.rates.pop(key, None):
            withdraw(self.owner, rate_id)

    def _zone(self, event: dict[str, Any]) -> None:
        self.owner.execute(
            """
            update app.workspaces set reporting_time_zone = %s
            where workspace_id = %s
            """,
            [event["zone"], self.home.workspace_id],
        )

    def _bill(self, event: dict[str, Any]) -> None:
        with self.owner.transaction():
            self.owner.execute(
                """
                update raw.billing_documents set superseded_at = now()
                where workspace_id = %s and superseded_at is null
                """,
                [self.home.workspace_id],
            )
            found = self.owner.execute(
                """
                insert into raw.billing_documents (
                    workspace_id, provider, kind, period_month
                )
                values (%s, 'acme', 'entered_total', %s) returning document_id
                """,
                [self.home.workspace_id, START.date().replace(day=1)],
            ).fetchone()
            assert found is not None
            self.owner.execute(
                "insert into raw.billing_lines values (%s, %s, 1, %s, 0, '')",
                [self.home.workspace_id, found[0], event["usd"] * 10**12],
            )

    def _moved(self, event: dict[str, Any]) -> None:
        with self.owner.transaction():
            self.owner.execute(
                "delete from app.allocation_rules where workspace_id = %s",
                [self.home.workspace_id],
            )
            self.owner.execute(
                """
                insert into app.allocation_rules (
                    workspace_id, priority, match_on, match_value, department_id,
                    valid_from
                )
                values (%s, 10, 'project', %s, %s, '2026-01-01')
                """,
                [self.home.workspace_id, event["project"], self.department],
            )
            self.owner.execute(
                """
                insert into raw.changes (kind, cause, workspace_id)
                values ('revision', 'allocation', %s)
                """,
                [self.home.workspace_id],
            )

    def _full_refresh(self, _: dict[str, Any]) -> None:
        rebuilt(full_refresh=True)


@pytest.mark.slow
@settings(
    max_examples=int(os.environ.get("HMC_HISTORIES", "4")),
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(happening=st.lists(st.lists(events, min_size=1, max_size=3), max_size=6))
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
        answered.append((now["projects{}"]["as_of"], now))
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
