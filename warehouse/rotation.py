"""New keys for old: of the house, of one workspace, or none at all.

Each can be cut off anywhere and run again. What is sealed stays readable throughout.
"""

from typing import Any
from uuid import UUID

from psycopg import Connection

from warehouse.master_keys import (
    MasterKey,
    keep_master_keys,
    master_keys,
    new_master_key,
    wrap,
)
from warehouse.sealing import (
    SEALING,
    BodyPlace,
    key_bound_to,
    new_data_key,
    opened,
    seal,
    unseal,
)
from warehouse.settings import settings

BODIES_AT_ONCE = 100


def rotate_master_key(owner: Connection[Any]) -> int:
    """Wrap every data key with a new master key; return how many were rewrapped.

    Keys from the environment are the operator's: the first one is taken as the new
    one. Keys in the file are replaced, and the old ones forgotten when none is needed.
    """
    is_ours = settings().master_keys is None
    if is_ours and _all_wrapped_by(owner, master_keys()[0]):
        keep_master_keys([new_master_key(), *master_keys()])
    with owner.transaction():
        owner.execute("select pg_advisory_xact_lock(%s)", [SEALING])
        newest = master_keys()[0]
        rows = owner.execute(
            """
            select workspace_id, key_version, wrapped_key, wrapped_by
            from app.data_keys where wrapped_by <> %s
            """,
            [newest.fingerprint],
        ).fetchall()
        for workspace_id, version, wrapped_key, wrapped_by in rows:
            key = opened(workspace_id, version, wrapped_key, wrapped_by)
            owner.execute(
                """
                update app.data_keys set wrapped_key = %s, wrapped_by = %s
                where workspace_id = %s and key_version = %s
                """,
                [
                    *wrap(key.secret, key_bound_to(workspace_id, version)),
                    workspace_id,
                    version,
                ],
            )
    if is_ours:
        keep_master_keys([newest])
    return len(rows)


def _all_wrapped_by(owner: Connection[Any], master: MasterKey) -> bool:
    """Say whether the last rotation ended; a cut-off one is taken up, not repeated."""
    found = owner.execute(
        "select exists (select 1 from app.data_keys where wrapped_by <> %s)",
        [master.fingerprint],
    ).fetchone()
    return found == (False,)


def rotate_data_key(owner: Connection[Any], workspace_id: UUID) -> int:
    """Seal a workspace's bodies under a new data key; return how many were."""
    with owner.transaction():
        owner.execute("select pg_advisory_xact_lock(%s)", [SEALING])
        (version,) = owner.execute(
            """
            select coalesce(max(key_version), 0) + 1 from app.data_keys
            where workspace_id = %s
            """,
            [workspace_id],
        ).fetchone() or (1,)
        owner.execute(
            """
            insert into app.data_keys (
                workspace_id, key_version, wrapped_key, wrapped_by
            )
            values (%s, %s, %s, %s)
            """,
            [workspace_id, version, *new_data_key(workspace_id, version)],
        )
    keys = {
        row[0]: opened(workspace_id, *row)
        for row in owner.execute(
            """
            select key_version, wrapped_key, wrapped_by from app.data_keys
            where workspace_id = %s
            """,
            [workspace_id],
        ).fetchall()
    }
    count = 0
    while resealed := _reseal(owner, workspace_id, keys, version):
        count += resealed
    owner.execute(
        "delete from app.data_keys where workspace_id = %s and key_version < %s",
        [workspace_id, version],
    )
    return count


def _reseal(
    owner: Connection[Any], workspace_id: UUID, keys: dict[int, Any], version: int
) -> int:
    with owner.transaction():
        rows = owner.execute(
            """
            select request_id, direction, key_version, sealed from raw.request_bodies
            where workspace_id = %s and key_version < %s
            limit %s
            for update
            """,
            [workspace_id, version, BODIES_AT_ONCE],
        ).fetchall()
        for request_id, direction, old, sealed in rows:
            place = BodyPlace(workspace_id, request_id, direction)
            body = unseal(sealed, keys[old], place)
            owner.execute(
                """
                update raw.request_bodies set sealed = %s, key_version = %s
                where workspace_id = %s and request_id = %s and direction = %s
                """,
                [
                    seal(body, keys[version], place),
                    version,
                    workspace_id,
                    request_id,
                    direction,
                ],
            )
    return len(rows)


def destroy_data_keys(owner: Connection[Any], workspace_id: UUID) -> int:
    """Make a workspace's bodies unreadable at once, then delete them in batches.

    Returns how many bodies there were. What remains in backups stays sealed.
    """
    owner.execute("delete from app.data_keys where workspace_id = %s", [workspace_id])
    count = 0
    while deleted := owner.execute(
        """
        delete from raw.request_bodies
        where ctid in (
            select ctid from raw.request_bodies where workspace_id = %s limit %s
        )
        """,
        [workspace_id, BODIES_AT_ONCE],
    ).rowcount:
        count += deleted
    return count
