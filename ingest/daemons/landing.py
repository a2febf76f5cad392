"""Land a batch: COPY beside, one insert that skips what is there, one commit.

Rows go in sorted by id, so that batches which overlap wait for each other instead of
locking each other out. What contradicts an earlier record is kept aside.
"""

from operator import attrgetter
from typing import Any

from ingest.daemons.records import Readable, ReadBatch
from models.requests import BatchAnswer, RequestRecord
from models.tenancy import Sender
from warehouse.cluster import composed
from warehouse.doors import Warehouse

# Where each column of raw.requests comes from in the wire's record.
FIELD_OF = {
    "request_id": "id",
    "requested_at": "requested_at",
    "recorded_at": "recorded_at",
    "provider": "provider",
    "model": "model",
    "project": "project",
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "thinking_tokens": "thinking_tokens",
    "cached_tokens": "cached_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "fx_rate": "fx_rate",
    "tokens_complete": "tokens_complete",
    "latency_ms": "latency_ms",
    "time_to_first_token_ms": "time_to_first_token_ms",
    "status": "status",
    "request_kind": "request_kind",
    "attribution_method": "attribution_method",
    "source_workdir": "source_workdir",
    "source_machine": "source_machine",
    "prompt_hash": "prompt_hash",
    "idempotency_key": "idempotency_key",
    "error_class": "error_class",
    "provider_error_code": "provider_error_code",
    "http_status": "http_status",
    "is_retryable": "retryable",
    "billing_basis": "billing_basis",
}
CONTENT = [*FIELD_OF, "submitted_millicents"]
COLUMNS = ", ".join([*CONTENT, "flags"])
DIFFERS = " or ".join(
    f"arriving.{column} is distinct from standing.{column}" for column in CONTENT
)
DIFFERENCES = ", ".join(
    f"case when arriving.{name} is distinct from standing.{name} then '{name}' end"
    for name in CONTENT
)
values_of = attrgetter(*FIELD_OF.values())

# One per connection; it empties itself at every commit.
ARRIVING = composed(f"""
    create temporary table if not exists arriving on commit delete rows as
    select {COLUMNS}, 0 as ordinal from raw.requests
    with no data
""")
COPY = composed(f"copy arriving ({COLUMNS}, ordinal) from stdin")
LAND = composed(f"""
    with change as (
        insert into raw.changes (kind, cause, workspace_id, row_count)
        values ('arrival', 'landing', %(workspace_id)s, %(row_count)s)
        returning change_id
    ),

    landed as (
        insert into raw.requests (
            workspace_id, machine_id, change_id, received_at, {COLUMNS}
        )
        select distinct on (request_id)
            %(workspace_id)s, %(machine_id)s, change_id, now(), {COLUMNS}
        from arriving
        cross join change
        order by request_id, ordinal
        on conflict (workspace_id, request_id) do nothing
        returning request_id
    )

    select count(*) as accepted from landed
""")
CONTRADICTING = composed(f"""
    select
        arriving.ordinal,
        arriving.request_id,
        array_remove(array[{DIFFERENCES}], null) as differing
    from arriving
    inner join raw.requests as standing
        on standing.workspace_id = %(workspace_id)s
        and arriving.request_id = standing.request_id
    where {DIFFERS}
""")
KEEP_ASIDE = """
    insert into raw.rejected_records (
        workspace_id, machine_id, batch_id, reason, detail, request_id, record
    )
    values (%s, %s, %s, %s, %s, %s, %s)
    on conflict do nothing
"""

STAYS = "differs in {} from the record that had landed under this id; that one stays"


async def land(warehouse: Warehouse, machine: Sender, batch: ReadBatch) -> BatchAnswer:
    """Make every record of the batch durable with the transaction that is open.

    Idempotent by (workspace, record id). One entry in raw.changes names the rows, so
    that the next rebuild adds exactly them.
    """
    accepted = 0
    contradicting: list[dict[str, Any]] = []
    if batch.readable:
        accepted = await _insert(warehouse, machine, batch.readable)
    if accepted < len(batch.readable):
        contradicting = await _contradicting(warehouse, machine)
    aside = [
        ("malformed", unreadable.why[:500], None, unreadable.raw)
        for unreadable in batch.unreadable
    ] + [
        (
            "conflicting",
            STAYS.format(", ".join(one["differing"])),
            one["request_id"],
            batch.readable[one["ordinal"]].record.model_dump_json(),
        )
        for one in contradicting
    ]
    by = (machine.workspace_id, machine.machine_id, batch.batch_id)
    for one in aside:
        await warehouse.execute(KEEP_ASIDE, [*by, *one])
    mended = {at for at, readable in enumerate(batch.readable) if readable.flags}
    aside_too = {one["ordinal"] for one in contradicting}
    return BatchAnswer(
        batch_id=batch.batch_id,
        accepted=accepted,
        duplicate=len(batch.readable) - accepted - len(contradicting),
        flagged=len(batch.unreadable) + len(mended | aside_too),
    )


async def _insert(
    warehouse: Warehouse, machine: Sender, readable: list[Readable]
) -> int:
    await warehouse.execute(ARRIVING)
    async with warehouse.cursor() as cursor:
        async with cursor.copy(COPY) as copy:
            for ordinal, one in enumerate(readable):
                await copy.write_row(_row(one, ordinal))
        landed = await cursor.execute(
            LAND,
            {
                "workspace_id": machine.workspace_id,
                "machine_id": machine.machine_id,
                "row_count": len(readable),
            },
        )
        row = await landed.fetchone()
    return int(row["accepted"]) if row else 0


def _row(readable: Readable, ordinal: int) -> tuple[Any, ...]:
    record, flags = readable.record, list(readable.flags)
    if (
        record.cost_millicents is not None
        and record.cost_usd_minor_units is not None
        and record.cost_millicents != record.cost_usd_minor_units
    ):
        flags.append("contradicting:cost")
    return (*values_of(record), _submitted(record), flags or None, ordinal)


def _submitted(record: RequestRecord) -> int | None:
    if record.cost_millicents is not None:
        return record.cost_millicents
    return record.cost_usd_minor_units


async def _contradicting(warehouse: Warehouse, machine: Sender) -> list[dict[str, Any]]:
    found = await warehouse.execute(
        CONTRADICTING, {"workspace_id": machine.workspace_id}
    )
    return await found.fetchall()
