"""Paired machines: whether they still send, and what has come of them."""

from datetime import date
from typing import Any
from uuid import UUID

from api.cloud.asking import ask
from models.answers.machines import (
    MachineCard,
    MachineDetail,
    MachineState,
    RejectedRecord,
    RejectedRecords,
    Sync,
    SyncKey,
)
from models.answers.usage import Grouping, UsageKey
from models.answers.workspace import Period
from models.refusals import NotThere
from models.tenancy import Caller
from warehouse.doors import Warehouse

EVER = Period(since=date.min, until=date.max)
MACHINES = """
    select
        machines.machine_id,
        machines.hostname,
        machines.platform,
        machines.daemon_version,
        machines.enforcement,
        machines.connected_at,
        machines.last_batch_at,
        case
            when keys.key_count = 0 then 'imported'
            when keys.key_count = keys.revoked_count then 'revoked'
            when
                coalesce(machines.last_batch_at, machines.connected_at)
                < now() - interval '24 hours'
                then 'degraded'
            else 'active'
        end as state
    from app.machines
    cross join lateral (
        select count(*) as key_count, count(revoked_at) as revoked_count
        from app.sync_keys
        where sync_keys.machine_id = machines.machine_id
    ) as keys
    order by machines.hostname, machines.machine_id
"""
REJECTED_COUNTS = """
    select
        machine_id,
        count(*) filter (where reason = 'malformed') as malformed_count,
        count(*) filter (where reason = 'conflicting') as conflicting_count
    from raw.rejected_records
    group by machine_id
"""
KEYS = """
    select
        sync_keys.sync_key_id,
        sync_keys.created_at,
        sync_keys.last_used_at,
        sync_keys.revoked_at,
        sync_keys.revoked_because,
        users.email as revoked_by
    from app.sync_keys
    left join app.users
        on sync_keys.revoked_by = users.user_id
    where sync_keys.machine_id = %s
    order by sync_keys.created_at desc
"""
REJECTED = """
    select rejected_id, received_at, batch_id, reason, detail, request_id, record
    from raw.rejected_records
    where
        machine_id = %(machine_id)s
        and (reason = %(reason)s or %(reason)s::text is null)
        and (rejected_id < %(cursor)s or %(cursor)s::bigint is null)
    order by rejected_id desc
    limit %(limit)s
"""
REVOKE = """
    update app.sync_keys set
        revoked_at = now(), revoked_because = 'revoked', revoked_by = %s
    where machine_id = %s and revoked_at is null
"""


async def machines_of(warehouse: Warehouse) -> list[MachineCard]:
    """Return the machines of the workspace that the door was opened for."""
    landed: dict[UUID | None, int] = {}
    for key in await ask(
        warehouse,
        UsageKey,
        grouping=Grouping.MACHINE.value,
        since=EVER.since,
        until=EVER.until,
    ):
        landed[key.machine_id] = landed.get(key.machine_id, 0) + key.request_count
    counted = await warehouse.execute(REJECTED_COUNTS)
    rejected = {row.pop("machine_id"): row for row in await counted.fetchall()}
    none: dict[str, Any] = {"malformed_count": 0, "conflicting_count": 0}
    return [
        MachineCard(
            **row,
            **rejected.get(row["machine_id"], none),
            request_count=landed.get(row["machine_id"], 0),
        )
        for row in await _rows(warehouse)
    ]


async def machine_of(warehouse: Warehouse, machine_id: UUID) -> MachineDetail:
    """Return one machine with its keys; NotThere when the workspace has none such."""
    for card in await machines_of(warehouse):
        if card.machine_id == machine_id:
            found = await warehouse.execute(KEYS, [machine_id])
            keys = [SyncKey.model_validate(row) for row in await found.fetchall()]
            return MachineDetail(**card.model_dump(), keys=keys)
    raise NotThere("No such machine in this workspace.")


async def rejected_of(
    warehouse: Warehouse,
    machine_id: UUID,
    reason: str | None,
    cursor: int | None,
    limit: int,
) -> RejectedRecords:
    """Return a page of what a machine sent that was kept aside."""
    found = await warehouse.execute(
        REJECTED,
        {
            "machine_id": machine_id,
            "reason": reason,
            "cursor": cursor,
            "limit": limit + 1,
        },
    )
    records = [RejectedRecord.model_validate(row) for row in await found.fetchall()]
    items = records[:limit]
    is_more = len(records) > limit
    return RejectedRecords(
        items=items, next_cursor=items[-1].rejected_id if is_more else None
    )


async def revoke(warehouse: Warehouse, caller: Caller, machine_id: UUID) -> None:
    """End a machine's keys: its daemon is refused from the next request on."""
    await warehouse.execute(REVOKE, [caller.user_id, machine_id])


async def sync_of(warehouse: Warehouse) -> Sync:
    """Sum the machines up: green, amber (one is late), red (one is revoked)."""
    machines = [
        row for row in await _rows(warehouse) if row["state"] != MachineState.IMPORTED
    ]
    states = [machine["state"] for machine in machines]
    batches = [row["last_batch_at"] for row in machines if row["last_batch_at"]]
    status = "none"
    if states:
        status = "green"
    if MachineState.DEGRADED in states:
        status = "amber"
    if MachineState.REVOKED in states:
        status = "red"
    return Sync(
        status=status,
        active_count=states.count(MachineState.ACTIVE),
        degraded_count=states.count(MachineState.DEGRADED),
        revoked_count=states.count(MachineState.REVOKED),
        last_batch_at=max(batches, default=None),
    )


async def _rows(warehouse: Warehouse) -> list[dict[str, Any]]:
    found = await warehouse.execute(MACHINES)
    return await found.fetchall()
