"""Whatever happens, in whatever order: cycles add up to a full refresh."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ingest.rebuild import cycle
from ingest.rebuild.cycle import rebuild, rebuilding
from ingest.rebuild.dbt import BuildFailed, invoke
from tests.factories import rate, withdraw, workspace
from warehouse.cluster import Role, composed, connect

pytestmark = pytest.mark.usefixtures("warehouse")

START = datetime(2026, 3, 29, tzinfo=UTC)
PROJECTS = ["a", "b", None]
# Half hours, three quarters, and a night in which clocks go forward within the rows.
ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"]


def land(owner: psycopg.Connection, rows: list[dict[str, Any]]) -> None:
    """Land rows as a batch does: one transaction with their entry in the ledger."""
    with owner.transaction():
        found = owner.execute(
            """
            insert into raw.changes (kind, cause, workspace_id, row_count)
            values ('arrival', 'landing', %s, %s) returning change_id
            """,
            [rows[0]["workspace_id"], len(rows)],
        ).fetchone()
        assert found is not None
        for row in rows:
            owner.execute(
                """
                insert into raw.requests (
                    workspace_id, request_id, machine_id, change_id, received_at,
                    requested_at, recorded_at, provider, model, project, input_tokens,
                    output_tokens, thinking_tokens, cached_tokens, cache_write_tokens,
                    tokens_complete, status, submitted_millicents, latency_ms
                )
                values (
                    %(workspace_id)s, gen_random_uuid(), %(machine_id)s, %(change_id)s,
                    now(), %(requested_at)s, %(requested_at)s, 'acme', %(model)s,
                    %(project)s, %(tokens)s, 1, 0, 0, 0, %(is_complete)s, %(status)s,
                    %(submitted)s, %(latency)s
                )
                """,
                row | {"change_id": found[0]},
            )


def marts(owner: psycopg.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every mart, in one order."""
    tables = ["fct_priced_requests", "fct_usage_days", "fct_invoice_reconciliations"]
    return {
        table: sorted(owner.execute(f"select * from marts.{table}").fetchall(), key=str)
        for table in tables
    }


class Warehouse(RuleBasedStateMachine):
    """Arrivals, duplicates, rates late, corrected, withdrawn, moved projects, zones.

    And bills, erasures, hours reopened, and a full refresh in between.
    """

    def __init__(self) -> None:
        super().__init__()
        self.owner = connect(Role.OWNER)
        self.home = workspace(self.owner).workspace_id
        self.models = [f"model-{uuid4().hex}" for _ in range(2)]
        self.machines = [uuid4(), uuid4()]
        self.rates: dict[str, int] = {}
        self.department = self.owner.execute(
            """
            insert into app.departments (workspace_id, name) values (%s, 'D')
            returning department_id
            """,
            [self.home],
        ).fetchone()

    @rule(
        count=st.integers(1, 4),
        hours=st.integers(0, 60),
        model=st.integers(0, 1),
        project=st.sampled_from(PROJECTS),
        tokens=st.integers(0, 10**9),
        is_complete=st.booleans(),
        status=st.sampled_from(["success", "error"]),
        submitted=st.none() | st.integers(0, 10**6),
        latency=st.none() | st.integers(0, 10**6),
    )
    def requests_arrive(self, count: int, hours: int, model: int, **of: Any) -> None:
        at = START + timedelta(hours=hours, minutes=59, seconds=59)
        row = {
            "workspace_id": self.home,
            "machine_id": self.machines[hours % 2],
            "requested_at": at,
            "model": self.models[model],
            **of,
        }
        land(self.owner, [row] * count)

    @rule(model=st.integers(0, 1), price=st.integers(1, 10**9))
    def a_rate_is_learnt_or_corrected(self, model: int, price: int) -> None:
        name = self.models[model]
        if name in self.rates:
            withdraw(self.owner, self.rates[name])
        self.rates[name] = rate(self.owner, name, input_rate=price)

    @rule(model=st.integers(0, 1))
    def a_rate_is_withdrawn(self, model: int) -> None:
        if rate_id := self.rates.pop(self.models[model], None):
            withdraw(self.owner, rate_id)

    @rule(project=st.sampled_from(["a", "b"]), day=st.integers(0, 2))
    def a_project_moves_into_a_department(self, project: str, day: int) -> None:
        since = START + timedelta(days=day)
        with self.owner.transaction():
            self.owner.execute(
                """
                update app.allocation_rules set valid_to = %s
                where workspace_id = %s and match_value = %s and valid_from < %s
                """,
                [since, self.home, project, since],
            )
            self.owner.execute(
                "delete from app.allocation_rules"
                " where workspace_id = %s and match_value = %s and valid_from >= %s",
                [self.home, project, since],
            )
            assert self.department is not None
            self.owner.execute(
                """
                insert into app.allocation_rules (
                    workspace_id, priority, match_on, match_value, department_id,
                    valid_from
                )
                values (%s, 10, 'project', %s, %s, %s)
                """,
                [self.home, project, self.department[0], since],
            )
            self._revise(cause="allocation", project=project)

    @rule(hours=st.integers(0, 60))
    def what_landed_is_sent_again(self, hours: int) -> None:
        since = START + timedelta(hours=hours)
        with self.owner.transaction():
            self.owner.execute(
                """
                with change as (
                    insert into raw.changes (kind, cause, workspace_id)
                    values ('arrival', 'landing', %(home)s) returning change_id
                ),

                again as (
                    select
                        (
                            jsonb_populate_record(
                                requests,
                                jsonb_build_object('change_id', change.change_id)
                            )
                        ).*
                    from raw.requests as requests
                    cross join change
                    where workspace_id = %(home)s and requested_at >= %(since)s
                )

                insert into raw.requests select * from again on conflict do nothing
                """,
                {"home": self.home, "since": since},
            )

    @rule(zone=st.sampled_from(ZONES))
    def the_workspace_reports_in_another_zone(self, zone: str) -> None:
        self.owner.execute(
            """
            update app.workspaces set reporting_time_zone = %s where workspace_id = %s
            """,
            [zone, self.home],
        )

    @rule(hours=st.integers(0, 60))
    def hours_are_reopened(self, hours: int) -> None:
        since = START + timedelta(hours=hours)
        self._revise(cause="reopening", since=since, until=since + timedelta(hours=5))

    @rule()
    def everything_is_refreshed_with_what_is_open(self) -> None:
        with rebuilding() as owner:
            rebuild(owner, full_refresh=True)

    @rule(amount=st.integers(0, 10**15))
    def a_bill_is_entered(self, amount: int) -> None:
        with self.owner.transaction():
            found = self.owner.execute(
                """
                insert into raw.billing_documents (
                    workspace_id, provider, kind, period_month
                )
                values (%s, 'acme', 'invoice', '2026-03-01') returning document_id
                """,
                [self.home],
            ).fetchone()
            assert found is not None
            self.owner.execute(
                "insert into raw.billing_lines values (%s, %s, 1, %s, 0, '')",
                [self.home, found[0], amount],
            )
            self._revise(cause="billing", since=START)

    @rule(hours=st.integers(0, 60))
    def requests_are_erased(self, hours: int) -> None:
        since = START + timedelta(hours=hours)
        until = since + timedelta(hours=3)
        # Only what is published: erasing waits for a landing to be priced first.
        self.the_open_changes_are_published()
        with self.owner.transaction():
            self.owner.execute(
                """
                delete from raw.requests
                where workspace_id = %s and requested_at >= %s and requested_at < %s
                """,
                [self.home, since, until],
            )
            self._revise(cause="erasure", since=since, until=until)

    @rule()
    def the_open_changes_are_published(self) -> None:
        with rebuilding() as owner:
            rebuild(owner)

    @rule()
    def a_cycle_dies_before_it_publishes(self) -> None:
        with rebuilding() as owner:
            cycle._freeze(owner, whole=False)
            cycle.run_models(full_refresh=False)

    @invariant()
    def no_reader_sees_a_rollup_apart_from_its_requests(self) -> None:
        found = self.owner.execute(
            """
            select
                (
                    select (count(*), coalesce(sum(cost_pico), 0))::text
                    from marts.fct_priced_requests where workspace_id = %(home)s
                ),
                (
                    select (
                        coalesce(sum(request_count), 0)::bigint,
                        coalesce(sum(cost_pico), 0)
                    )::text
                    from marts.fct_usage_days
                    where
                        workspace_id = %(home)s
                        and grouping_name = 'department'
                        and calendar = 'utc'
                ),
                (
                    select (
                        coalesce(sum(request_count), 0)::bigint,
                        coalesce(sum(cost_pico), 0)
                    )::text
                    from marts.fct_usage_days
                    where
                        workspace_id = %(home)s
                        and grouping_name = 'department'
                        and calendar = 'reporting'
                ),
                exists (
                    select 1 from marts.fct_usage_days
                    where workspace_id = %(home)s and calendar = 'reporting'
                )
            """,
            {"home": self.home},
        ).fetchone()
        assert found is not None
        requests, in_utc, in_own_zone, has_own_zone = found
        assert requests == in_utc
        assert requests == in_own_zone or not has_own_zone

    def _revise(self, cause: str, **which: Any) -> None:
        row = dict.fromkeys(["project", "since", "until"]) | which
        self.owner.execute(
            """
            insert into raw.changes (kind, cause, workspace_id, project, since, until)
            values (
                'revision', %(cause)s, %(home)s, %(project)s, %(since)s, %(until)s
            )
            """,
            row | {"cause": cause, "home": self.home},
        )

    def teardown(self) -> None:
        with rebuilding() as owner:
            rebuild(owner)
            after_cycles = marts(owner)
            rebuild(owner, full_refresh=True)
            assert after_cycles == marts(owner)
        self.owner.close()


Warehouse.TestCase.settings = settings(
    max_examples=int(os.environ.get("HMC_HISTORIES", "8")),
    stateful_step_count=9,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.slow
class TestCyclesAddUpToAFullRefresh(Warehouse.TestCase):
    """The state machine above, run by hypothesis."""


def test_nothing_to_do_publishes_nothing_new(owner: psycopg.Connection) -> None:
    with rebuilding() as connection:
        rebuild(connection)
        before = marts(connection)
        published = rebuild(connection)
        assert published.request_count == 0
        assert marts(connection) == before


def test_a_cycle_that_fails_leaves_its_changes_for_the_next(
    owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = workspace(owner).workspace_id
    row = {
        "workspace_id": home,
        "machine_id": uuid4(),
        "requested_at": START,
        "model": "m",
        "project": None,
        "tokens": 1,
        "is_complete": True,
        "status": "success",
        "submitted": None,
        "latency": None,
    }
    land(owner, [row] * 3)

    def fail(**how: bool) -> None:
        raise BuildFailed(f"as if a model broke ({how=})")

    with rebuilding() as connection:
        with monkeypatch.context() as patched:
            patched.setattr(cycle, "run_models", fail)
            with pytest.raises(BuildFailed):
                rebuild(connection)
        assert cycle.something_changed(connection)
        assert rebuild(connection).request_count == 3
        assert not cycle.something_changed(connection)


def test_a_landing_during_a_cycle_waits_for_the_next(
    owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = workspace(owner).workspace_id
    model = f"model-{uuid4().hex}"
    row = {
        "workspace_id": home,
        "machine_id": uuid4(),
        "requested_at": START,
        "model": model,
        "project": None,
        "tokens": 1,
        "is_complete": True,
        "status": "success",
        "submitted": None,
        "latency": None,
    }
    land(owner, [row])
    rebuild_models = cycle.run_models

    def land_meanwhile(**how: bool) -> None:
        land(owner, [row])
        rebuild_models(**how)

    for full_refresh in (False, True):
        rate_id = rate(owner, model)  # makes the hour of both landings a revised one
        with rebuilding() as connection:
            with monkeypatch.context() as patched:
                patched.setattr(cycle, "run_models", land_meanwhile)
                rebuild(connection, full_refresh=full_refresh)
            rebuild(connection)
            counted = connection.execute(
                """
                select request_count from marts.fct_usage_days
                where workspace_id = %s and grouping_name = 'total'
                """,
                [home],
            ).fetchone()
            landed = connection.execute(
                "select count(*) from raw.requests where workspace_id = %s", [home]
            ).fetchone()
            assert counted == landed
        withdraw(owner, rate_id)


def test_marts_that_other_sql_made_are_made_anew(
    owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rebuilding() as connection:
        rebuild(connection)
        assert not cycle.needs_full_refresh(connection)
        monkeypatch.setattr(cycle, "build_version", lambda: "an upgrade")
        assert cycle.needs_full_refresh(connection)
        assert rebuild(connection).is_full_refresh
        monkeypatch.undo()
        assert rebuild(connection).is_full_refresh


def test_a_cycle_finds_what_it_touches_by_index(
    owner: psycopg.Connection, tmp_path: Path
) -> None:
    compiled = "compiled/halton/models/intermediate/int_requests_touched.sql"
    invoke(
        [
            *("compile", "--select", "int_requests_touched"),
            *("--target-path", str(tmp_path)),
        ]
    )
    with owner.transaction():
        owner.execute("set local enable_seqscan = off")
        plan = owner.execute(
            composed(f"explain {(tmp_path / compiled).read_text('utf-8')}")
        ).fetchall()
    text = "\n".join(line for (line,) in plan)
    assert "Index Scan using requests_change" in text
    assert "Seq Scan on requests" not in text
