"""A backup that was restored holds what there was, and a drill that differs says so."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from starlette.testclient import TestClient

from models.trouble import Trouble
from tests.factories import batch, daemon, rebuilt, record, workspace
from warehouse import drill as drilling
from warehouse.backup import restore, wait_until_received
from warehouse.drill import Drilled, _Contents, drill, drill_base_backup
from warehouse.embedded import leave


@pytest.fixture
def lived_in(owner: psycopg.Connection, cloud: TestClient) -> None:
    """A warehouse with priced requests in it, and chains of events."""
    laptop = daemon(owner, cloud, workspace(owner))
    rows = batch(*(record() for _ in range(20)))
    cloud.post("/v1/requests/batch", json=rows, headers=laptop.headers)
    rebuilt()


@pytest.mark.slow
@pytest.mark.parametrize("way", [drill, drill_base_backup])
def test_what_is_restored_has_the_same_rows_sums_and_chains(
    way: Callable[[psycopg.Connection], Drilled],
    lived_in: None,
    owner: psycopg.Connection,
) -> None:
    drilled = way(owner)
    assert drilled.rows > 20
    assert (drilled.behind_seconds or 0) <= 60
    assert drilled.cost_pico > 0
    assert drilled.chains >= 2


@pytest.mark.slow
def test_a_backup_ends_with_the_last_commit_before_the_server_was_lost(
    lived_in: None, owner: psycopg.Connection, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "hmc", "backup", str(tmp_path / "kept")],
        stderr=subprocess.PIPE,
        text=True,
    ) as keeping:
        assert keeping.stderr
        assert "every commit" in keeping.stderr.readline()
        workspace_id = workspace(owner).workspace_id
        (place,) = owner.execute("select pg_current_wal_flush_lsn()").fetchone() or ()
        wait_until_received(str(place))
        keeping.terminate()
        assert keeping.wait() == 0
    home = tmp_path / "restored"
    try:
        with psycopg.connect(restore(tmp_path / "kept", home)) as restored:
            found = restored.execute(
                "select 1 from app.workspaces where workspace_id = %s", [workspace_id]
            )
            assert found.fetchone()
    finally:
        leave(home)


LOSSES = {
    "raw.requests": """
        delete from raw.requests
        where request_id = (select request_id from raw.requests limit 1)
    """,
    "picodollars": "update marts.fct_priced_requests set cost_pico = cost_pico + 1",
    "audit chain": """
        alter table app.audit_events disable trigger only_appended;
        update app.audit_events set address = 'x' where position = 1
    """,
}


@pytest.mark.slow
@pytest.mark.parametrize("says", LOSSES)
def test_a_drill_that_differs_says_where(
    says: str,
    lived_in: None,
    owner: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contents = drilling._contents

    def tampered(warehouse: psycopg.Connection) -> _Contents:
        if warehouse is not owner:
            warehouse.execute(LOSSES[says])  # type: ignore[arg-type]
        return contents(warehouse)

    monkeypatch.setattr(drilling, "_contents", tampered)
    with pytest.raises(Trouble, match=says):
        drill(owner)
