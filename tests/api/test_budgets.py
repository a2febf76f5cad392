"""Budgets by month, their alerts, days unlike the others, findings, the executive."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from starlette.testclient import TestClient

from ingest.rebuild.alerts import raise_alerts
from tests.api.test_departments import TODAY, Inside
from tests.factories import batch, member, rate, rebuilt, record, session

MONTH = f"{TODAY:%Y-%m}"


@pytest.fixture
def inside(owner: psycopg.Connection, cloud: TestClient) -> Inside:
    return Inside(owner, cloud)


def budget(inside: Inside, amount: str, expect: int = 200, **of: Any) -> Any:
    body = {"scope": "workspace", "first_month": MONTH, "amount_usd": amount, **of}
    return inside.call("PUT", "/budgets", body, expect)


def test_a_budget_of_each_scope_counts_what_is_spent_against_it(inside: Inside) -> None:
    top = inside.department("Top")
    below = inside.department("Below", parent_id=top)
    inside.rule(below, "project", "a")
    budget(inside, "0.00001")
    budget(inside, "0.00001", scope="department", department_id=top)
    budget(inside, "0.00002", scope="project", project="b")
    inside.send("a", 3)
    inside.send("b", 5)
    rebuilt()
    months = inside.call("GET", "/budgets")["months"]
    assert [(each["scope"], each["spent_usd"], each["crossed_percent"])
            for each in months] == [
        ("workspace", "0.000008", 80),
        ("department", "0.000003", 0),
        ("project", "0.000005", 0),
    ]  # fmt: skip


def test_a_new_amount_holds_from_its_month_on_and_ending_it_frees_the_rest(
    inside: Inside,
) -> None:
    budget(inside, "1", first_month="2026-01")
    kept = budget(inside, "2", first_month=MONTH)
    assert [
        (each["amount_usd"], each["end_month"])
        for each in inside.call("GET", "/budgets")["budgets"]
    ] == [("1.00", f"{MONTH}-01"), ("2.00", None)]
    inside.call("DELETE", f"/budgets/{kept['budget_id']}", expect=204)
    inside.call("DELETE", f"/budgets/{kept['budget_id']}", expect=404)
    assert len(inside.call("GET", "/budgets")["budgets"]) == 1
    budget(inside, "0", expect=422)
    budget(inside, "1", expect=422, scope="project")
    budget(inside, "1", expect=404, scope="department", department_id=str(uuid4()))


def test_a_line_is_raised_once_with_the_figures_of_its_moment(
    inside: Inside, owner: psycopg.Connection
) -> None:
    budget(inside, "0.00001")
    inside.send("a", 5)
    rebuilt()
    raise_alerts(owner)
    inside.send("a", 4)
    rebuilt()
    raise_alerts(owner)
    raise_alerts(owner)
    alerts = inside.call("GET", "/budgets")["alerts"]
    assert [(each["line"], each["spent_usd"]) for each in alerts] == [
        ("80", "0.000009"),
        ("50", "0.000005"),
    ]


def test_a_forecast_beyond_the_budget_is_raised(
    inside: Inside, owner: psycopg.Connection
) -> None:
    for back in range(1, 29):
        inside.send("a", 1, TODAY - timedelta(days=back))
    budget(inside, "0.000001")
    rebuilt()
    raise_alerts(owner)
    answer = inside.call("GET", "/budgets")
    assert "forecast" in {each["line"] for each in answer["alerts"]}
    (forecast,) = answer["forecast"]
    assert forecast["forecast_method"] == "same_weekday_mean_28_days"
    assert forecast["low_usd"] == forecast["forecast_usd"] == forecast["high_usd"]


def test_a_day_unlike_its_weekday_is_found_with_what_moved(inside: Inside) -> None:
    odd = TODAY - timedelta(days=1)
    for week in range(1, 6):
        for project in ("a", "b"):
            inside.send(project, 1_000_000, odd - timedelta(weeks=week))
    inside.send("a", 1_000_000, odd)
    inside.send("b", 9_000_000, odd)
    rebuilt()
    items = inside.call("GET", "/anomalies")["items"]
    assert {each["scope"] for each in items} == {
        "workspace",
        "project",
        "model",
        "machine",
    }
    whole = next(each for each in items if each["scope"] == "workspace")
    assert (whole["usual_usd"], whole["change_usd"]) == ("2.00", "8.00")
    moved = {each["dimension"]: each for each in whole["drivers"]}
    assert set(moved) == {"project", "model", "machine"}
    assert (moved["project"]["moved"], moved["project"]["change_usd"]) == ("b", "8.00")
    assert inside.call("GET", "/anomalies?floor_usd=8.01")["items"] == []


def test_a_finding_has_its_money_its_requests_and_can_be_put_aside(
    inside: Inside,
) -> None:
    small = f"model-{uuid4().hex}"
    rate(inside.owner, small, **dict.fromkeys(PARTS, 500_000))
    for part in PARTS[1:]:
        inside.owner.execute(
            f"update raw.pricing_rates set {part} = 1000000 where model = %s",  # type: ignore[arg-type]
            [inside.model],
        )
    inside.send("a", 100)
    large, inside.model = inside.model, small
    inside.send("a", 1)
    rebuilt()
    (finding,) = inside.call("GET", "/optimisation")["findings"]
    assert (finding["reason"], finding["model"], finding["sibling"]) == (
        "cheaper_sibling",
        large,
        small,
    )
    assert (finding["cost_usd"], finding["saving_usd"]) == ("0.0001", "0.00005")
    path = f"/optimisation/{finding['finding_id']}"
    evidence = inside.call("GET", f"{path}/requests")["items"]
    assert sum(Decimal(each["saving_usd"]) for each in evidence) == Decimal("0.00005")
    inside.call("PUT", f"{path}/dismissal", {"reason": ""}, 422)
    inside.call("PUT", f"{path}/dismissal", {"reason": "it has to be the large one"})
    (finding,) = inside.call("GET", "/optimisation")["findings"]
    assert finding["dismissal"]["reason"] == "it has to be the large one"
    logged = inside.call("GET", "/audit")["items"]
    assert "finding_dismissals.created" in {each["action"] for each in logged}
    inside.call("DELETE", f"{path}/dismissal", expect=204)
    inside.call("DELETE", f"{path}/dismissal", expect=404)


PARTS = [
    "input_rate",
    "output_rate",
    "thinking_rate",
    "cache_read_rate",
    "cache_write_rate",
]


def test_imputed_spend_stands_beside_metered_spend_and_never_in_it(
    inside: Inside, cloud: TestClient
) -> None:
    one = inside.department("One")
    inside.rule(one, "project", "a")
    budget(inside, "1")
    inside.send("a", 3)
    moment = f"{TODAY - timedelta(days=20)}T00:00:00Z"
    plan = record(
        provider="acme",
        model=inside.model,
        project="a",
        input_tokens=50,
        output_tokens=0,
        status="error",
        requested_at=moment,
        recorded_at=moment,
        billing_basis="subscription_imputed",
    )
    cloud.post("/v1/requests/batch", json=batch(plan), headers=inside.laptop.headers)
    assert inside.spent() == {"One": "0.000003", None: "0.00"}
    assert inside.spent("imputed_usd")["One"] == "0.00005"
    answer = inside.call("GET", "/optimisation")
    assert answer["findings"] == []
    assert [each["reason"] for each in answer["imputed"]] == ["failed_call"]
    (idle,) = answer["idle_subscriptions"]
    assert (idle["machine_id"], idle["imputed_usd"]) == (
        inside.laptop.machine_id,
        "0.00005",
    )
    (month,) = inside.call("GET", "/budgets?since=" + MONTH)["months"]
    assert month["spent_usd"] == "0.000003"


def test_the_executive_sees_a_month_whole_and_what_nobody_has_told(
    inside: Inside,
) -> None:
    one = inside.department("One")
    inside.rule(one, "project", "a")
    budget(inside, "1", scope="department", department_id=one)
    inside.send("a", 3)
    inside.send("b", 1)
    rebuilt()
    answer = inside.call("GET", "/executive")
    amounts = {line["name"]: line["amount_usd"] for line in answer["lines"]}
    assert amounts["list_usage"] == "0.000004"
    assert {name for name, amount in amounts.items() if amount is None} == {
        "discounts",
        "gross",
        "credits",
        "net",
        "tax",
        "payable",
    }
    (month,) = answer["months"]
    assert month["unallocated_usd"] == "0.000001"
    assert month["unallocated_basis_points"] == 2_500
    assert month["thousand_requests_usd"] == "0.002"
    assert month["million_tokens_usd"] == "1.00"
    assert month["missing_count"] == 1
    assert [each["spent_usd"] for each in answer["budgets"]] == ["0.000003"]
    empty = inside.call("GET", "/executive?month=2025-01")
    assert empty["lines"][0]["amount_usd"] is None


def test_a_departments_budget_needs_the_plan_that_has_departments(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    inside = Inside(owner, cloud)
    owner.execute(
        "update app.workspaces set tier = 'team' where workspace_id = %s",
        [inside.home.workspace_id],
    )
    locked = budget(
        inside, "1", expect=403, scope="department", department_id=str(uuid4())
    )
    assert locked["error"] == "tier_locked"
    budget(inside, "1")
    viewer = session(owner, member(owner, inside.home, "viewer"))
    answer = cloud.get(f"/v1/workspaces/{inside.home.slug}/budgets", headers=viewer)
    assert len(answer.json()["budgets"]) == 1
