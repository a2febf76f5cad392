"""A month is closed once, by two people, and what differs later is posted apart."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.errors import CheckViolation, RaiseException, UniqueViolation
from starlette.testclient import TestClient

from tests.factories import (
    Daemon,
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
from warehouse.retention import retain

THIS_MONTH = datetime.now(UTC).date().replace(day=1)
LAST_MONTH = (THIS_MONTH - timedelta(days=1)).replace(day=1)
MONTH = f"{LAST_MONTH:%Y-%m}"
WITHIN = f"{MONTH}-11T12:00:00Z"
PRICE = 3  # picodollars per token of input


@dataclass
class Finance:
    """A workspace with a month of one call, and two people who may close it."""

    owner: psycopg.Connection
    cloud: TestClient
    laptop: Daemon
    model: str
    rate_id: int
    preparer: dict[str, str]
    reviewer: dict[str, str]

    def ask(
        self, who: dict[str, str], method: str, path: str, **how: Any
    ) -> tuple[int, Any]:
        answer = self.cloud.request(
            method,
            f"/v1/workspaces/{self.laptop.workspace.slug}/reconciliation{path}",
            headers=who,
            **how,
        )
        return answer.status_code, answer.json()

    def decide(self, who: dict[str, str], what: str, **how: Any) -> tuple[int, Any]:
        return self.ask(who, "POST", f"/acme/{MONTH}/{what}", **how)

    def close(self) -> dict[str, Any]:
        assert self.decide(self.preparer, "prepare")[0] == 200
        status, closed = self.decide(self.reviewer, "close")
        assert status == 200, closed
        rebuilt()
        return closed

    def months(self, **known: str) -> dict[str, Any]:
        status, answer = self.ask(self.preparer, "GET", "", params=known)
        assert status == 200, answer
        return {item["period_month"][:7]: item for item in answer["items"]}

    def month(self, **known: str) -> dict[str, Any]:
        return self.months(**known)[MONTH]

    def told(self) -> dict[str, Any]:
        status, answer = self.ask(self.reviewer, "GET", f"/acme/{MONTH}/close")
        assert status == 200, answer
        return answer

    def sends(self, tokens: int, at: str = WITHIN, **fields: Any) -> None:
        call = record(
            provider="acme",
            model=self.model,
            requested_at=at,
            input_tokens=tokens,
            output_tokens=0,
        )
        answer = self.cloud.post(
            "/v1/requests/batch", json=batch(call | fields), headers=self.laptop.headers
        )
        assert answer.json()["accepted"] == 1
        rebuilt()

    def corrects_the_price(self, price: int) -> None:
        withdraw(self.owner, self.rate_id)
        self.rate_id = rate(self.owner, self.model, input_rate=price, output_rate=0)
        rebuilt()


@pytest.fixture
def finance(
    owner: psycopg.Connection, cloud: TestClient, monkeypatch: pytest.MonkeyPatch
) -> Finance:
    # Cycles are run by hand here, so nobody need wait for one.
    monkeypatch.setattr("api.cloud.routes.reconciliation.PUBLISHED_WITHIN_SECONDS", 0)
    laptop = daemon(owner, cloud, workspace(owner))
    model = f"model-{uuid4().hex}"
    made = Finance(
        owner,
        cloud,
        laptop,
        model,
        rate(owner, model, input_rate=PRICE, output_rate=0),
        session(owner, laptop.workspace.email),
        session(owner, member(owner, laptop.workspace, "billing")),
    )
    made.sends(1_000)
    return made


def usd(pico: int) -> Decimal:
    return Decimal(pico).scaleb(-12)


def test_a_month_is_closed_by_somebody_else_than_prepared_it(finance: Finance) -> None:
    viewer = session(
        finance.owner, member(finance.owner, finance.laptop.workspace, "viewer")
    )
    assert finance.decide(viewer, "prepare")[1]["error"] == "not_permitted"
    assert finance.decide(finance.reviewer, "close")[1]["error"] == "conflict"
    status, prepared = finance.decide(finance.preparer, "prepare")
    assert (status, prepared["state"]) == (200, "prepared")
    status, refused = finance.decide(finance.preparer, "close")
    assert (status, refused["error"]) == (403, "own_preparation")
    status, closed = finance.decide(finance.reviewer, "close")
    assert (status, closed["state"], closed["request_count"]) == (200, "closed", 1)
    assert closed["digest"] == prepared["digest"]
    assert finance.month()["status"] == "missing_invoice"  # no cycle has told it yet
    rebuilt()
    month = finance.month()
    assert (month["status"], month["logged_usd"]) == ("signed_off", closed["cost_usd"])
    assert month["closed_at"] == closed["closed_at"]
    for what in ("prepare", "close"):
        assert finance.decide(finance.reviewer, what)[0] == 409
    status, listed = finance.ask(viewer, "GET", "/closes")
    assert status == 200
    (item,) = listed["items"]
    assert item["prepared_by_email"] == finance.laptop.workspace.email
    assert item["reviewed_by_email"] is not None


def test_a_month_that_has_not_ended_or_holds_nothing_is_not_prepared(
    finance: Finance,
) -> None:
    for month, status in (
        (f"{THIS_MONTH:%Y-%m}", 422),
        ("2099-01", 422),
        ("2020-01", 404),
    ):
        path = f"/acme/{month}/prepare"
        assert finance.ask(finance.preparer, "POST", path)[0] == status


def test_what_changed_since_it_was_prepared_is_prepared_again(finance: Finance) -> None:
    finance.decide(finance.preparer, "prepare")
    finance.sends(5)
    status, refused = finance.decide(finance.reviewer, "close")
    assert (status, refused["error"]) == (409, "conflict")
    assert finance.close()["request_count"] == 2


def test_a_closed_month_stays_and_what_it_differs_by_is_posted_in_this_one(
    finance: Finance,
) -> None:
    before = finance.months()
    unclosed = finance.ask(finance.preparer, "GET", "")[1]["as_of"]
    closed = finance.close()
    as_closed = finance.ask(finance.preparer, "GET", "")[1]["as_of"]
    finance.corrects_the_price(PRICE + 2)
    finance.sends(7)
    finance.sends(1, model=f"{finance.model}-unpriced")
    finance.sends(9, billing_basis="subscription_imputed")

    month, here = finance.month(), finance.months()[f"{THIS_MONTH:%Y-%m}"]
    differs = 1_000 * 2 + 7 * (PRICE + 2)
    assert Decimal(month["logged_usd"]) == Decimal(closed["cost_usd"]) == usd(3_000)
    assert month["request_count"] == 1
    assert Decimal(month["adjusted_usd"]) == usd(differs)
    assert Decimal(here["posted_usd"]) == usd(differs)
    assert (here["adjusted_usd"], here["logged_usd"]) == ("0.00", "0.00")
    overview = finance.cloud.get(
        f"/v1/workspaces/{finance.laptop.workspace.slug}/overview",
        headers=finance.preparer,
        params={"calendar": "utc"},
    ).json()
    facts = Decimal(overview["last_month"]["cost_usd"])
    assert facts == usd(3_000 + differs)

    told = finance.told()
    posted = [one["adjustment"] for one in told["adjustments"]]
    assert [(one["request_count"], one["unpriced_count"]) for one in posted] == [
        (1, 1),
        (1, 0),
        (0, 0),
    ]
    assert {one["posted_month"] for one in posted} == {THIS_MONTH.isoformat()}
    for one in told["adjustments"]:
        differences = [Decimal(cause["difference_usd"]) for cause in one["causes"]]
        assert sum(differences) == Decimal(one["adjustment"]["cost_usd"])
    causes = [one["causes"][0]["cause"] for one in told["adjustments"]]
    assert causes == ["arrival", "arrival", "rate"]
    assert finance.rate_id in [known["rate_id"] for known in told["rates"]]

    assert finance.months(known_at=unclosed) == before
    then = finance.month(known_at=as_closed)
    assert (then["status"], then["adjusted_usd"]) == ("signed_off", "0.00")
    now = finance.ask(finance.preparer, "GET", "")[1]
    assert finance.months(known_at=now["as_of"]) == finance.months()


def test_a_reopened_month_takes_back_what_was_posted_and_can_be_closed_again(
    finance: Finance,
) -> None:
    finance.close()
    finance.sends(7)
    for none in (" ", "\0", "the\0bill"):
        why = {"json": {"reason": none}}
        assert finance.decide(finance.reviewer, "reopen", **why)[0] == 422
    why = {"json": {"reason": "the bill came late"}}
    status, reopened = finance.decide(finance.reviewer, "reopen", **why)
    assert (status, reopened["state"]) == (200, "reopened")
    status, waiting = finance.decide(finance.preparer, "prepare")
    assert (status, waiting["error"]) == (409, "conflict")
    rebuilt()
    month = finance.month()
    assert Decimal(month["logged_usd"]) == usd(1_007 * PRICE)
    assert (month["status"], month["adjusted_usd"]) == ("missing_invoice", "0.00")
    assert finance.decide(finance.reviewer, "reopen", **why)[0] == 409

    assert Decimal(finance.close()["cost_usd"]) == usd(1_007 * PRICE)
    finance.sends(2)
    month = finance.month()
    assert Decimal(month["logged_usd"]) == usd(1_007 * PRICE)
    assert Decimal(month["adjusted_usd"]) == usd(2 * PRICE)
    told = finance.told()
    assert [one["state"] for one in told["items"]] == ["closed", "reopened"]
    assert [
        (one["adjustment"]["is_reversal"], Decimal(one["adjustment"]["cost_usd"]))
        for one in told["adjustments"]
    ] == [(False, usd(2 * PRICE)), (True, usd(-7 * PRICE)), (False, usd(7 * PRICE))]
    events = finance.owner.execute(
        """
        select after ->> 'reopen_reason' from app.audit_events
        where workspace_id = %s and object_kind = 'closes' order by position
        """,
        [finance.laptop.workspace.workspace_id],
    ).fetchall()
    reasons = [reason for (reason,) in events if reason]
    assert (len(events), reasons) == (5, ["the bill came late"])


def test_anybody_can_make_the_digest_of_a_close_again(finance: Finance) -> None:
    finance.sends(1, model="unpriced \U0001f916")
    closed = finance.close()
    lines = [["acme", MONTH]] + [
        [
            one["model"],
            one["request_count"],
            one["unpriced_count"],
            one["cost_usd"] and int(Decimal(one["cost_usd"]).scaleb(12)),
        ]
        for one in sorted(closed["models"], key=lambda one: one["model"].encode())
    ]
    text = "".join(
        json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"
        for line in lines
    )
    assert hashlib.sha256(text.encode()).hexdigest() == closed["digest"]
    assert closed["build"]
    finance.corrects_the_price(PRICE + 2)
    finance.sends(7)
    assert finance.told()["digest_again"] == closed["digest"]


def test_what_retention_lets_go_of_is_no_adjustment(finance: Finance) -> None:
    old = (THIS_MONTH - timedelta(days=75)).replace(day=1)
    finance.sends(10, at=f"{old}T12:00:00Z")
    path = f"/acme/{old:%Y-%m}"
    for who, what in ((finance.preparer, "prepare"), (finance.reviewer, "close")):
        assert finance.ask(who, "POST", f"{path}/{what}")[0] == 200
    rebuilt()
    finance.owner.execute(
        "update app.workspaces set data_retention_days = %s where workspace_id = %s",
        [
            (datetime.now(UTC).date() - LAST_MONTH).days + 1,
            finance.laptop.workspace.workspace_id,
        ],
    )
    list(retain(finance.owner))
    rebuilt()
    kept = finance.months()[f"{old:%Y-%m}"]
    assert (kept["status"], Decimal(kept["logged_usd"])) == ("signed_off", usd(30))
    assert kept["adjusted_usd"] == "0.00"
    why = {"reason": "too late"}
    for what in ("prepare", "reopen"):
        asked = finance.ask(finance.reviewer, "POST", f"{path}/{what}", json=why)
        assert asked[0] == 409
    status, told = finance.ask(finance.reviewer, "GET", f"{path}/close")
    assert (status, told["digest_again"], told["items"][0]["is_whole"]) == (
        200,
        None,
        False,
    )
    finance.close()  # of a month that is whole, nothing has changed


def test_what_is_closed_or_posted_is_never_rewritten(finance: Finance) -> None:
    finance.close()
    finance.sends(7)
    here = [finance.laptop.workspace.workspace_id]
    for statement, refused in (
        ("update app.closes set cost_pico = 0 where workspace_id = %s", CheckViolation),
        (
            "update app.closes set closed_at = null where workspace_id = %s",
            CheckViolation,
        ),
        (
            """
            insert into app.closes
            select
                (
                    jsonb_populate_record(
                        closes, jsonb_build_object('close_id', gen_random_uuid())
                    )
                ).*
            from app.closes where workspace_id = %s
            """,
            UniqueViolation,
        ),
        (
            "update raw.adjustments set cost_pico = 0 where workspace_id = %s",
            RaiseException,
        ),
    ):
        with pytest.raises(refused):
            finance.owner.execute(statement, here)  # type: ignore[arg-type]


def test_a_close_beside_a_cycle_is_of_one_cycle_and_misses_nothing(
    finance: Finance, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingest.rebuild import cycle

    run_models = cycle.run_models

    def close_meanwhile(**how: bool) -> None:
        run_models(**how)
        finance.decide(finance.preparer, "prepare")
        assert finance.decide(finance.reviewer, "close")[0] == 200

    with monkeypatch.context() as patched:
        patched.setattr(cycle, "run_models", close_meanwhile)
        finance.sends(7)
    assert finance.month()["status"] == "missing_invoice"  # closed after the freeze
    rebuilt()
    month = finance.month()
    assert Decimal(month["logged_usd"]) == usd(1_000 * PRICE)
    assert Decimal(month["adjusted_usd"]) == usd(7 * PRICE)
