"""The audit log says every change, and shows when it does not say it any more."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from hmc.commands.audit import _witness
from tests.factories import Workspace, daemon, member, workspace
from warehouse.audit import Chain, verify
from warehouse.cluster import Role, connect

# Tables whose changes are in no chain, each with its reason.
UNWATCHED = {
    "app.audit_events": "the log itself",
    "app.audit_heads": "the log itself",
    "app.users": "identities stay out of the log; what a person may do is a member's",
    "app.workspace_slugs": "follows app.workspaces, which is watched",
    "app.webhook_messages": "ids alone, so that no message counts twice",
    "app.wrong_codes": "a pause for who guesses, gone after minutes",
    "raw.request_bodies": "daemons' data, sealed",
    "raw.awaited_requests": "bodies that came before their request",
    "raw.requests": "daemons' rows are the data, landed append-only",
    "raw.rejected_records": "the same",
    "raw.changes": "the ledger of rebuilds is a log already",
    "raw.cycles": "the same",
    "raw.quality_runs": "what the warehouse says of itself, decided by nobody",
    "raw.quality_findings": "the same",
    "raw.mart_sizes": "the same",
    "raw.dbt_tests": "the same",
    "raw.dbt_freshness": "the same",
    "raw.documentation": "the same",
    "raw.superseded_requests": "what the rebuild remembers, written by it alone",
    "raw.adjustments": "a journal already, written by the rebuild alone",
    "raw.billing_lines": "lines are appended with their document, never changed",
}


def fault_of(owner: psycopg.Connection, of: Workspace) -> str | None:
    (chain,) = (
        chain for chain in verify(owner) if chain.workspace_id == of.workspace_id
    )
    return chain.fault


@pytest.fixture
def home(owner: psycopg.Connection, cloud: TestClient) -> Workspace:
    """A workspace with a chain of several events."""
    home = workspace(owner)
    for role in ("admin", "editor", "viewer"):
        member(owner, home, role)
    daemon(owner, cloud, home)
    return home


@pytest.fixture
def tampering(owner: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """The table's owner with the trigger out of the way, undone afterwards."""
    with owner.transaction(force_rollback=True):
        owner.execute("alter table app.audit_events disable trigger only_appended")
        yield owner


def test_a_chain_that_nobody_touched_is_whole(
    home: Workspace, owner: psycopg.Connection
) -> None:
    (chain,) = (
        chain for chain in verify(owner) if chain.workspace_id == home.workspace_id
    )
    assert chain.fault is None
    assert chain.position >= 7


TAMPERINGS = {
    "was edited": "update app.audit_events set after = '{}' where {here} = 3",
    "follows an event that is gone": "delete from app.audit_events where {here} = 3",
    "its last, is gone": """
        delete from app.audit_events
        where {here} = (select max(position) from app.audit_events where {home})
    """,
    "event 3 was edited": """
        update app.audit_events set position = case position when 3 then -3 else -4 end
        where {here} in (3, 4);
        update app.audit_events set position = 7 + position where {here} < 0
    """,
    "does not follow": """
        update app.audit_events set address = '192.0.2.1' where {here} = 3;
        update app.audit_events set hash = app.audit_hash(audit_events) where {here} = 3
    """,
    "event 2 follows an event that is gone": """
        delete from app.audit_events where {here} = 1
    """,
    "the chain is gone": """
        delete from app.audit_events where {home};
        delete from app.audit_heads where {home}
    """,
}


@pytest.mark.parametrize("fault", TAMPERINGS)
def test_editing_deleting_or_reordering_as_owner_is_found(
    fault: str, home: Workspace, tampering: psycopg.Connection
) -> None:
    tampering.execute(
        "alter table app.audit_events drop constraint audit_events_position_check"
    )
    here = f"workspace_id = '{home.workspace_id}'"
    change = TAMPERINGS[fault].replace("{here}", f"{here} and position")
    tampering.execute(change.replace("{home}", here))  # type: ignore[arg-type]
    assert fault in str(fault_of(tampering, home))


def test_a_chain_that_was_written_anew_is_found_by_a_witness(
    home: Workspace, tampering: psycopg.Connection, tmp_path: Path
) -> None:
    chains = [chain.model_dump(mode="json") for chain in verify(tampering)]
    kept = tmp_path / "heads.json"
    kept.write_text(json.dumps({"chains": chains}))
    rewrite = """
        do $$
        declare each record; last bytea := decode(repeat('00', 32), 'hex');
        begin
            update app.audit_events set address = '192.0.2.1' where {home};
            for each in
                select position from app.audit_events where {home} order by position
            loop
                update app.audit_events set previous_hash = last
                where {home} and position = each.position;
                update app.audit_events set hash = app.audit_hash(audit_events)
                where {home} and position = each.position returning hash into last;
            end loop;
            update app.audit_heads set hash = last where {home};
        end $$
    """
    here = f"workspace_id = '{home.workspace_id}'"
    tampering.execute(rewrite.replace("{home}", here))  # type: ignore[arg-type]
    assert fault_of(tampering, home) is None
    (found,) = (
        chain
        for chain in verify(tampering, _witness(kept))
        if chain.workspace_id == home.workspace_id
    )
    assert "witness" in str(found.fault)


def test_a_witness_holds_while_the_log_grows_and_after_it_was_pruned(
    home: Workspace, owner: psycopg.Connection
) -> None:
    def of_home(chains: list[Chain]) -> Chain:
        (chain,) = (c for c in chains if c.workspace_id == home.workspace_id)
        return chain

    witness = [of_home(verify(owner))]
    member(owner, home, "viewer")
    assert of_home(verify(owner, witness)).fault is None
    removed = owner.execute(
        "select app.prune_audit(%s, now())", [home.workspace_id]
    ).fetchone()
    assert removed is not None
    assert removed[0] >= witness[0].position
    assert of_home(verify(owner, witness)).fault is None
    member(owner, home, "viewer")
    assert of_home(verify(owner, witness)).fault is None


def test_nobody_rewrites_the_log_and_only_the_log_itself_writes_it(
    home: Workspace, owner: psycopg.Connection
) -> None:
    for statement in (
        "update app.audit_events set address = null",
        "delete from app.audit_events",
        "truncate app.audit_events",
    ):
        with pytest.raises(psycopg.errors.RaiseException):
            owner.execute(statement)
    for role in (Role.API, Role.INGEST, Role.ANALYST):
        with connect(role) as serving:
            serving.execute(
                "select set_config('app.workspace_id', %s, false)",
                [str(home.workspace_id)],
            )
            for statement in (
                "insert into app.audit_events (workspace_id) values (null)",
                "update app.audit_events set address = null",
                "delete from app.audit_events",
                "select app.append_event(null, 'a', 'b', 'c', null, null)",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    serving.execute(statement)


def test_every_table_that_holds_state_is_watched(owner: psycopg.Connection) -> None:
    found = owner.execute(
        """
        select
            nspname || '.' || relname,
            exists (
                select 1 from pg_trigger
                where
                    tgrelid = pg_class.oid
                    and (tgname = 'record_change' or tgname = 'record_catalogue')
            )
        from pg_class inner join pg_namespace on relnamespace = pg_namespace.oid
        where nspname in ('app', 'raw') and relkind in ('r', 'p')
        """
    ).fetchall()
    assert {name for name, is_watched in found if not is_watched} == set(UNWATCHED)


def test_a_change_that_is_taken_back_leaves_no_event(
    home: Workspace, owner: psycopg.Connection
) -> None:
    def length() -> Any:
        return owner.execute(
            "select position from app.audit_heads where workspace_id = %s",
            [home.workspace_id],
        ).fetchone()

    before = length()
    with owner.transaction(force_rollback=True):
        member(owner, home, "viewer")
    assert length() == before
