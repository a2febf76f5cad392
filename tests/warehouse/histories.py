"""Histories of a workspace: rows, prices, bills, zones, and what people decide."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api.cloud.routes.budgets import months_before
from ingest.rebuild.alerts import raise_alerts
from tests.factories import member, rate, rebuilt, session, withdraw, workspace
from tests.warehouse.test_rebuild import land
from warehouse.workspaces import user_of

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
        "machine": st.integers(0, 1),
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
        {
            "kind": st.just("moved"),
            "project": st.sampled_from(["a", "b"]),
            "to": st.sampled_from(["D", "Below", "Pool"]),
        }
    ),
    st.just({"kind": "full refresh"}),
)
decisions = st.one_of(
    st.fixed_dictionaries(
        {"kind": st.just("tagged"), "project": st.sampled_from(["a", "b"])}
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("renamed"),
            "which": st.sampled_from(["D", "Below", "Pool"]),
            "name": st.sampled_from(["One", "Two"]),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("hung"),
            "below": st.sampled_from(["D", None]),
            "days_ago": st.integers(-1, 9),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("split"),
            "split": st.sampled_from(["proportional", "even", "fixed"]),
            "weight": st.integers(1, 9),
            "days_ago": st.integers(-1, 9),
        }
    ),
    st.fixed_dictionaries(
        {"kind": st.just("retired"), "which": st.sampled_from(["Below", "Pool"])}
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("budget"),
            "scope": st.sampled_from(["workspace", "department", "project"]),
            "usd": st.sampled_from(["0.001", "1", "1000"]),
            "months_ago": st.integers(0, 2),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("owned"),
            "machine": st.integers(0, 1),
            "person": st.integers(0, 1),
            "days_ago": st.integers(-1, 9),
        }
    ),
    st.just({"kind": "budget ended"}),
    st.just({"kind": "alerts"}),
)
# Each kind of decision after figures that it is to leave alone as they were known.
EVERY_DECISION: list[list[dict[str, Any]]] = [
    [
        {"kind": "owned", "machine": 0, "person": 0, "days_ago": 0},
        {"kind": "owned", "machine": 1, "person": 0, "days_ago": 0},
        {"kind": "rate", "model": "m1", "price": 10**8, "is_own": False},
        {"kind": "moved", "project": "a", "to": "D"},
        {"kind": "budget", "scope": "workspace", "usd": "0.001", "months_ago": 1},
        {"kind": "budget", "scope": "department", "usd": "1", "months_ago": 0},
        *(
            {
                "kind": "arrival",
                "hours": hours,
                "model": "m1",
                "project": project,
                "tokens": 10**6,
                "count": 1,
                "machine": hours % 2,
            }
            for hours in (1, 200)
            for project in ("a", "b", None)
        ),
    ],
    [{"kind": "alerts"}, {"kind": "tagged", "project": "b"}],
    [
        {"kind": "renamed", "which": "D", "name": "One"},
        {"kind": "owned", "machine": 1, "person": 1, "days_ago": 5},
    ],
    [{"kind": "hung", "below": "D", "days_ago": 9}],
    [{"kind": "moved", "project": "b", "to": "Pool"}],
    [
        {"kind": "split", "split": "fixed", "weight": 3, "days_ago": 9},
        {"kind": "renamed", "which": "D", "name": "Two"},
    ],
    [
        {"kind": "split", "split": "fixed", "weight": 5, "days_ago": 9},
        {"kind": "budget", "scope": "workspace", "usd": "1000", "months_ago": 0},
    ],
    [
        {"kind": "hung", "below": None, "days_ago": 3},
        {"kind": "owned", "machine": 1, "person": 0, "days_ago": 9},
        {"kind": "alerts"},
    ],
    [{"kind": "retired", "which": "Below"}, {"kind": "budget ended"}],
    [{"kind": "retired", "which": "Pool"}, {"kind": "full refresh"}],
]


class History:
    """One workspace to which things happen, and who looks at it."""

    def __init__(self, owner: psycopg.Connection, cloud: TestClient) -> None:
        self.owner, self.cloud = owner, cloud
        self.home = workspace(owner)
        self.headers = session(owner, self.home.email)
        self.departments = {
            "D": self._opened("D"),
            "Below": self._opened("Below"),
            "Pool": self._opened("Pool", "pool"),
        }
        self.people = [
            user_of(owner, email)
            for email in (self.home.email, member(owner, self.home, "member"))
        ]
        self.machines = [self._connected() for _ in self.people]
        self.names = {model: f"{model}-{uuid4().hex[:8]}" for model in MODELS}
        self.rates: dict[tuple[str, bool], int] = {}

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
            ("departments", {}),
            ("budgets", {}),
            ("executive", {}),
            ("executive", {"month": f"{START:%Y-%m}"}),
            *(
                ("reports/personal-summary", {"member": str(person)})
                for person in self.people
            ),
        ):
            answer = self.cloud.get(
                f"/v1/workspaces/{self.home.slug}/{path}",
                params=more | known,
                headers=self.headers,
            )
            assert answer.status_code == 200, answer.text
            asked[path + str(more)] = answer.json() | {"sync": None}
        return asked

    def _opened(self, name: str, kind: str = "department") -> UUID:
        found = self.owner.execute(
            """
            insert into app.departments (workspace_id, name, kind) values (%s, %s, %s)
            returning department_id
            """,
            [self.home.workspace_id, name, kind],
        ).fetchone()
        assert found is not None
        return found[0]

    def _connected(self) -> UUID:
        found = self.owner.execute(
            """
            insert into app.machines (
                workspace_id, hostname, platform, daemon_version
            )
            values (%s, 'laptop', 'Darwin', '1.4.0') returning machine_id
            """,
            [self.home.workspace_id],
        ).fetchone()
        assert found is not None
        return found[0]

    def _decides(self, method: str, path: str, body: Any = None) -> None:
        """Ask for a change; what is no more, or a name that is taken, is refused."""
        answer = self.cloud.request(
            method,
            f"/v1/workspaces/{self.home.slug}/{path}",
            json=body,
            headers=self.headers,
        )
        assert answer.status_code in {200, 201, 204, 404, 409}, answer.text

    def _arrival(self, event: dict[str, Any]) -> None:
        row = {
            "workspace_id": self.home.workspace_id,
            "machine_id": self.machines[event["machine"]],
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
                [
                    self.home.workspace_id,
                    event["project"],
                    self.departments[event["to"]],
                ],
            )
            self.owner.execute(
                """
                insert into raw.changes (kind, cause, workspace_id)
                values ('revision', 'allocation', %s)
                """,
                [self.home.workspace_id],
            )

    def _tagged(self, event: dict[str, Any]) -> None:
        since = START.isoformat()
        self._decides(
            "POST",
            "departments/rules",
            {
                "department_id": str(self.departments["Below"]),
                "priority": 1,
                "match_on": "tag",
                "match_value": "t",
                "valid_from": since,
            },
        )
        self._decides(
            "POST",
            "departments/tags",
            {"project": event["project"], "tag": "t", "valid_from": since},
        )

    def _renamed(self, event: dict[str, Any]) -> None:
        department = self.departments[event["which"]]
        self._decides("PATCH", f"departments/{department}", {"name": event["name"]})

    def _hung(self, event: dict[str, Any]) -> None:
        below = event["below"] and str(self.departments[event["below"]])
        self._decides(
            "PUT",
            f"departments/{self.departments['Below']}/parent",
            {"parent_id": below, "since": _days_ago(event)},
        )

    def _split(self, event: dict[str, Any]) -> None:
        share = {
            "department_id": str(self.departments["D"]),
            "weight": event["weight"],
        }
        self._decides(
            "PUT",
            f"departments/pools/{self.departments['Pool']}/split",
            {
                "split": event["split"],
                "shares": [share] if event["split"] == "fixed" else [],
                "since": _days_ago(event),
            },
        )

    def _retired(self, event: dict[str, Any]) -> None:
        self._decides(
            "POST",
            f"departments/{self.departments[event['which']]}/retire",
            {"on": datetime.now(UTC).date().isoformat()},
        )

    def _owned(self, event: dict[str, Any]) -> None:
        self._decides(
            "PUT",
            f"machines/{self.machines[event['machine']]}/owner",
            {
                "user_id": str(self.people[event["person"]]),
                "since": f"{_days_ago(event)}T12:00:00Z",
            },
        )

    def _budget(self, event: dict[str, Any]) -> None:
        of = {
            "workspace": {},
            "department": {"department_id": str(self.departments["D"])},
            "project": {"project": "a"},
        }[event["scope"]]
        month = months_before(datetime.now(UTC).date(), event["months_ago"])
        self._decides(
            "PUT",
            "budgets",
            {
                "scope": event["scope"],
                "amount_usd": event["usd"],
                "first_month": f"{month:%Y-%m}",
                **of,
            },
        )

    def _budget_ended(self, _: dict[str, Any]) -> None:
        found = self.owner.execute(
            """
            select budget_id from app.budgets where workspace_id = %s
            order by set_at desc limit 1
            """,
            [self.home.workspace_id],
        ).fetchone()
        if found:
            self._decides("DELETE", f"budgets/{found[0]}")

    def _alerts(self, _: dict[str, Any]) -> None:
        raise_alerts(self.owner)

    def _full_refresh(self, _: dict[str, Any]) -> None:
        rebuilt(full_refresh=True)


def _days_ago(event: dict[str, Any]) -> str:
    day = datetime.now(UTC).date() - timedelta(days=event["days_ago"])
    return day.isoformat()
