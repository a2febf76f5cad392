"""Land a batch: one insert that skips what is there, one commit.

Rows go in sorted by id, so that batches which overlap wait for each other instead of
locking each other out. What contradicts an earlier record is kept aside.
"""

from collections.abc import Iterator
from typing import Literal
from uuid import UUID

import msgspec

from ingest.daemons.lenient_json import storable
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
# What comes under two names, of which either may be unset.
OTHER_NAMES = {
    "cache_read_tokens": "integer",
    "cost_millicents": "bigint",
    "cost_usd_minor_units": "bigint",
}
# What is not simply as it was sent: what unset counts as, and what else it may mean.
COUNTS_AS = {
    "input_tokens": "coalesce(sent.input_tokens, 0)",
    "output_tokens": "coalesce(sent.output_tokens, 0)",
    "thinking_tokens": "coalesce(sent.thinking_tokens, 0)",
    "cached_tokens": "coalesce(sent.cached_tokens, sent.cache_read_tokens, 0)",
    "cache_write_tokens": "coalesce(sent.cache_write_tokens, 0)",
    "tokens_complete": "coalesce(sent.tokens_complete, true)",
    "status": "coalesce(sent.status, 'success')",
    "billing_basis": """
        case
            when sent.billing_basis in ('subscription_imputed', 'imported')
                then sent.billing_basis
        end
    """,
    "submitted_millicents": """
        coalesce(sent.cost_millicents, sent.cost_usd_minor_units)
    """,
}
CONTENT = [*COLUMNS, "submitted_millicents"]
NAMES = ", ".join([*CONTENT, "flags"])
READ_AS = {name: f"sent.{wire}" for name, (wire, _) in COLUMNS.items()} | COUNTS_AS

# Each key of a record, and as what Postgres reads it; flags are the text of an array.
SENT = {**dict(COLUMNS.values()), **OTHER_NAMES, "flags": "text"}

# The readable records of a batch as rows, numbered as they came. Two costs that differ
# are flagged. Arrays of one length in a select list go on side by side; in a `from`
# each would be written out as a table of its own first.
ARRIVING = f"""
    select
        {", ".join(f"{read} as {name}" for name, read in READ_AS.items())},
        case
            when sent.cost_millicents <> sent.cost_usd_minor_units
                then array_append(sent.flags::text [], 'contradicting:cost')
            else sent.flags::text []
        end as flags,
        sent.ordinal
    from (
        select
            generate_series(1, %(row_count)s) as ordinal,
            {
    ", ".join(f"unnest(%({wire})s::{kind} []) as {wire}" for wire, kind in SENT.items())
}
    ) as sent
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
# Sorted, so that batches with the same bad records wait for each other in one order.
KEEP_ASIDE = """
    insert into raw.rejected_records (
        workspace_id, machine_id, batch_id, reason, detail, request_id, record
    )
    select
        %(workspace_id)s, %(machine_id)s, %(batch_id)s,
        kept.reason, kept.detail, kept.request_id, kept.record
    from json_to_recordset(%(aside)s::json) as kept (
        reason text, detail text, request_id uuid, record text
    )
    order by kept.reason, md5(kept.record)
    on conflict do nothing
"""
STAYS = "differs in {} from the record that had landed under this id; that one stays"


class Aside(msgspec.Struct, frozen=True):
    """A record that is kept as it came, with the reason."""

    reason: Literal["malformed", "conflicting"]
    detail: str
    record: str
    request_id: UUID | None = None


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
    sent_by = {
        "workspace_id": machine.workspace_id,
        "machine_id": machine.machine_id,
        "batch_id": batch.batch_id,
    }
    accepted = 0
    contradicting: dict[int, list[str]] = {}
    if batch.readable:
        arriving = sent_by | {
            "row_count": len(batch.readable),
            "daemon_version": daemon_version,
            **batch.columns(),
        }
        landed = await warehouse.execute(LAND, arriving)
        row = await landed.fetchone()
        accepted = int(row["accepted"]) if row else 0
        if accepted < len(batch.readable):
            found = await warehouse.execute(CONTRADICTING, arriving)
            contradicting = {
                row["ordinal"] - 1: row["differing"] for row in await found.fetchall()
            }
    aside = [*_malformed(batch), *_conflicting(batch, contradicting)]
    if aside:
        kept = msgspec.json.encode(aside).decode()
        await warehouse.execute(KEEP_ASIDE, sent_by | {"aside": kept})
    mended = {at for at in range(len(batch.readable)) if batch.is_mended(at)}
    return BatchAnswer(
        batch_id=batch.batch_id,
        accepted=accepted,
        duplicate=len(batch.readable) - accepted - len(contradicting),
        flagged=len(batch.unreadable) + len(mended | contradicting.keys()),
    )


def _malformed(batch: ReadBatch) -> Iterator[Aside]:
    for one in batch.unreadable:
        yield Aside("malformed", storable(one.why[:500]), one.raw)


def _conflicting(
    batch: ReadBatch, contradicting: dict[int, list[str]]
) -> Iterator[Aside]:
    for at, differing in contradicting.items():
        record = batch.readable[at]
        why = STAYS.format(", ".join(differing))
        yield Aside("conflicting", why, msgspec.json.encode(record).decode(), record.id)
