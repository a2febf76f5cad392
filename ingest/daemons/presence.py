"""What a daemon's headers say of it, and that it was there."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header

from ingest.daemons.lenient_json import storable
from models.tenancy import Machine
from warehouse.doors import Warehouse

AGENT = "halton-meter-daemon/"
LONGEST_VERSION = 64


@dataclass(frozen=True)
class Presence:
    """A daemon's version, None where it does not say it, and whether it enforces."""

    version: str | None
    enforcement: str


async def presence(
    user_agent: Annotated[str, Header()] = "",
    x_hm_daemon: Annotated[
        str,
        Header(description="build=<public|enforcing>; policy_pull=<on|off|absent>"),
    ] = "",
) -> Presence:
    """Read the headers; older daemons send no capability."""
    version = user_agent.removeprefix(AGENT) if user_agent.startswith(AGENT) else ""
    return Presence(
        storable(version[:LONGEST_VERSION]) or None, _enforcement(x_hm_daemon)
    )


Present = Annotated[Presence, Depends(presence)]


async def note(warehouse: Warehouse, machine: Machine, present: Presence) -> None:
    """Note that machine and key are alive, and what runs there; not on every batch."""
    await warehouse.execute(
        """
        with noted as (
            update app.machines set
                last_batch_at = now(),
                daemon_version = coalesce(%(version)s, daemon_version),
                enforcement = %(enforcement)s
            where
                machine_id = %(machine_id)s
                and (
                    last_batch_at is null
                    or last_batch_at < now() - interval '10 seconds'
                    or daemon_version <> %(version)s
                    or enforcement <> %(enforcement)s
                )
            returning machine_id
        )

        update app.sync_keys set last_used_at = now()
        from noted
        where sync_key_id = %(sync_key_id)s
        """,
        {
            "machine_id": machine.machine_id,
            "sync_key_id": machine.sync_key_id,
            "version": present.version,
            "enforcement": present.enforcement,
        },
    )


def _enforcement(capability: str) -> str:
    """Read a capability; a daemon that says none may be any, whatever it was before."""
    said = "".join(capability.split()).lower().split(";")
    if "build=enforcing" in said:
        return "enforcing"
    return "not_enforcing" if "build=public" in said else "unknown"
