"""Land a batch: one insert that skips what is there, one commit.

Rows go in sorted by id, so that batches which overlap wait for each other instead of
locking each other out. What contradicts an earlier record is kept aside.
"""

from typing import Any

from ingest.daemons.records import ReadBatch
from models.requests import BatchAnswer
from models.tenancy import Sender
from warehouse.cluster import composed
from warehouse.doors import Warehouse

# What each column of raw.requests is of the wire's record, and how Postgres reads it.
COLUMNS = {
    "request_id": ("id", "uuid"),
    "requested_at": ("requested_at", "timestamptz"),
    "recorded_at": ("recorded_at", "timestamptz"),
    "provider": ("provider", "text"),
    "model": ("model", "text"),
    "project": ("project", "text"),
    "input_tokens": ("input_tokens", "integer"),
    "output_tokens": ("output_tokens", "integer"),
    "thinking_tokens": ("thinking_tokens", "integer"),
    "cached_tokens": ("cached_tokens", "integer"),
    "cache_write_tokens": ("cache_write_tokens", "integer"),
    "fx_rate": ("fx_rate", "text"),
    "tokens_complete": ("tokens_complete", "boolean"),
    "latency_ms": ("latency_ms", "numeric(14, 3)"),
    "time_to_first_token_ms": ("time_to_first_token_ms", "numeric(14, 3)"),
    "status": ("status", "text"),
    "request_kind": ("request_kind", "text"),
    "attribution_method": ("attribution_method", "text"),
    "source_workdir": ("source_workdir", "text"),
    "source_machine": ("source_machine", "text"),
    "prompt_hash": ("prompt_hash", "text"),
    "idempotency_key": ("idempotency_key", "text"),
    "error_class": ("error_class", "text"),
    "provider_error_code": ("provider_error_code", "text"),
    "http_status": ("http_status", "integer"),
    "is_retryable": ("retryable", "boolean"),
    "billing_basis": ("billing_basis", "text"),
}
COSTS = {"cost_millicents": "bigint", "cost_usd_minor_units": "bigint"}
CONTENT = [*COLUMNS, "submitted_millicents"]
NAMES = ", ".join([*CONTENT, "flags"])

# The readable records of a batch as rows, numbered as they came. The record's cost
# comes under two names, of which either may be unset; two that differ are flagged.
ARRIVING = f"""
    select
        {", ".join(f"sent.{wire} as {name}" for name, (wire, _) in COLUMNS.items())},
        coalesce(sent.cost_millicents, sent.cost_usd_minor_units)
        as submitted_millicents,
        case
            when sent.cost_millicents <> sent.cost_usd_minor_units
                then array_append(sent.flags, 'contradicting:cost')
            else sent.flags
        end as flags,
        sent.ordinal
    from rows from (
        json_to_recordset(%(records)s::json) as (
            {", ".join(f"{wire} {kind}" for wire, kind in COLUMNS.values())},
            {", ".join(f"{wire} {kind}" for wire, kind in COSTS.items())},
            flags text[]
        )
    ) with ordinality as sent (
        {", ".join(wire for wire, _ in COLUMNS.values())},
        {", ".join(COSTS)},
        flags,
        ordinal
    )
"""
LAND = composed(f"""
    with arriving as ({ARRIVING}),

    change as (
        insert into raw.changes (
            kind, cause, workspace_id, row_count, daemon_version
        )
        values (
            'arrival', 'landing', %(workspace_id)s, %(row_count)s, %(daemon_version)s
        )
        returning change_id
    ),

    landed as (
        insert into raw.requests (
            workspace_id, machine_id, change_id, received_at, {NAMES}
        )
        select distinct on (request_id)
            %(workspace_id)s, %(machine_id)s, change_id, now(), {NAMES}
        from arriving
        cross join change
        order by request_id, ordinal
        on conflict (workspace_id, request_id) do nothing
        returning request_id
    )

    select count(*) as accepted from landed
""")
CONTRADICTING = composed(f"""
    with arriving as ({ARRIVING}),

    compared as (
        select
            arriving.ordinal,
            arriving.request_id,
            array_remove(
                array[{
    ", ".join(
        f"case when arriving.{name} is distinct from standing.{name} then '{name}' end"
        for name in CONTENT
    )
}],
                null
            ) as differing
        from arriving
        inner join raw.requests as standing
            on standing.workspace_id = %(workspace_id)s
            and arriving.request_id = standing.request_id
    )

    select * from compared where differing <> '{{}}'
""")
KEEP_ASIDE = """
    insert into raw.rejected_records (
        workspace_id, machine_id, batch_id, reason, detail, request_id, record
    )
    values (%s, %s, %s, %s, %s, %s, %s)
    on conflict do nothing
"""
STAYS = "differs in {} from the record that had landed under this id; that one stays"


async def land(
    warehouse: Warehouse,
    machine: Sender,
    batch: ReadBatch,
    daemon_version: str | None = None,
) -> BatchAnswer:
    """Make every record of the batch durable with the transaction that is open.

    Idempotent by (workspace, record id). One entry in raw.changes names the rows, so
    that the next rebuild adds exactly them.
    """
    accepted = 0
    contradicting: list[dict[str, Any]] = []
    if batch.readable:
        arriving = {
            "workspace_id": machine.workspace_id,
            "machine_id": machine.machine_id,
            "row_count": len(batch.readable),
            "records": batch.readable_json(),
            "daemon_version": daemon_version,
        }
        landed = await warehouse.execute(LAND, arriving)
        row = await landed.fetchone()
        accepted = int(row["accepted"]) if row else 0
        if accepted < len(batch.readable):
            found = await warehouse.execute(CONTRADICTING, arriving)
            contradicting = await found.fetchall()
    aside = [
        ("malformed", unreadable.why[:500], None, unreadable.raw)
        for unreadable in batch.unreadable
    ] + [
        (
            "conflicting",
            STAYS.format(", ".join(one["differing"])),
            one["request_id"],
            batch.readable[one["ordinal"] - 1].model_dump_json(),
        )
        for one in contradicting
    ]
    by = (machine.workspace_id, machine.machine_id, batch.batch_id)
    for one in aside:
        await warehouse.execute(KEEP_ASIDE, [*by, *one])
    also_aside = {one["ordinal"] - 1 for one in contradicting}
    return BatchAnswer(
        batch_id=batch.batch_id,
        accepted=accepted,
        duplicate=len(batch.readable) - accepted - len(contradicting),
        flagged=len(batch.unreadable) + len(batch.flags.keys() | also_aside),
    )
