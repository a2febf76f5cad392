"""Departments are a tree with history, and every cent of a day is somewhere in it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from starlette.testclient import TestClient

from tests.factories import (
    Daemon,
    Workspace,
    batch,
    daemon,
    member,
    rate,
    rebuilt,
    record,
    session,
    workspace,
)
from warehouse.workspaces import user_of

TODAY = datetime.now(UTC).date()
LONG_AGO = "2026-01-01T00:00:00Z"


class Inside:
    """One workspace's routes, called by its owner; every answer is expected."""

    def __init__(self, owner: psycopg.Connection, cloud: TestClient) -> None:
        self.owner, self.cloud = owner, cloud
        self.home: Workspace = workspace(owner)
        self.headers = session(owner, self.home.email)
        self.laptop: Daemon = daemon(owner, cloud, self.home)
        self.model = f"model-{uuid4().hex}"
        rate(owner, self.model, input_rate=1_000_000)

    def call(self, method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        answer = self.cloud.request(
            method,
            f"/v1/workspaces/{self.home.slug}{path}",
            json=body,
            headers=self.headers,
        )
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    def department(self, name: str, **more: Any) -> str:
        body = {"name": name, "opened_on": "2026-01-01", **more}
        return self.call("POST", "/departments", body, 201)["department_id"]

    def pool(self, name: str, **split: Any) -> str:
        body = {"name": name, "since": "2026-01-01", **split}
        return self.call("POST", "/departments/pools", body, 201)["department_id"]

    def rule(self, to: str, on: str, value: str, expect: int = 201, **more: Any) -> Any:
        body = {
            "department_id": to,
            "match_on": on,
            "match_value": value,
            "valid_from": LONG_AGO,
            **more,
        }
        return self.call("POST", "/departments/rules", body, expect)

    def send(self, project: str | None, micros: int, at: date = TODAY) -> None:
        """Land one call that costs so many microdollars."""
        moment = f"{at}T00:00:00Z"
        one = record(
            provider="acme",
            model=self.model,
            project=project,
            input_tokens=micros,
            output_tokens=0,
            requested_at=moment,
            recorded_at=moment,
        )
        answer = self.cloud.post(
            "/v1/requests/batch", json=batch(one), headers=self.laptop.headers
        )
        assert answer.json()["accepted"] == 1

    def spent(self, of: str = "cost_usd", **days: date) -> dict[str | None, str]:
        """What each department spent, by name; None is unallocated."""
        rebuilt()
        asked = "&".join(f"{name}={day}" for name, day in days.items())
        answer = self.call("GET", f"/departments?{asked}")
        rows = [*answer["departments"], answer["unallocated"]]
        parts = sum(Decimal(row["cost_usd"]) for row in rows)
        assert parts == Decimal(answer["total"]["cost_usd"])
        return {row["name"]: row[of] for row in rows}


@pytest.fixture
def inside(owner: psycopg.Connection, cloud: TestClient) -> Inside:
    return Inside(owner, cloud)


def test_a_parent_is_its_own_and_its_childrens_to_the_last_digit(
    inside: Inside,
) -> None:
    top = inside.department("Engineering")
    below = inside.department("Platform", parent_id=top)
    inside.rule(top, "project", "a")
    inside.rule(below, "project", "b")
    for project, micros in (("a", 3), ("b", 7), ("c", 11)):
        inside.send(project, micros)
    assert inside.spent() == {
        "Engineering": "0.000003",
        "Platform": "0.000007",
        None: "0.000011",
    }
    assert inside.spent("with_below_usd") == {
        "Engineering": "0.00001",
        "Platform": "0.000007",
        None: "0.000011",
    }


def test_a_department_that_moves_takes_only_its_future_along(inside: Inside) -> None:
    old, new = inside.department("Old"), inside.department("New")
    below = inside.department("Team", parent_id=old)
    inside.rule(below, "project", "a")
    before = TODAY - timedelta(days=1)
    inside.send("a", 3, before)
    inside.send("a", 5)
    moved = {"parent_id": new, "since": str(TODAY)}
    inside.call("PUT", f"/departments/{below}/parent", moved)
    assert inside.spent("with_below_usd", **{"from": before}) == {
        "Old": "0.000003",
        "New": "0.000005",
        "Team": "0.000008",
        None: "0.00",
    }


def test_nobody_is_below_themselves(inside: Inside) -> None:
    top = inside.department("Top")
    below = inside.department("Below", parent_id=top)
    for parent in (below, top):
        moved = {"parent_id": parent, "since": str(TODAY)}
        inside.call("PUT", f"/departments/{top}/parent", moved, 409)


def test_a_renamed_department_keeps_its_past_and_a_name_is_one_departments(
    inside: Inside,
) -> None:
    one, other = inside.department("One"), inside.department("Other")
    inside.rule(one, "project", "a")
    inside.send("a", 3)
    inside.call("PATCH", f"/departments/{one}", {"name": "Renamed"})
    inside.call("PATCH", f"/departments/{other}", {"name": "Renamed"}, 409)
    assert inside.spent()["Renamed"] == "0.000003"


def test_a_retired_department_ends_with_its_rules_and_its_past_stays(
    inside: Inside,
) -> None:
    one = inside.department("One")
    inside.rule(one, "project", "a")
    before = TODAY - timedelta(days=1)
    inside.send("a", 3, before)
    inside.send("a", 5)
    inside.call("POST", f"/departments/{one}/retire", {"on": str(TODAY)})
    assert inside.spent(**{"from": before}) == {"One": "0.000003", None: "0.000005"}
    inside.rule(one, "project", "b", expect=409)
    again = inside.department("One")  # its name is free again
    assert again != one


def test_a_department_retires_after_what_is_below_it(inside: Inside) -> None:
    top = inside.department("Top")
    inside.department("Below", parent_id=top)
    retired = inside.call(
        "POST", f"/departments/{top}/retire", {"on": str(TODAY)}, expect=409
    )
    assert "Below" in retired["message"]


def test_the_first_match_wins_and_is_kept_on_the_row(
    inside: Inside, owner: psycopg.Connection
) -> None:
    by_tag, by_machine = inside.department("Tag"), inside.department("Machine")
    inside.rule(by_machine, "machine", inside.laptop.machine_id, priority=20)
    kept = inside.rule(by_tag, "tag", "beta", priority=10)
    label = {"project": "a", "tag": "beta", "valid_from": LONG_AGO}
    inside.call("POST", "/departments/tags", label, 201)
    inside.call("POST", "/departments/tags", label, 409)
    inside.send("a", 3)
    inside.send("b", 5)
    assert inside.spent() == {"Tag": "0.000003", "Machine": "0.000005", None: "0.00"}
    found = owner.execute(
        """
        select allocation_rule_id::text from marts.fct_priced_requests
        where workspace_id = %s and project = 'a'
        """,
        [inside.home.workspace_id],
    ).fetchone()
    assert found == (kept["rule_id"],)


def test_a_label_that_comes_off_leaves_the_past_where_it_was(inside: Inside) -> None:
    one = inside.department("One")
    inside.rule(one, "tag", "beta")
    label = {"project": "a", "tag": "beta"}
    inside.call("POST", "/departments/tags", {**label, "valid_from": LONG_AGO}, 201)
    before = TODAY - timedelta(days=1)
    inside.send("a", 3, before)
    inside.send("a", 5)
    off = {**label, "at": f"{TODAY}T00:00:00Z"}
    inside.call("POST", "/departments/tags/end", off, 204)
    inside.call("POST", "/departments/tags/end", off, 404)
    assert inside.spent(**{"from": before}) == {"One": "0.000003", None: "0.000005"}


def test_a_member_is_whoever_the_machine_is_then(
    inside: Inside, owner: psycopg.Connection
) -> None:
    department = inside.department("Hers")
    email = member(owner, inside.home, "member")
    hers = str(user_of(owner, email))
    inside.rule(department, "member", hers)
    before = TODAY - timedelta(days=1)
    inside.send("a", 3, before)
    inside.send("a", 5)
    assert inside.spent(**{"from": before}) == {"Hers": "0.00", None: "0.000008"}
    path = f"/machines/{inside.laptop.machine_id}/owner"
    inside.call("PUT", path, {"user_id": hers})
    assert inside.spent(**{"from": before}) == {"Hers": "0.000008", None: "0.00"}
    boss = str(user_of(owner, inside.home.email))
    inside.call("PUT", path, {"user_id": boss, "since": f"{TODAY}T00:00:00Z"})
    assert inside.spent(**{"from": before}) == {"Hers": "0.000003", None: "0.000005"}
    inside.call("PUT", path, {"user_id": str(uuid4())}, 404)


def test_a_machine_is_whose_pairing_they_approved(
    inside: Inside, owner: psycopg.Connection, cloud: TestClient
) -> None:
    asked = {"hostname": "new", "daemon_version": "1.4.0", "platform": "Darwin"}
    started = cloud.post("/v1/pairing/start", json=asked).json()
    code = started["pairing_code"]
    inside.call("POST", f"/pairings/{code}/approve", {})
    secret = {key: started[key] for key in ("pairing_code", "poll_token")}
    paired = cloud.post("/v1/pairing/poll", json=secret).json()
    found = owner.execute(
        "select user_id from app.machine_owners where machine_id = %s",
        [paired["machine_id"]],
    ).fetchone()
    assert found == (user_of(owner, inside.home.email),)


def test_a_rule_ends_and_another_can_replace_it_for_a_stretch(inside: Inside) -> None:
    one, other = inside.department("One"), inside.department("Other")
    first = inside.rule(one, "project", "a")
    days = [TODAY - timedelta(days=back) for back in (2, 1, 0)]
    for micros, day in zip((1, 10, 100), days, strict=True):
        inside.send("a", micros, day)
    stretch = {
        "valid_from": f"{days[1]}T00:00:00Z",
        "valid_to": f"{days[2]}T00:00:00Z",
    }
    inside.rule(other, "project", "a", expect=409, **stretch)
    inside.rule(other, "project", "a", replaces=True, **stretch)
    assert inside.spent(**{"from": days[0]}) == {
        "One": "0.000101",
        "Other": "0.00001",
        None: "0.00",
    }
    (last,) = (
        rule["rule_id"]
        for rule in inside.call("GET", "/departments/rules")
        if rule["valid_to"] is None
    )
    at = f"/departments/rules/{last}?at={days[2]}T00:00:00Z"
    inside.call("DELETE", at, expect=204)
    inside.call("DELETE", at, expect=404)
    assert first["rule_id"] != last
    assert inside.spent(**{"from": days[0]}) == {
        "One": "0.000001",
        "Other": "0.00001",
        None: "0.0001",
    }


def test_a_rule_says_whose_machine_or_which_member_it_is_on(inside: Inside) -> None:
    team = inside.department("Team")
    (person,) = inside.call("GET", "/members")
    on_machine = inside.rule(team, "machine", inside.laptop.machine_id)
    on_member = inside.rule(team, "member", person["user_id"])
    inside.rule(team, "project", "a")
    assert on_machine["match_name"] == "laptop"
    assert on_member["match_name"] == inside.home.email
    named = [rule["match_name"] for rule in inside.call("GET", "/departments/rules")]
    assert named == [None, "laptop", inside.home.email]


def test_a_malformed_rule_says_what_is_wrong_with_which_field(inside: Inside) -> None:
    refused = inside.rule(str(uuid4()), "colour", "red", expect=422, priority=0)
    assert set(refused["fields"]) == {"match_on", "priority"}
    assert refused["fields"]["priority"] in refused["message"]


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        # 100 pico in thirds of two to one, evenly, and one to four.
        ({"split": "proportional"}, {"One": 2_000_067, "Other": 1_000_033}),
        ({"split": "even"}, {"One": 2_000_050, "Other": 1_000_050}),
        ("fixed", {"One": 2_000_020, "Other": 1_000_080}),
    ],
)
def test_a_pool_is_split_over_departments_and_nothing_is_lost(
    inside: Inside, split: Any, expected: dict[str, int]
) -> None:
    one, other = inside.department("One"), inside.department("Other")
    if split == "fixed":
        shares = [
            {"department_id": one, "weight": 1},
            {"department_id": other, "weight": 4},
        ]
        split = {"split": "fixed", "shares": shares}
    pool = inside.pool("Shared", **split)
    inside.rule(one, "project", "a")
    inside.rule(other, "project", "b")
    inside.rule(pool, "project", "shared")
    tiny = f"model-{uuid4().hex}"
    rate(inside.owner, tiny, input_rate=1)
    inside.send("a", 2)
    inside.send("b", 1)
    inside.model = tiny
    inside.send("shared", 100)
    spent = inside.spent()
    assert {name: int(Decimal(spent[name]) * 10**12) for name in expected} == expected
    assert spent[None] == "0.00"
    answer = inside.call("GET", "/departments")
    assert [pool["cost_usd"] for pool in answer["pools"]] == ["0.0000000001"]


def test_a_pool_that_nobody_is_open_for_is_unallocated(inside: Inside) -> None:
    pool = inside.pool("Shared")
    inside.rule(pool, "project", "shared")
    inside.send("shared", 7)
    assert inside.spent() == {None: "0.000007"}


def test_another_split_holds_from_its_day_on(inside: Inside) -> None:
    one, other = inside.department("One"), inside.department("Other")
    pool = inside.pool("Shared", split="even")
    inside.rule(pool, "project", "shared")
    before = TODAY - timedelta(days=1)
    inside.send("shared", 10, before)
    inside.send("shared", 10)
    split = {
        "split": "fixed",
        "shares": [{"department_id": one, "weight": 1}],
        "since": str(TODAY),
    }
    inside.call("PUT", f"/departments/pools/{pool}/split", split)
    assert inside.spent(**{"from": before}) == {
        "One": "0.000015",
        "Other": "0.000005",
        None: "0.00",
    }
    wrong = {"split": "fixed", "shares": []}
    inside.call("PUT", f"/departments/pools/{pool}/split", wrong, 422)
    inside.call("PUT", f"/departments/pools/{other}/split", split, 404)


def test_who_made_an_allocation_change_is_named_until_several_did(
    inside: Inside, owner: psycopg.Connection
) -> None:
    one = inside.department("One")
    inside.send("a", 5)
    rebuilt()
    before = datetime.now(UTC).isoformat()
    inside.rule(one, "project", "a")
    rebuilt()
    me = str(user_of(owner, inside.home.email))
    owner.execute(
        "select app.own_machine(%s, %s, %s::uuid, now())",
        [inside.home.workspace_id, inside.laptop.machine_id, me],
    )
    asked = f"before={quote(before)}&from={TODAY}&to={TODAY}"
    (change,) = inside.call("GET", f"/pricing/changes?{asked}")["items"]
    assert (change["cause"], change["made_by"]) == ("allocation", me)
    # An operator has a part in this cycle too: nobody is named for both.
    two = inside.department("Two")
    inside.rule(two, "project", "a", replaces=True)
    rebuilt()
    changes = inside.call("GET", f"/pricing/changes?{asked}")["items"]
    assert [each["made_by"] for each in changes] == [None, me]
