"""A daemon's file takes the same way in as its batches."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner, Result

from hmc.__main__ import app
from tests.factories import Workspace, batch, daemon, record, session, workspace
from tests.local.daemon_file import CHECKOUT_PROJECT, daemon_file, put, request


@pytest.fixture
def home(owner: psycopg.Connection) -> Workspace:
    return workspace(owner)


def run(path: Path, into: Workspace, machine: str = "old-laptop") -> Result:
    arguments = ["import-sqlite", str(path), "--workspace", into.slug]
    return CliRunner().invoke(app, [*arguments, "--machine", machine, "--json"])


def imported(
    path: Path, into: Workspace, machine: str = "old-laptop"
) -> dict[str, Any]:
    result = run(path, into, machine)
    assert result.exit_code == 0, result.output
    counts = json.loads(result.stdout)
    counts.pop("machine_id")
    return counts


def landed(owner: psycopg.Connection, of: Workspace, columns: str) -> list[Any]:
    return owner.execute(
        f"""
        select {columns} from raw.requests inner join app.machines
        using (workspace_id, machine_id)
        where workspace_id = %s order by recorded_at, request_id
        """,
        [of.workspace_id],
    ).fetchall()


def test_every_call_lands_with_what_the_file_says_of_it(
    owner: psycopg.Connection, home: Workspace, tmp_path: Path
) -> None:
    call = request(
        cache_read_tokens=7,
        tokens_complete=0,
        retryable=1,
        http_status_code=429,
        billing_basis="subscription_imputed",
        error_class="rate_limit",
    )
    path = daemon_file(tmp_path / "db.sqlite", [call])
    assert imported(path, home) == {"accepted": 1, "duplicate": 0, "flagged": 0}
    assert landed(
        owner,
        home,
        """
        request_id::text, hostname, project, cached_tokens, submitted_millicents,
        tokens_complete, is_retryable, http_status, billing_basis, error_class,
        requested_at::text, flags
        """,
    ) == [
        (
            call["id"],
            "old-laptop",
            CHECKOUT_PROJECT["slug"],
            7,
            1_050,
            False,
            True,
            429,
            "subscription_imputed",
            "rate_limit",
            "2026-08-10 12:00:00+00",
            None,
        )
    ]


def test_a_file_read_twice_counts_once(
    owner: psycopg.Connection, home: Workspace, tmp_path: Path
) -> None:
    path = daemon_file(tmp_path / "db.sqlite", [request() for _ in range(2_500)])
    assert imported(path, home)["accepted"] == 2_500
    assert imported(path, home) == {"accepted": 0, "duplicate": 2_500, "flagged": 0}
    assert len(landed(owner, home, "request_id")) == 2_500


def test_what_had_synced_already_is_a_duplicate(
    owner: psycopg.Connection, cloud: TestClient, home: Workspace, tmp_path: Path
) -> None:
    laptop = daemon(owner, cloud, home)
    at = "2026-08-10T12:00:00Z"
    synced = record(
        requested_at=at,
        recorded_at=at,
        project=CHECKOUT_PROJECT["slug"],
        request_kind=None,
        attribution_method="header",
        http_status=None,
    )
    cloud.post("/v1/requests/batch", json=batch(synced), headers=laptop.headers)
    path = daemon_file(tmp_path / "db.sqlite", [request(id=synced["id"])])
    assert imported(path, home, "laptop") == {
        "accepted": 0,
        "duplicate": 1,
        "flagged": 0,
    }


def test_files_of_older_daemons_and_odd_times_are_read(
    owner: psycopg.Connection, home: Workspace, tmp_path: Path
) -> None:
    odd = ["2026-08-10T12:00:00+05:45", "2026-08-10 12:00:00", "2026-08-10T12:00:00Z"]
    calls = [request(time) for time in odd]
    for call in calls:
        call["recorded_at"] = "2026-08-10 12:00:00"
    path = daemon_file(tmp_path / "db.sqlite", calls, is_old=True)
    assert imported(path, home)["accepted"] == 3
    assert sorted(landed(owner, home, "(requested_at at time zone 'UTC')::text")) == [
        ("2026-08-10 06:15:00",),
        ("2026-08-10 12:00:00",),
        ("2026-08-10 12:00:00",),
    ]


def test_a_row_that_cannot_land_is_kept_aside_and_its_neighbours_land(
    owner: psycopg.Connection, home: Workspace, tmp_path: Path
) -> None:
    path = daemon_file(tmp_path / "db.sqlite", [request(), request("noon"), request()])
    assert imported(path, home) == {"accepted": 2, "duplicate": 0, "flagged": 1}


def test_rows_that_come_later_land_as_the_same_machines(
    owner: psycopg.Connection, home: Workspace, tmp_path: Path
) -> None:
    path = daemon_file(tmp_path / "db.sqlite", [request()])
    imported(path, home)
    with sqlite3.connect(path) as file:
        put(file, "requests", [request()])
    assert imported(path, home) == {"accepted": 1, "duplicate": 1, "flagged": 0}
    assert owner.execute(
        "select count(*) from app.machines where workspace_id = %s",
        [home.workspace_id],
    ).fetchone() == (1,)


def test_a_machine_that_only_a_file_made_known_turns_no_banner_red(
    owner: psycopg.Connection, cloud: TestClient, home: Workspace, tmp_path: Path
) -> None:
    imported(daemon_file(tmp_path / "db.sqlite", [request()]), home)
    signed_in = session(owner, home.email)
    address = f"/v1/workspaces/{home.slug}"
    (card,) = cloud.get(f"{address}/machines", headers=signed_in).json()["items"]
    assert card["state"] == "imported"
    overview = cloud.get(f"{address}/overview", headers=signed_in).json()
    assert overview["sync"]["status"] == "none"


@pytest.mark.parametrize("content", [b"no database at all" * 100, b""])
def test_a_foreign_file_is_one_clear_line_and_leaves_nothing_behind(
    content: bytes, owner: psycopg.Connection, home: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "other.sqlite"
    path.write_bytes(content)
    result = run(path, home)
    assert result.exit_code != 0
    assert str(path) in str(result.exception)
    assert owner.execute(
        "select count(*) from app.machines where workspace_id = %s",
        [home.workspace_id],
    ).fetchone() == (0,)
