"""Paired machines and whether they still send."""

from models.answers import MachineCard, Sync
from warehouse.doors import Warehouse

MACHINES = """
    select
        machines.machine_id,
        machines.hostname,
        machines.platform,
        machines.daemon_version,
        machines.last_batch_at,
        case
            when not exists (
                select 1 from app.sync_keys
                where
                    sync_keys.machine_id = machines.machine_id
                    and sync_keys.revoked_at is null
            ) then 'revoked'
            when
                coalesce(machines.last_batch_at, machines.connected_at)
                < now() - interval '24 hours'
                then 'degraded'
            else 'active'
        end as state
    from app.machines
    order by machines.hostname, machines.machine_id
"""


async def machines_of(warehouse: Warehouse) -> list[MachineCard]:
    """Return the machines of the workspace that the door was opened for."""
    found = await warehouse.execute(MACHINES)
    return [MachineCard.model_validate(row) for row in await found.fetchall()]


async def sync_of(warehouse: Warehouse) -> Sync:
    """Sum the machines up: green, amber (one is late), red (one is revoked)."""
    machines = await machines_of(warehouse)
    states = [machine.state for machine in machines]
    batches = [card.last_batch_at for card in machines if card.last_batch_at]
    status = "none"
    if states:
        status = "green"
    if "degraded" in states:
        status = "amber"
    if "revoked" in states:
        status = "red"
    return Sync(
        status=status,
        active_count=states.count("active"),
        degraded_count=states.count("degraded"),
        revoked_count=states.count("revoked"),
        last_batch_at=max(batches, default=None),
    )
