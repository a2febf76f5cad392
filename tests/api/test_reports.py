"""A personal summary holds what one's machines used while they were one's own."""

import csv
import io
import tomllib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from starlette.testclient import TestClient

from models.plans import Role
from tests.api.test_departments import TODAY, Inside
from tests.factories import (
    api_key,
    batch,
    daemon,
    member,
    rate,
    rebuilt,
    record,
    session,
    withdraw,
    workspace,
)
from warehouse.workspaces import user_of

POLICY = tomllib.loads(
    (Path(__file__).parents[1] / "isolation/policy.toml").read_text("utf-8")
)
ROUTE = "/reports/personal-summary"


class Reporting(Inside):
    """A workspace with its owner's laptop, and a member who has none yet."""

    def __init__(self, owner: psycopg.Connection, cloud: TestClient) -> None:
        super().__init__(owner, cloud)
        self.email = member(owner, self.home, "member")
        self.member = user_of(owner, self.email)
        self.me = user_of(owner, self.home.email)
        self.owns(self.me)

    def summary(self, of: UUID | None = None, **more: str) -> Any:
        asked = {"member": str(of)} if of else {}
        answer = self.cloud.get(
            f"/v1/workspaces/{self.home.slug}{ROUTE}",
            params=asked | more,
            headers=self.headers,
        )
        assert answer.status_code == 200, answer.text
        return answer.json() if more.get("format") != "csv" else answer

    def owns(
        self, person: UUID, since: datetime | None = None, machine: Any = None
    ) -> None:
        """Say whose a machine is; whose it is first, it has been all along."""
        self.call(
            "PUT",
            f"/machines/{machine or self.laptop.machine_id}/owner",
            {"user_id": str(person), "since": since and since.isoformat()},
        )

    def sends(self, *rows: dict[str, Any], of: Any = None) -> None:
        one = {"provider": "acme", "model": self.model, "output_tokens": 0}
        landed = self.cloud.post(
            "/v1/requests/batch",
            json=batch(*(record(**(one | row)) for row in rows)),
            headers=(of or self.laptop).headers,
        )
        assert landed.json()["accepted"] == len(rows)


@pytest.fixture
def reporting(owner: psycopg.Connection, cloud: TestClient) -> Reporting:
    return Reporting(owner, cloud)


def at(moment: datetime) -> dict[str, str]:
    text = moment.isoformat().replace("+00:00", "Z")
    return {"requested_at": text, "recorded_at": text}


def exact(rows: list[dict[str, Any]], basis: str, of: str) -> Decimal | int:
    wanted = [row[of] for row in rows if row["billing_basis"] == basis]
    if of == "cost_usd":
        return sum((Decimal(cost) for cost in wanted if cost), Decimal(0))
    return sum(wanted)


def test_machines_and_lines_add_up_to_totals_with_imputed_and_unpriced_apart(
    reporting: Reporting, owner: psycopg.Connection, cloud: TestClient
) -> None:
    second = daemon(owner, cloud, reporting.home, hostname="second")
    reporting.owns(reporting.me, machine=second.machine_id)
    reporting.sends(
        {"project": "a", "input_tokens": 3},
        {"project": "a", "input_tokens": 5, "status": "error", "http_status": 500},
        {"project": None, "input_tokens": 7},
        {"project": "b", "input_tokens": 11, "billing_basis": "subscription_imputed"},
        {"project": "b", "input_tokens": 13, "model": uuid4().hex},
    )
    reporting.sends({"project": "a", "input_tokens": 17}, of=second)
    rebuilt()
    answer = reporting.summary()
    assert answer["total"]["cost_usd"] == "0.000032"
    assert answer["imputed"]["cost_usd"] == "0.000011"
    assert (answer["total"]["unpriced_count"], answer["total"]["unpriced_tokens"]) == (
        1,
        13,
    )
    for name, basis in (("total", "api"), ("imputed", "subscription_imputed")):
        for parts in ("machines", "lines"):
            for of in ("request_count", "failed_count", "unpriced_count"):
                assert exact(answer[parts], basis, of) == answer[name][of]
            spent = exact(answer[parts], basis, "cost_usd")
            assert spent == Decimal(answer[name]["cost_usd"])
    assert [
        (line["project"], line["cost_usd"])
        for line in answer["lines"]
        if line["billing_basis"] == "api"
    ] == [("a", "0.000025"), (None, "0.000007"), ("b", None)]
    assert {each["hostname"] for each in answer["machines"]} == {"laptop", "second"}
    everybody = cloud.get(
        f"/v1/workspaces/{reporting.home.slug}/projects", headers=reporting.headers
    ).json()
    assert everybody["total"]["cost_usd"] == answer["total"]["cost_usd"]


def test_a_machine_that_changes_hands_counts_to_the_moment(
    reporting: Reporting,
) -> None:
    handed_over = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
    before, second = timedelta(seconds=-1), timedelta(0)
    for micros, moment in ((3, before), (5, second), (7, timedelta(hours=1))):
        reporting.sends({"input_tokens": micros} | at(handed_over + moment))
    reporting.owns(reporting.member, handed_over)
    rebuilt()
    assert reporting.summary()["total"]["cost_usd"] == "0.000003"
    theirs = reporting.summary(reporting.member)
    assert theirs["total"]["cost_usd"] == "0.000012"
    assert theirs["person"] == {
        "user_id": str(reporting.member),
        "email": reporting.email,
    }
    today = reporting.summary(reporting.member, **{"from": str(TODAY)})
    assert (today["total"]["request_count"], today["total"]["cost_usd"]) == (0, "0.00")


def test_a_summary_as_known_then_has_the_owner_and_the_price_of_then(
    reporting: Reporting, owner: psycopg.Connection
) -> None:
    reporting.sends({"input_tokens": 3})
    rebuilt()
    then = reporting.summary()
    reporting.owns(reporting.member, datetime(2026, 1, 1, tzinfo=UTC))
    (believed,) = owner.execute(
        "select rate_id from raw.pricing_rates where model = %s", [reporting.model]
    ).fetchone() or (0,)
    withdraw(owner, believed)
    rate(owner, reporting.model, input_rate=2_000_000)
    rebuilt()
    assert reporting.summary()["total"]["request_count"] == 0
    assert reporting.summary(reporting.member)["total"]["cost_usd"] == "0.000006"
    assert reporting.summary(known_at=then["as_of"]) == then


def test_the_file_has_a_line_for_each_project_and_model(reporting: Reporting) -> None:
    reporting.sends(
        {"project": "=a", "input_tokens": 3},
        {"project": None, "input_tokens": 5, "model": "nobody-knows-it"},
    )
    rebuilt()
    file = reporting.summary(format="csv")
    assert file.headers["content-type"].startswith("text/csv")
    assert "personal-summary-" in file.headers["content-disposition"]
    lines = list(csv.DictReader(io.StringIO(file.text)))
    assert [
        (line["project"], line["cost_usd"], line["unpriced_count"]) for line in lines
    ] == [("'=a", "0.000003", "0"), ("", "", "1")]


def test_somebody_elses_summary_is_for_who_manages_members(
    reporting: Reporting, owner: psycopg.Connection, cloud: TestClient
) -> None:
    rule = POLICY["workspace"][f"GET /v1/workspaces/{{slug}}{ROUTE}"]
    path = f"/v1/workspaces/{reporting.home.slug}{ROUTE}"

    def answered(headers: dict[str, str], of: Any) -> tuple[int, str | None]:
        answer = cloud.get(path, params={"member": str(of)}, headers=headers)
        return answer.status_code, answer.json().get("error")

    for role in Role:
        email = member(owner, reporting.home, role)
        mine = answered(session(owner, email), user_of(owner, email))
        theirs = answered(session(owner, email), reporting.member)
        may = role in POLICY["sets"][rule["may"]]
        assert mine == ((200, None) if may else (403, "not_permitted")), role
        may = role in POLICY["sets"][rule["of_others"]]
        assert theirs == ((200, None) if may else (403, "not_permitted")), role
    key = api_key(owner, reporting.home, reporting.home.email, "make_reports")
    assert answered(key, reporting.me) == (200, None)
    assert answered(key, reporting.member) == (403, "not_in_scope")
    stranger = user_of(owner, workspace(owner).email)
    assert answered(reporting.headers, stranger) == (404, "not_found")
