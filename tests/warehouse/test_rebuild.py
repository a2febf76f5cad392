"""Whatever happens, in whatever order: cycles add up to a full refresh."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from api.cloud.allocating import TOUCHED
from ingest.rebuild import cycle
from ingest.rebuild.cycle import rebuild, rebuilding
from ingest.rebuild.dbt import BuildFailed, invoke, made_by_cycles
from tests.factories import closed, rate, reopened, withdraw, workspace
from warehouse.cluster import Role, composed, connect
from warehouse.workspaces import user_of

pytestmark = pytest.mark.usefixtures("warehouse")

START = datetime(2026, 3, 29, tzinfo=UTC)
MONTH = date(2026, 3, 1)
PROJECTS = ["a", "b", None]
MACHINE = {"hostname": "h", "platform": "Linux", "daemon_version": "1.4.0"}
NO_CACHE = {"cached": 0, "cache_write": 0, "prompt": None}
MARTS = [
    "fct_priced_requests",
    "fct_usage_days",
    "fct_driver_days",
    "fct_price_days",
    "fct_savings",
    "fct_saving_days",
    "fct_sibling_days",
    "fct_invoice_reconciliations",
    "fct_adjustments",
    "fct_close_differences",
    "fct_department_days",
    "fct_spend_days",
]
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
                    tokens_complete, status, submitted_millicents, latency_ms,
                    prompt_hash
                )
                values (
                    %(workspace_id)s, gen_random_uuid(), %(machine_id)s, %(change_id)s,
                    now(), %(requested_at)s, %(requested_at)s, 'acme', %(model)s,
                    %(project)s, %(tokens)s, 1, 0, %(cached)s, %(cache_write)s,
                    %(is_complete)s, %(status)s, %(submitted)s, %(latency)s, %(prompt)s
                )
                """,
                NO_CACHE | row | {"change_id": found[0]},
            )


def marts(owner: psycopg.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every mart, in one order."""
    return {
        table: sorted(
            owner.execute(composed(f"select * from marts.{table}")).fetchall(), key=str
        )
        for table in MARTS
    }


class Warehouse(RuleBasedStateMachine):
    """Arrivals, duplicates, rates late, corrected, withdrawn, zones, bills, erasures.

    Rules on projects, tags, machines, members and providers, with dates; labels put on
    and taken off, machines that change hands, pools; months that are closed and opened
    again; and full refreshes in between.
    """

    def __init__(self) -> None:
        super().__init__()
        self.owner = connect(Role.OWNER)
        self.home = workspace(self.owner).workspace_id
        self.models = [f"model-{uuid4().hex}" for _ in range(2)]
        self.rates: dict[str, int] = {}
        self.machines = [self._added("machines", MACHINE) for _ in range(2)]
        self.departments = [
            self._added("departments", {"name": name, "kind": kind})
            for name, kind in [("D", "department"), ("E", "department"), ("P", "pool")]
        ]
        self.people = [
            str(user_of(self.owner, f"{uuid4().hex}@example.com")) for _ in range(2)
        ]

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
        cached=st.sampled_from([0, 0, 5]),
        cache_write=st.sampled_from([0, 0, 7]),
        prompt=st.sampled_from([None, "h" * 64, "h" * 63 + "i"]),
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

    @rule(
        match_on=st.sampled_from(list(TOUCHED)),
        which=st.integers(0, 1),
        department=st.integers(0, 2),
        priority=st.integers(1, 3),
        day=st.integers(0, 2),
        days=st.none() | st.integers(1, 2),
    )
    def a_rule_gives_to_a_department(
        self, match_on: str, which: int, department: int, priority: int, **when: Any
    ) -> None:
        value = {
            "project": ["a", "b"],
            "tag": ["t", "u"],
            "machine": self.machines,
            "member": self.people,
            "provider": ["acme", "other"],
        }[match_on][which]
        since, until = self._stretch(**when)
        row = {
            "home": self.home,
            "priority": priority,
            "match_on": match_on,
            "value": value,
            "department": self.departments[department],
            "since": since,
            "until": until,
        }
        with self.owner.transaction():
            self.owner.execute(
                """
                select app.clear_rules(
                    %(home)s, %(match_on)s, %(value)s, %(since)s, %(until)s
                )
                """,
                row,
            )
            self.owner.execute(
                """
                insert into app.allocation_rules (
                    workspace_id, priority, match_on, match_value, department_id,
                    valid_from, valid_to
                )
                values (
                    %(home)s, %(priority)s, %(match_on)s, %(value)s, %(department)s,
                    %(since)s, %(until)s
                )
                """,
                row,
            )
            self.owner.execute(
                composed(
                    f"""
                    insert into raw.changes (
                        kind, cause, workspace_id, project, machine_id, provider, since,
                        until
                    )
                    select 'revision', 'allocation', %(home)s, touched.*,
                        %(since)s::timestamptz, %(until)s::timestamptz
                    from ({TOUCHED[match_on]})
                        as touched (project, machine_id, provider)
                    """
                ),
                row,
            )

    @rule(
        project=st.sampled_from(["a", "b"]),
        tag=st.sampled_from(["t", "u"]),
        is_on=st.booleans(),
        day=st.integers(0, 2),
        days=st.none() | st.integers(1, 2),
    )
    def a_label_is_put_on_a_project_or_taken_off(
        self, project: str, tag: str, *, is_on: bool, **when: Any
    ) -> None:
        since, until = self._stretch(**when)
        with self.owner.transaction():
            self.owner.execute(
                """
                delete from app.project_tags
                where workspace_id = %s and project = %s and tag = %s
                """,
                [self.home, project, tag],
            )
            if is_on:
                self.owner.execute(
                    "insert into app.project_tags values (%s, %s, %s, %s, %s)",
                    [self.home, project, tag, since, until],
                )
            self._revise(cause="allocation", project=project)

    @rule(machine=st.integers(0, 1), person=st.integers(0, 1), day=st.integers(0, 2))
    def a_machine_changes_hands(self, machine: int, person: int, day: int) -> None:
        self.owner.execute(
            "select app.own_machine(%s, %s, %s::uuid, %s)",
            [
                self.home,
                self.machines[machine],
                self.people[person],
                START + timedelta(days=day),
            ],
        )

    @rule(
        split=st.sampled_from(["proportional", "even", "fixed"]), day=st.integers(0, 2)
    )
    def a_pool_is_split_otherwise(self, split: str, day: int) -> None:
        self.owner.execute(
            "delete from app.pool_splits where workspace_id = %s", [self.home]
        )
        self.owner.execute(
            "insert into app.pool_splits values (%s, %s, %s, %s)",
            [self.home, self.departments[2], split, START + timedelta(days=day)],
        )

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

    @rule()
    def the_month_is_closed(self) -> None:
        closed(self.owner, self.home, "acme", MONTH, *self.people)

    @rule()
    def the_month_is_reopened(self) -> None:
        reopened(self.owner, self.home, "acme", MONTH, self.people[0])

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

    @invariant()
    def what_is_posted_of_a_month_and_adjusted_is_what_its_requests_cost(self) -> None:
        found = self.owner.execute(
            """
            with entries as (
                select period_month, request_count, unpriced_count, logged_pico as cost
                from marts.fct_invoice_reconciliations where workspace_id = %(home)s
                union all
                select period_month, request_count, unpriced_count, cost_pico
                from marts.fct_adjustments where workspace_id = %(home)s
                union all
                select
                    date_trunc('month', usage_date)::date, -1,
                    case when cost_pico is null then -1 else 0 end,
                    -coalesce(cost_pico, 0)
                from marts.fct_priced_requests
                where workspace_id = %(home)s and billing_basis = 'api'
            )

            select period_month from entries
            group by period_month
            having
                sum(request_count) <> 0
                or sum(unpriced_count) <> 0
                or sum(cost) <> 0
            """,
            {"home": self.home},
        ).fetchall()
        assert found == []

    @invariant()
    def a_month_that_is_closed_is_what_it_was_closed_with(self) -> None:
        """For whoever reads what a cycle has published of it."""
        found = self.owner.execute(
            """
            select closes.period_month
            from app.closes
            inner join raw.changes on closes.closed_by_change = changes.change_id
            left join raw.changes as reopening
                on closes.reopened_by_change = reopening.change_id
            left join marts.fct_invoice_reconciliations as reconciliations
                on
                    closes.workspace_id = reconciliations.workspace_id
                    and closes.provider = reconciliations.provider
                    and closes.period_month = reconciliations.period_month
            where
                closes.workspace_id = %s
                and changes.published_at is not null
                and reopening.published_at is null
                and (
                    closes.cost_pico, closes.request_count, closes.unpriced_count,
                    'signed_off'
                ) is distinct from (
                    reconciliations.logged_pico, reconciliations.request_count,
                    reconciliations.unpriced_count, reconciliations.status
                )
            """,
            [self.home],
        ).fetchall()
        assert found == []

    def _stretch(self, day: int, days: int | None) -> tuple[datetime, datetime | None]:
        since = START + timedelta(days=day)
        return since, None if days is None else since + timedelta(days=days)

    def _added(self, table: str, row: dict[str, Any]) -> str:
        """Add a row of this workspace; return its id."""
        names = ", ".join(["workspace_id", *row])
        marks = ", ".join(["%s"] * (1 + len(row)))
        found = self.owner.execute(
            composed(
                f"insert into app.{table} ({names}) values ({marks})"
                f" returning {table.removesuffix('s')}_id::text"
            ),
            [self.home, *row.values()],
        ).fetchone()
        assert found is not None
        return str(found[0])

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


def test_after_the_first_full_refresh_every_table_of_a_cycle_is_there(
    owner: psycopg.Connection,
) -> None:
    made = made_by_cycles()
    assert "int_requests_judged" in made
    for table in made:
        owner.execute(composed(f"drop table if exists intermediate.{table} cascade"))
    with rebuilding() as connection:
        assert rebuild(connection, full_refresh=True).is_full_refresh
    for table in made:
        owner.execute(composed(f"select from intermediate.{table}"))


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
