"""The demo's calls are what real daemons would send, a year of them, every time."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest

from hmc.demo import send
from hmc.demo.calls import BATCH, calls_of
from hmc.demo.cast import ADA, CAST, MERIDIAN
from hmc.demo.lines import LINES, UNPRICED
from hmc.demo.records import WireRecord
from hmc.demo.send import NotPaired, Stage, send_histories, send_history
from hmc.demo.shapes import DAYS_OF_HISTORY, Machine, midnight
from ingest.daemons.records import read_batch
from ingest.rates.catalogue import catalogue_rates
from models.plans import Permission
from models.providers import catalogue_name

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
KEYS = set(WireRecord.__annotations__)
COUNTS = [
    "input_tokens",
    "output_tokens",
    "thinking_tokens",
    "cached_tokens",
    "cache_write_tokens",
]
TEXT_LIMITS = {
    "provider": 64,
    "model": 255,
    "project": 255,
    "status": 32,
    "attribution_method": 32,
    "idempotency_key": 255,
    "provider_error_code": 128,
    "billing_basis": 24,
}
MACHINES = [machine for workspace in CAST for machine in workspace.machines]
HOMELAB = ADA.machines[1]


def all_calls(machine: Machine, until: datetime = NOW) -> list[WireRecord]:
    return [record for batch in calls_of(machine, until) for record in batch]


@pytest.fixture(scope="module")
def year() -> dict[str, list[WireRecord]]:
    return {machine.hostname: all_calls(machine) for machine in MACHINES}


@pytest.fixture(scope="module")
def everything(year: dict[str, list[WireRecord]]) -> list[WireRecord]:
    return [record for records in year.values() for record in records]


def prompt(record: WireRecord) -> int:
    return (
        record["input_tokens"] + record["cached_tokens"] + record["cache_write_tokens"]
    )


def test_there_are_over_a_hundred_thousand_calls_most_of_them_the_enterprises(
    year: dict[str, list[WireRecord]], everything: list[WireRecord]
) -> None:
    enterprise = sum(len(year[machine.hostname]) for machine in MERIDIAN.machines)
    assert 100_000 < len(everything) < 140_000
    assert enterprise > len(everything) / 2
    for machine in MACHINES:
        assert len(year[machine.hostname]) == pytest.approx(machine.calls, rel=0.1)


def test_every_record_has_every_key_of_the_contract_and_keeps_its_bounds(
    everything: list[WireRecord],
) -> None:
    for record in everything:
        assert record.keys() == KEYS
        assert all(0 <= record[count] < 10**6 for count in COUNTS)
        assert record["cost_millicents"] == record["cost_usd_minor_units"]
        for name, longest in TEXT_LIMITS.items():
            assert record[name] is None or len(record[name]) <= longest


def test_the_cloud_reads_every_record_as_it_is(
    year: dict[str, list[WireRecord]],
) -> None:
    for records in year.values():
        body = {"batch_id": str(UUID(int=0)), "records": records[-2_000:]}
        read = read_batch(json.dumps(body).encode())
        assert not read.unreadable
        assert not any(map(read.is_mended, range(len(read.readable))))


def test_counts_are_disjoint_as_each_provider_bills(
    everything: list[WireRecord],
) -> None:
    for record in everything:
        if record["provider"] != "anthropic":
            assert record["cache_write_tokens"] == 0
        if record["request_kind"] == "embedding":
            assert not any(record[count] for count in COUNTS[1:])
    cached = sum(record["cached_tokens"] for record in everything)
    assert cached > sum(record["input_tokens"] for record in everything)


def test_ids_are_version_four_and_never_come_twice(
    everything: list[WireRecord],
) -> None:
    assert len({record["id"] for record in everything}) == len(everything)
    for record in everything[::500]:
        assert UUID(record["id"]).version == 4
        assert UUID(record["id"]).variant == "specified in RFC 4122"


def test_records_come_in_the_order_in_which_they_were_recorded(
    year: dict[str, list[WireRecord]],
) -> None:
    first = midnight(NOW, DAYS_OF_HISTORY - 1).isoformat()
    for records in year.values():
        recorded = [record["recorded_at"] for record in records]
        assert recorded == sorted(recorded)
        for record in records:
            assert first < record["requested_at"] < record["recorded_at"]
            assert datetime.fromisoformat(record["recorded_at"]) <= NOW


def test_every_machine_was_at_work_within_the_last_half_hour(
    year: dict[str, list[WireRecord]],
) -> None:
    last = [
        datetime.fromisoformat(records[-1]["recorded_at"]) for records in year.values()
    ]
    assert min(last) > NOW - timedelta(minutes=30)
    assert max(last) > NOW - timedelta(minutes=5)


@pytest.mark.parametrize("seconds", [0, 1, 90, 86_399])
def test_the_order_holds_at_any_time_of_day(seconds: int) -> None:
    records = all_calls(HOMELAB, midnight(NOW, 0) + timedelta(seconds=seconds))
    recorded = [record["recorded_at"] for record in records]
    assert recorded == sorted(recorded)


def test_the_same_moment_gives_the_same_calls_and_another_gives_others() -> None:
    assert all_calls(HOMELAB) == all_calls(HOMELAB)
    later = {record["id"] for record in all_calls(HOMELAB, NOW + timedelta(seconds=1))}
    assert later.isdisjoint(record["id"] for record in all_calls(HOMELAB))


def test_batches_hold_500_calls() -> None:
    *full, last = (len(batch) for batch in calls_of(HOMELAB, NOW))
    assert set(full) == {BATCH}
    assert 0 < last <= BATCH


def test_every_model_is_in_the_catalogue_but_for_the_few_that_are_meant_not_to_be() -> (
    None
):
    known = {(rate.provider, rate.model) for rate in catalogue_rates()}
    for line in LINES.values():
        for _, model in line.models:
            is_known = (catalogue_name(line.provider), model) in known
            assert is_known == (model not in UNPRICED), model


def test_few_are_unpriced_and_few_fail_but_some_do(
    everything: list[WireRecord],
) -> None:
    def share(*found: bool) -> float:
        return sum(found) / len(everything)

    unpriced = share(*(record["model"] in UNPRICED for record in everything))
    failed = share(*(record["status"] == "error" for record in everything))
    incomplete = share(*(not record["tokens_complete"] for record in everything))
    long = share(*(prompt(record) > 200_000 for record in everything))
    assert 0.001 < unpriced < 0.02
    assert 0.01 < failed < 0.05
    assert 0.002 < incomplete < 0.02
    assert 0.001 < long < 0.02
    assert Counter(record["status"] for record in everything)["blocked_by_policy"]


def test_failures_say_why_and_are_tried_again_with_the_same_prompt(
    everything: list[WireRecord],
) -> None:
    for record in everything:
        assert (record["status"] == "error") == (record["error_class"] is not None)
    again = Counter(
        record["idempotency_key"] for record in everything if record["idempotency_key"]
    )
    assert max(again.values()) == 3
    repeated = Counter(
        record["prompt_hash"] for record in everything if record["prompt_hash"]
    )
    assert sum(1 for times in repeated.values() if times > 5) > 50


def test_incomplete_rows_are_partly_all_zero_and_then_cost_nothing_known(
    everything: list[WireRecord],
) -> None:
    incomplete = [record for record in everything if not record["tokens_complete"]]
    empty = [one for one in incomplete if not any(one[count] for count in COUNTS)]
    assert 0 < len(empty) < len(incomplete)
    assert {one["cost_millicents"] for one in empty} == {None}


def test_strict_machines_send_no_place_and_minimal_ones_no_project(
    year: dict[str, list[WireRecord]],
) -> None:
    for record in year["mer-gateway-eu1"]:
        assert record["source_workdir"] is record["source_machine"] is None
        assert record["project"] is not None
    for record in year["LEGAL-PC-0042"]:
        assert record["project"] is record["source_machine"] is None


def test_flat_fee_calls_come_from_one_machine_and_one_provider(
    year: dict[str, list[WireRecord]],
) -> None:
    for hostname, records in year.items():
        for record in records:
            is_flat = (
                hostname == "adas-macbook-air" and record["provider"] == "anthropic"
            )
            assert (record["billing_basis"] == "subscription_imputed") == is_flat


def test_submitted_cost_is_right_on_all_machines_but_the_outdated_one(
    year: dict[str, list[WireRecord]],
) -> None:
    rates = {
        (rate.provider, rate.model): rate
        for rate in catalogue_rates()
        if rate.model == "claude-opus-4-5"
    }
    rate = rates["anthropic", "claude-opus-4-5"]

    def recomputed(record: WireRecord) -> int:
        return (
            record["input_tokens"] * rate.input_rate
            + record["output_tokens"] * rate.output_rate
            + record["thinking_tokens"] * rate.thinking_rate
            + record["cached_tokens"] * rate.cache_read_rate
            + record["cache_write_tokens"] * rate.cache_write_rate
        ) // 10**7

    compared: dict[str, set[bool]] = {}
    for hostname, records in year.items():
        for record in records:
            if record["model"] == "claude-opus-4-5" and record["cost_millicents"]:
                same = record["cost_millicents"] == recomputed(record)
                compared.setdefault(hostname, set()).add(same)
    assert compared.pop("priya-workstation") == {False}
    assert set.union(*compared.values()) == {True}


def test_a_year_grows_and_moves_to_newer_models(
    everything: list[WireRecord],
) -> None:
    halfway = midnight(NOW, DAYS_OF_HISTORY // 2).isoformat()
    early = [record for record in everything if record["requested_at"] < halfway]
    assert len(early) < len(everything) * 0.4
    before = {record["model"] for record in early}
    after = {record["model"] for record in everything} - before
    assert {"claude-opus-5", "gpt-5.6-terra"} <= after


def test_departments_rules_name_what_there_is_and_never_overlap() -> None:
    slugs = {project.slug for one in MERIDIAN.machines for project in one.projects}
    names = {one.name for one in (*MERIDIAN.departments, *MERIDIAN.pools)}
    stretches: dict[str, list[tuple[datetime, datetime | None]]] = {}
    assert {tag.project for tag in MERIDIAN.tags} <= slugs
    matched = {
        "project": slugs,
        "tag": {tag.tag for tag in MERIDIAN.tags},
        "member": {machine.paired_by for machine in MERIDIAN.machines},
    }
    for rule in MERIDIAN.allocations:
        assert rule.value in matched[rule.match_on]
        assert rule.department in names
        stretches.setdefault(rule.value, []).append(rule.valid(NOW))
    for before, after in (pair for pair in stretches.values() if len(pair) == 2):
        assert before[1] == after[0]
    assert max(map(len, stretches.values())) == 2


def test_a_bill_is_derived_from_what_was_logged() -> None:
    bill = next(bill for bill in MERIDIAN.bills if bill.ratio > 1)
    assert bill.amount_usd("200.005") == "200.63"
    assert str(bill.month(NOW)) == "2026-10-01"


def test_who_decides_belongs_there_and_closes_what_another_prepared() -> None:
    finance = {MERIDIAN.owner} | {
        one.email for one in MERIDIAN.people if one.role.may(Permission.DECIDE_FINANCE)
    }
    people = {MERIDIAN.owner} | {one.email for one in MERIDIAN.people}
    assert {one.paired_by for one in MERIDIAN.machines} - {None} <= people
    for close in MERIDIAN.closes:
        assert close.prepared_by != close.closed_by
        assert {close.prepared_by, close.closed_by} - {None} <= finance
    (price,) = MERIDIAN.agreed_prices
    closed = {(one.provider, one.months_ago) for one in MERIDIAN.closes}
    assert (price.provider, price.months_ago) in closed


# ── over HTTP ────────────────────────────────────────────────────────────────


class Cloud(ThreadingHTTPServer):
    """Answers as the contract says; refuses with 429 and 503 once each."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.approved: set[str] = set()
        self.denies = False
        self.trouble = [(503, "0"), (429, "0")]
        self.records: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.sizes: list[int] = []

    def answer(
        self, path: str, headers: dict[str, str], body: dict[str, Any]
    ) -> tuple[int, dict[str, Any], str | None]:
        match path:
            case "/v1/pairing/start":
                code = f"{body['hostname'][:4].upper()}-0000"
                return 200, {"pairing_code": code, "poll_token": code * 2}, None
            case "/v1/pairing/poll":
                code = body["pairing_code"]
                assert body["poll_token"] == code * 2
                if self.denies:
                    return 200, {"status": "denied"}, None
                if code not in self.approved:
                    return 200, {"status": "pending"}, None
                key = {"api_key": f"hm_sync_{code}", "status": "approved"}
                return 200, {**key, "workspace_id": "w", "machine_id": code}, None
            case _:
                self.headers.append(headers)
                if self.trouble:
                    status, seconds = self.trouble.pop()
                    return status, {"message": "later"}, seconds
                self.records += body["records"]
                self.sizes.append(len(body["records"]))
                count = len(body["records"])
                return 200, {"accepted": count, "duplicate": 0, "flagged": 0}, None


class Answering(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1 for the cloud."""

    protocol_version = "HTTP/1.1"
    server: Cloud

    def do_POST(self) -> None:
        size = int(self.headers["content-length"])
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, body, retry_after = self.server.answer(
            self.path, headers, json.loads(self.rfile.read(size))
        )
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        if retry_after is not None:
            self.send_header("retry-after", retry_after)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@contextmanager
def serving() -> Iterator[tuple[Cloud, str]]:
    with Cloud() as cloud:
        thread = threading.Thread(target=cloud.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield cloud, f"http://127.0.0.1:{cloud.server_port}"
        finally:
            cloud.shutdown()
            thread.join()


def test_daemons_pair_and_send_everything_though_they_are_told_to_wait() -> None:
    sent: list[int] = []
    with serving() as (cloud, address):

        def approve(_workspace: object, _machine: object, code: str) -> None:
            cloud.approved.add(code)

        machines = send_histories(Stage(address, NOW, approve, sent.append), [ADA])

    assert {one.machine.hostname for one in machines} == {"adas-macbook-air", "homelab"}
    assert sum(sent) == sum(one.accepted for one in machines) == len(cloud.records)
    assert len(cloud.records) == sum(len(all_calls(one)) for one in ADA.machines)
    assert max(cloud.sizes) == BATCH
    assert {headers["user-agent"] for headers in cloud.headers} == {
        "halton-meter-daemon/0.9.4",
        "halton-meter-daemon/0.7.2",
    }
    assert {headers.get("x-hm-daemon") for headers in cloud.headers} == {
        "build=public; policy_pull=absent",
        None,
    }
    for headers in cloud.headers:
        assert headers["authorization"].startswith("Bearer hm_sync_")


def test_a_denied_machine_sends_nothing() -> None:
    with serving() as (cloud, address):
        cloud.denies = True
        stage = Stage(address, NOW, lambda *_: None, lambda _: None)
        with pytest.raises(NotPaired, match="denied"):
            send_history(stage, ADA, HOMELAB)
    assert not cloud.records


def test_a_server_that_is_gone_is_given_up_after_nine_attempts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(send, "FIRST_PAUSE_SECONDS", 0)
    stage = Stage("http://127.0.0.1:9", NOW, lambda *_: None, lambda _: None)
    with pytest.raises(send.NotReachable, match="gave up"):
        send_history(stage, ADA, HOMELAB)
