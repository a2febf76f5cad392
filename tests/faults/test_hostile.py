"""Whatever comes in lands or is kept aside; its neighbours land; Postgres is calm."""

import gzip
import os
import random
from pathlib import Path
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from bench.faults.hostile import (
    AT_ONCE,
    NO_BATCH,
    body_of,
    fixed_rows,
    id_of,
    random_row,
    row,
)
from tests.factories import Daemon, daemon, rebuilt, session, workspace

BATCH = "/v1/requests/batch"
FUZZED = 10_000  # 100,000 by `python -m bench.faults hostile`


@pytest.fixture
def laptop(owner: psycopg.Connection, cloud: TestClient) -> Daemon:
    return daemon(owner, cloud, workspace(owner))


@pytest.fixture(autouse=True)
def _no_error_in_postgres(warehouse: None) -> Any:
    """Let no statement fail, whatever was sent."""
    log = Path(os.environ["HMC_DATA_DIR"], "postgres/log")
    before = log.stat().st_size
    yield
    with log.open("rb") as after:
        after.seek(before)
        said = after.read().decode("utf-8", "replace")
    assert "ERROR" not in said, said


def counted(owner: psycopg.Connection, by: Daemon) -> tuple[int, int]:
    """How many rows of a workspace landed, and how many are kept aside."""
    found = owner.execute(
        """
        select
            (select count(*) from raw.requests where workspace_id = %(id)s),
            (select count(*) from raw.rejected_records where workspace_id = %(id)s)
        """,
        {"id": by.workspace.workspace_id},
    ).fetchone()
    assert found is not None
    return found


def assert_reads_work(owner: psycopg.Connection, cloud: TestClient, by: Daemon) -> None:
    """Ask everything that shows rows."""
    rebuilt()
    signed_in = session(owner, by.workspace.email)
    home = f"/v1/workspaces/{by.workspace.slug}"
    machine = f"/machines/{by.machine_id}/rejected"
    for page in ("/overview", "/projects", "/traces", "/machines", machine):
        answer = cloud.get(home + page, headers=signed_in)
        assert answer.status_code == 200, (page, answer.text)
    totals = "/v1/reconciliation/daemon-totals?from_date=2000-01-01&to_date=2200-01-01"
    assert cloud.get(totals, headers=by.headers).status_code == 200


def test_the_corpus_is_large_enough() -> None:
    assert len(list(fixed_rows())) >= 150


def test_every_row_of_the_corpus_lands_or_is_kept_aside_and_its_neighbours_land(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    for name, odd in fixed_rows():
        before = counted(owner, laptop)
        first, last = row(), row()
        body = body_of([first, odd, last])
        answer = cloud.post(BATCH, content=body, headers=laptop.headers)
        assert answer.status_code == 200, (name, answer.text)
        landed, aside = counted(owner, laptop)
        new = (landed - before[0] - 2, aside - before[1])
        assert new in {(1, 0), (0, 1), (0, 0)}, name
        # What is kept aside once is not kept again, so nothing new is an old one.
        assert new != (0, 0) or answer.json()["flagged"] == 1, name
        found = owner.execute(
            "select count(*) from raw.requests where request_id = any(%s)",
            [[id_of(first), id_of(last)]],
        ).fetchone()
        assert found == (2,), name
    assert_reads_work(owner, cloud, laptop)


@pytest.mark.slow
def test_random_rows_land_or_are_kept_aside(
    owner: psycopg.Connection, cloud: TestClient, laptop: Daemon
) -> None:
    chance = random.Random(3)  # noqa: S311  rows, no secrets
    for _ in range(FUZZED // AT_ONCE):
        before = counted(owner, laptop)
        body = body_of([random_row(chance) for _ in range(AT_ONCE)])
        answer = cloud.post(BATCH, content=body, headers=laptop.headers)
        assert answer.status_code == 200, answer.text
        landed, aside = counted(owner, laptop)
        assert landed - before[0] == answer.json()["accepted"]
        assert landed - before[0] + aside - before[1] == AT_ONCE
    assert_reads_work(owner, cloud, laptop)


@pytest.mark.parametrize("body", NO_BATCH.values(), ids=NO_BATCH.keys())
def test_what_is_no_batch_is_refused_in_words(
    body: bytes, cloud: TestClient, laptop: Daemon
) -> None:
    for content, encoding in ((body, "identity"), (gzip.compress(body), "gzip")):
        headers = laptop.headers | {"content-encoding": encoding}
        answer = cloud.post(BATCH, content=content, headers=headers)
        assert answer.status_code == 422, answer.text
        assert answer.text.startswith('{"message":"')
