"""Captured bodies at rest: AES-256-GCM under a workspace's data key, bound to a row.

A sealed body opens only as the body it was stored as: moved to another row, another
direction or another workspace, it is an altered one.
"""

import secrets
import zlib
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from models.trouble import Trouble
from warehouse.doors import Warehouse
from warehouse.master_keys import KEY_BYTES, NONCE_BYTES, unwrap, wrap

# Sealing shares this lock, a rotation takes it whole: when it has it, nothing is
# under way that was sealed or wrapped with the key that is about to go.
SEALING = 7_203

Direction = Literal["request", "response"]


class BodyAltered(Trouble):
    """A sealed body is not what was stored in its row."""


@dataclass(frozen=True)
class DataKey:
    """A workspace's key, unwrapped."""

    version: int
    secret: bytes = field(repr=False)


@dataclass(frozen=True)
class BodyPlace:
    """The row that a body is bound to."""

    workspace_id: UUID
    request_id: UUID
    direction: Direction

    def bound(self, key: DataKey) -> bytes:
        """Name the row and key, for a cipher to check."""
        return (
            f"{self.workspace_id}/{self.request_id}/{self.direction}/{key.version}"
        ).encode()


def key_bound_to(workspace_id: UUID, version: int) -> bytes:
    """Name the row of a data key, for a cipher to check."""
    return f"{workspace_id}/{version}".encode()


def new_data_key(workspace_id: UUID, version: int) -> tuple[bytes, str]:
    """Draw a data key; return it wrapped, with its master key's fingerprint."""
    return wrap(secrets.token_bytes(KEY_BYTES), key_bound_to(workspace_id, version))


def seal(body: bytes, key: DataKey, place: BodyPlace) -> bytes:
    """Compress and encrypt a body for its row."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    packed = zlib.compress(body, level=1)
    return nonce + AESGCM(key.secret).encrypt(nonce, packed, place.bound(key))


def unseal(sealed: bytes, key: DataKey, place: BodyPlace) -> bytes:
    """Return the body; BodyAltered when it is not the one of this row."""
    nonce, packed = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return zlib.decompress(
            AESGCM(key.secret).decrypt(nonce, packed, place.bound(key))
        )
    except InvalidTag:
        raise BodyAltered(
            f"the {place.direction} body of {place.request_id} was altered"
        ) from None


async def sealing_key(warehouse: Warehouse, workspace_id: UUID) -> DataKey:
    """Return the workspace's newest data key, made on first need."""
    await warehouse.execute("select pg_advisory_xact_lock_shared(%s)", [SEALING])
    if key := await _newest(warehouse, workspace_id):
        return key
    wrapped, fingerprint = new_data_key(workspace_id, 1)
    await warehouse.execute(
        """
        insert into app.data_keys (workspace_id, key_version, wrapped_key, wrapped_by)
        values (%s, 1, %s, %s)
        on conflict do nothing
        """,
        [workspace_id, wrapped, fingerprint],
    )
    key = await _newest(warehouse, workspace_id)
    assert key is not None  # noqa: S101  it was there, or is now
    return key


async def data_keys(warehouse: Warehouse, workspace_id: UUID) -> dict[int, DataKey]:
    """Return the workspace's data keys by version."""
    found = await warehouse.execute(
        "select key_version, wrapped_key, wrapped_by from app.data_keys"
    )
    return {
        row["key_version"]: opened(workspace_id, **row)
        for row in await found.fetchall()
    }


def opened(
    workspace_id: UUID, key_version: int, wrapped_key: bytes, wrapped_by: str
) -> DataKey:
    """Unwrap a row of app.data_keys."""
    bound_to = key_bound_to(workspace_id, key_version)
    return DataKey(key_version, unwrap(wrapped_key, wrapped_by, bound_to))


async def _newest(warehouse: Warehouse, workspace_id: UUID) -> DataKey | None:
    found = await warehouse.execute(
        """
        select key_version, wrapped_key, wrapped_by from app.data_keys
        order by key_version desc limit 1
        """
    )
    row = await found.fetchone()
    return opened(workspace_id, **row) if row else None
