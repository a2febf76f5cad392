"""Keys change and bodies stay readable; a key that is destroyed takes them with it."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.factories import workspace
from warehouse import rotation
from warehouse.master_keys import (
    MasterKeyUnusable,
    keep_master_keys,
    key_file,
    master_keys,
    new_master_key,
)
from warehouse.rotation import destroy_data_keys, rotate_data_key, rotate_master_key
from warehouse.sealing import BodyPlace, new_data_key, opened, seal, unseal


@pytest.fixture
def home(owner: psycopg.Connection) -> Iterator[UUID]:
    """A workspace with three sealed bodies; other tests' keys stay out of the way."""
    kept = master_keys()
    made = workspace(owner).workspace_id
    wrapped = new_data_key(made, 1)
    owner.execute(
        """
        insert into app.data_keys (workspace_id, key_version, wrapped_key, wrapped_by)
        values (%s, 1, %s, %s)
        """,
        [made, *wrapped],
    )
    for number in range(3):
        place = BodyPlace(made, uuid4(), "request")
        owner.execute(
            """
            insert into raw.request_bodies (
                workspace_id, request_id, direction, machine_id, key_version, sealed
            )
            values (%s, %s, %s, gen_random_uuid(), 1, %s)
            """,
            [
                made,
                place.request_id,
                place.direction,
                seal(f"body {number}".encode(), opened(made, 1, *wrapped), place),
            ],
        )
    yield made
    keep_master_keys([*master_keys(), *kept])
    owner.execute("delete from app.data_keys where workspace_id = %s", [made])


def bodies(owner: psycopg.Connection, of: UUID) -> list[str]:
    rows = owner.execute(
        """
        select request_id, direction, sealed, key_version, wrapped_key, wrapped_by
        from raw.request_bodies
        inner join app.data_keys using (workspace_id, key_version)
        where workspace_id = %s
        """,
        [of],
    ).fetchall()
    return sorted(
        unseal(sealed, opened(of, *key), BodyPlace(of, request_id, direction)).decode()
        for request_id, direction, sealed, *key in rows
    )


def versions(owner: psycopg.Connection, of: UUID) -> list[tuple[Any, ...]]:
    return owner.execute(
        """
        select key_version, wrapped_by from app.data_keys where workspace_id = %s
        """,
        [of],
    ).fetchall()


EVERY_BODY = ["body 0", "body 1", "body 2"]


def test_a_new_master_key_wraps_every_data_key_and_the_old_one_is_forgotten(
    owner: psycopg.Connection, home: UUID
) -> None:
    before = master_keys()[0]
    assert rotate_master_key(owner) >= 1
    (after,) = master_keys()
    assert after != before
    assert versions(owner, home) == [(1, after.fingerprint)]
    assert bodies(owner, home) == EVERY_BODY


def test_a_rotation_that_was_cut_off_is_taken_up_by_the_next(
    owner: psycopg.Connection, home: UUID
) -> None:
    interrupted = new_master_key()
    keep_master_keys([interrupted, *master_keys()])
    rotate_master_key(owner)
    assert master_keys() == [interrupted]
    assert bodies(owner, home) == EVERY_BODY


def test_a_new_data_key_seals_every_body_and_the_old_one_goes(
    owner: psycopg.Connection, home: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BODIES_AT_ONCE", 2)
    assert rotate_data_key(owner, home) == 3
    assert [version for version, _ in versions(owner, home)] == [2]
    assert bodies(owner, home) == EVERY_BODY


def test_a_destroyed_data_key_leaves_no_body(
    owner: psycopg.Connection, home: UUID
) -> None:
    assert destroy_data_keys(owner, home) == 3
    assert versions(owner, home) == []
    assert bodies(owner, home) == []


def test_a_data_key_whose_master_key_is_lost_says_which_one_it_misses(
    owner: psycopg.Connection, home: UUID
) -> None:
    kept = master_keys()
    keep_master_keys([new_master_key()])
    try:
        with pytest.raises(MasterKeyUnusable, match=kept[0].fingerprint):
            bodies(owner, home)
    finally:
        keep_master_keys(kept)


def test_a_key_file_that_others_can_read_is_refused(warehouse: None) -> None:
    master_keys()
    key_file().chmod(0o644)
    try:
        with pytest.raises(MasterKeyUnusable, match="chmod 600"):
            master_keys()
    finally:
        key_file().chmod(0o600)
