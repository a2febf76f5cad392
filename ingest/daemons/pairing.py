"""Pairing, the daemon's half: ask for a code, wait for a person, take the key once."""

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from ingest.daemons.keys import PREFIX
from ingest.daemons.lenient_json import storable
from models.keys import hash_of
from models.pairing import EXPIRES_AFTER, shown, typed
from models.refusals import NotThere, TooMany
from warehouse.cluster import composed
from warehouse.doors import Doors, Warehouse

STARTS_PER_ADDRESS = 10
STARTS_WITHIN = timedelta(minutes=10)
SAME_KEY_AGAIN = timedelta(seconds=60)
HELD_SECONDS = 20  # a long poll; the contract allows 25
LOOK_EVERY_SECONDS = 0.5
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

LONGEST = 255
LONGEST_RETRY_SECONDS = 300  # what a daemon heeds at most

Words = Annotated[
    str,
    StringConstraints(min_length=1),
    BeforeValidator(
        lambda text: storable(text)[:LONGEST] if isinstance(text, str) else text
    ),
]
Secret = Annotated[
    str,
    BeforeValidator(lambda text: storable(text) if isinstance(text, str) else text),
]


class PairingStart(BaseModel):
    """What a daemon says of its machine."""

    model_config = ConfigDict(frozen=True)

    hostname: Words
    daemon_version: Words
    platform: Literal["Darwin", "Linux", "Windows"]
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None


class PairingStarted(BaseModel):
    """The code for a person to type, and the secret to poll with."""

    model_config = ConfigDict(frozen=True)

    pairing_code: str
    poll_token: str
    pairing_url: str
    expires_at: datetime


class PairingPoll(BaseModel):
    """Asking whether a person has decided."""

    model_config = ConfigDict(frozen=True)

    pairing_code: Secret
    poll_token: Secret


class PairingStatus(BaseModel):
    """Where a pairing stands."""

    model_config = ConfigDict(frozen=True)

    status: Literal["pending", "approved", "denied", "expired", "consumed"]


class PairingApproved(PairingStatus):
    """The key, once."""

    api_key: str
    workspace_id: UUID
    workspace_name: str
    machine_id: UUID


async def start(
    doors: Doors, asked: PairingStart, address: str, public_url: str
) -> PairingStarted:
    """Open a pairing for ten minutes; TooMany beyond ten per address in that time."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(8))
    poll_token = secrets.token_urlsafe(32)
    async with doors.pairing() as warehouse:
        await _refuse_too_many(warehouse, address)
        started = await warehouse.execute(
            """
            insert into app.pairings (
                pairing_code, poll_token_hash, hostname, platform,
                daemon_version, fingerprint, address, expires_at
            )
            values (%s, %s, %s, %s, %s, %s, %s, now() + %s)
            returning expires_at
            """,
            [
                code,
                hash_of(poll_token),
                asked.hostname,
                asked.platform,
                asked.daemon_version,
                asked.fingerprint,
                address,
                EXPIRES_AFTER,
            ],
        )
        row = await started.fetchone()
    assert row is not None  # noqa: S101  an insert that returns, returns
    return PairingStarted(
        pairing_code=shown(code),
        poll_token=poll_token,
        pairing_url=f"{public_url.rstrip('/')}/connect?code={shown(code)}",
        expires_at=row["expires_at"],
    )


async def _refuse_too_many(warehouse: Warehouse, address: str) -> None:
    found = await warehouse.execute(
        """
        select
            count(*) as started,
            ceil(extract(epoch from min(started_at) + %(within)s - now()))::int as wait
        from app.pairings
        where address = %(address)s and started_at > now() - %(within)s
        """,
        {"address": address, "within": STARTS_WITHIN},
    )
    row = await found.fetchone()
    if row and row["started"] >= STARTS_PER_ADDRESS:
        raise TooMany(
            "Too many pairings were started from this address; try again later.",
            retry_after=min(max(1, row["wait"]), LONGEST_RETRY_SECONDS),
        )


async def poll(
    doors: Doors, asked: PairingPoll, *, is_stopping: Callable[[], bool]
) -> PairingStatus:
    """Say where the pairing stands, holding the answer while nobody has decided.

    Approved hands the key out: again within a minute for the same poll_token, then
    never more. Raises NotThere alike for a wrong code and a wrong token.
    """
    until = time.monotonic() + HELD_SECONDS
    while True:
        async with doors.pairing() as warehouse:
            status = await _look(warehouse, asked)
        if status.status != "pending" or time.monotonic() >= until or is_stopping():
            return status
        await asyncio.sleep(LOOK_EVERY_SECONDS)


async def _look(warehouse: Warehouse, asked: PairingPoll) -> PairingStatus:
    """Look once. Only who has both code and token finds or writes anything."""
    pairing = await _pairing(warehouse, asked)
    if pairing["status"] in {"approved", "delivered"}:
        # One poll at a time hands the key out; what it left is what the next one sees.
        pairing = await _pairing(warehouse, asked, "for update of pairings")
    match pairing["status"]:
        case "denied":
            return PairingStatus(status="denied")
        case "approved":
            return await _deliver(warehouse, pairing, asked.poll_token)
        case "delivered" if pairing["is_fetched_again"] and pairing["key_salt"]:
            return _approved(pairing, asked.poll_token, pairing["machine_id"])
        case "delivered":
            await _forget(warehouse, pairing)
            return PairingStatus(status="consumed")
        case _ if pairing["is_expired"]:
            return PairingStatus(status="expired")
        case _:
            return PairingStatus(status="pending")


async def _pairing(
    warehouse: Warehouse, asked: PairingPoll, locking: str = ""
) -> dict[str, Any]:
    """Find a pairing by code and token together: a wrong one of either costs the same.

    Hashes are compared, so nothing of the token shows in how long that takes.
    """
    found = await warehouse.execute(
        composed(
            f"""
            select pairings.*, workspaces.name as workspace_name,
                now() >= expires_at as is_expired,
                clock_timestamp() < delivered_at + %s as is_fetched_again
            from app.pairings
            left join lateral app.workspace_of_pairing(pairing_code) as workspaces
                on true
            where pairing_code = %s and poll_token_hash = %s
            {locking}
            """
        ),
        [SAME_KEY_AGAIN, typed(asked.pairing_code), hash_of(asked.poll_token)],
    )
    pairing = await found.fetchone()
    if pairing is None:
        raise NotThere("No such pairing: the code or its token is wrong.")
    return pairing


async def _deliver(
    warehouse: Warehouse, pairing: dict[str, Any], poll_token: str
) -> PairingApproved:
    salt = secrets.token_bytes(32)
    await warehouse.execute(
        "select set_config('app.workspace_id', %s, true)",
        [str(pairing["workspace_id"])],
    )
    machine_id = await _machine(warehouse, pairing)
    await warehouse.execute(
        """
        update app.sync_keys set revoked_at = now(), revoked_because = 'replaced'
        where machine_id = %s and revoked_at is null
        """,
        [machine_id],
    )
    await warehouse.execute(
        """
        insert into app.sync_keys (workspace_id, machine_id, key_hash, paired_by)
        values (%s, %s, %s, %s)
        """,
        [
            pairing["workspace_id"],
            machine_id,
            hash_of(_key(poll_token, salt)),
            pairing["decided_by"],
        ],
    )
    await warehouse.execute(
        """
        update app.pairings set
            status = 'delivered',
            delivered_at = now(),
            key_salt = %s,
            machine_id = %s
        where pairing_code = %s
        """,
        [salt, machine_id, pairing["pairing_code"]],
    )
    return _approved({**pairing, "key_salt": salt}, poll_token, machine_id)


async def _machine(warehouse: Warehouse, pairing: dict[str, Any]) -> UUID:
    """Find the machine that this is, or make it known.

    A fingerprint decides; without one, a machine of the same hostname and platform
    is the same only if it never had a fingerprint.
    """
    found = await warehouse.execute(
        """
        update app.machines set
            hostname = %(hostname)s,
            daemon_version = %(daemon_version)s
        where machine_id = (
            select machine_id from app.machines
            where
                fingerprint = %(fingerprint)s
                or (
                    %(fingerprint)s::text is null
                    and fingerprint is null
                    and hostname = %(hostname)s
                    and platform = %(platform)s
                )
            order by connected_at
            limit 1
        )
        returning machine_id
        """,
        pairing,
    )
    if row := await found.fetchone():
        return row["machine_id"]
    made = await warehouse.execute(
        """
        insert into app.machines (
            workspace_id, hostname, platform, fingerprint, daemon_version
        )
        values (
            %(workspace_id)s, %(hostname)s, %(platform)s, %(fingerprint)s,
            %(daemon_version)s
        )
        returning machine_id
        """,
        pairing,
    )
    row = await made.fetchone()
    assert row is not None  # noqa: S101  an insert that returns, returns
    return row["machine_id"]


async def _forget(warehouse: Warehouse, pairing: dict[str, Any]) -> None:
    await warehouse.execute(
        "update app.pairings set key_salt = null where pairing_code = %s",
        [pairing["pairing_code"]],
    )


def _approved(
    pairing: dict[str, Any], poll_token: str, machine_id: UUID
) -> PairingApproved:
    return PairingApproved(
        status="approved",
        api_key=_key(poll_token, pairing["key_salt"]),
        workspace_id=pairing["workspace_id"],
        workspace_name=pairing["workspace_name"],
        machine_id=machine_id,
    )


def _key(poll_token: str, salt: bytes) -> str:
    """Derive the sync key; the salt is worth nothing without the daemon's secret."""
    mac = hmac.new(poll_token.encode(), salt, hashlib.sha256).digest()
    return PREFIX + base64.urlsafe_b64encode(mac).decode().rstrip("=")
