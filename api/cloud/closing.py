"""Closes a provider's month: one person prepares it, another closes it, on one figure.

A close freezes the books, not the facts: what a request costs by what is known now
stays what usage shows, and what a closed month differs by since is posted as an
adjustment, by the cycle that publishes the difference.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from psycopg.types.json import Jsonb

from api.cloud.asking import ask
from api.cloud.periods import month_of, today
from models.answers.reconciliation import CloseModel, ModelClosed
from models.refusals import Conflict, Malformed, NotThere, OwnPreparation
from models.tenancy import Caller
from warehouse.closing import BOOKS
from warehouse.doors import Warehouse

STANDING = """
    select close_id, prepared_by, closed_at, digest from app.closes
    where
        provider = %(provider)s
        and period_month = %(month)s
        and reopened_at is null
    for update
"""


async def prepare(
    warehouse: Warehouse, caller: Caller, provider: str, month: date
) -> None:
    """Write down what a month is, for somebody else to close it with.

    Prepared again, it is what it is by now. Raises NotThere where there is nothing to
    close, and Conflict where it is closed already, or where it has been reopened and
    that is not published yet.
    """
    if month_of(month).until >= today():
        raise Malformed("A month that has not ended in UTC can't be closed.")
    figures = await _figures(warehouse, provider, month)
    there = await warehouse.execute(
        "select 1 from fct_invoice_reconciliations"
        " where provider = %s and period_month = %s",
        [provider, month],
    )
    if not await there.fetchone():
        raise NotThere("Nothing was logged or billed of that provider in that month.")
    await _must_be_whole(warehouse, month)
    waiting = await warehouse.execute(
        """
        select 1 from app.closes
        inner join raw.changes on closes.reopened_by_change = changes.change_id
        where
            closes.provider = %s
            and closes.period_month = %s
            and changes.published_at is null
        """,
        [provider, month],
    )
    if await waiting.fetchone():
        raise Conflict("It has just been reopened; try again in a few seconds.")
    made = await warehouse.execute(
        """
        insert into app.closes (
            workspace_id, provider, period_month, prepared_by, cycle_id, published_at,
            build, request_count, unpriced_count, cost_pico, models, digest
        )
        values (
            %(workspace_id)s, %(provider)s, %(month)s, %(person)s, %(cycle_id)s,
            %(published_at)s, %(build)s, %(request_count)s, %(unpriced_count)s,
            %(cost_pico)s, %(models)s, %(digest)s
        )
        on conflict (workspace_id, provider, period_month) where reopened_at is null
        do update set
            prepared_by = excluded.prepared_by,
            prepared_at = excluded.prepared_at,
            cycle_id = excluded.cycle_id,
            published_at = excluded.published_at,
            build = excluded.build,
            request_count = excluded.request_count,
            unpriced_count = excluded.unpriced_count,
            cost_pico = excluded.cost_pico,
            models = excluded.models,
            digest = excluded.digest
        where closes.closed_at is null
        """,
        _as_columns(figures, provider, month)
        | {"workspace_id": caller.workspace_id, "person": caller.user_id},
    )
    if not made.rowcount:
        raise Conflict("That month is closed already.")


async def close(
    warehouse: Warehouse, caller: Caller, provider: str, month: date
) -> int:
    """Close a month with what it was prepared with; return its entry in the ledger.

    Raises OwnPreparation for whoever prepared it, and Conflict where nobody did, where
    it is closed, or where it is not any more what was prepared.
    """
    figures = await _figures(warehouse, provider, month)
    await _must_be_whole(warehouse, month)
    columns = _as_columns(figures, provider, month)
    found = await warehouse.execute(STANDING, columns)
    prepared = await found.fetchone()
    if prepared is None:
        raise Conflict("Nobody has prepared that month.")
    if prepared["closed_at"] is not None:
        raise Conflict("That month is closed already.")
    if prepared["prepared_by"] == caller.user_id:
        raise OwnPreparation
    if bytes(prepared["digest"]) != columns["digest"]:
        raise Conflict("It has changed since it was prepared; prepare it again.")
    made = await warehouse.execute(
        """
        update app.closes set
            reviewed_by = %(person)s,
            closed_at = clock_timestamp(),
            cycle_id = %(cycle_id)s,
            published_at = %(published_at)s,
            build = %(build)s
        where close_id = %(close_id)s
        returning closed_by_change as change_id
        """,
        columns | {"person": caller.user_id, "close_id": prepared["close_id"]},
    )
    return await _entry(made)


async def reopen(
    warehouse: Warehouse, caller: Caller, provider: str, month: date, reason: str
) -> int:
    """Let a closed month be what its days say again; return its entry in the ledger.

    What was posted of it in later months is taken back there by the next cycle. Raises
    Conflict where it is not closed, or where some of its requests are gone for good.
    """
    await _must_be_whole(warehouse, month)
    made = await warehouse.execute(
        """
        update app.closes set
            reopened_by = %(person)s,
            reopened_at = clock_timestamp(),
            reopen_reason = %(reason)s
        where
            provider = %(provider)s
            and period_month = %(month)s
            and closed_at is not null
            and reopened_at is null
        returning reopened_by_change as change_id
        """,
        {
            "person": caller.user_id,
            "reason": reason,
            "provider": provider,
            "month": month,
        },
    )
    if not made.rowcount:
        raise Conflict("That month is not closed.")
    return await _entry(made)


def digest_of(provider: str, month: date, models: Iterable[ModelClosed]) -> bytes:
    """Return the SHA-256 that a month is closed under.

    Of UTF-8 text, a JSON array without spaces on each line, lines ended by a line feed:
    provider and month, and then, in the order of the names' bytes, each model's name,
    requests, unpriced requests and picodollars, null where nothing of it is priced.
    """
    lines: list[list[str | int | None]] = [[provider, f"{month:%Y-%m}"]]
    lines += [
        [one.model, one.request_count, one.unpriced_count, one.cost]
        for one in sorted(models, key=lambda one: one.model.encode())
    ]
    text = "".join(
        json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"
        for line in lines
    )
    return hashlib.sha256(text.encode()).digest()


async def _figures(
    warehouse: Warehouse, provider: str, month: date
) -> Sequence[CloseModel]:
    """Read the month as one cycle has published it, and let no cycle post meanwhile."""
    await warehouse.execute("lock table raw.cycles in access share mode")
    await warehouse.execute("select pg_advisory_xact_lock_shared(%s)", [BOOKS])
    period = month_of(month)
    figures = await ask(
        warehouse,
        CloseModel,
        provider=provider,
        since=period.since,
        until=period.until,
    )
    if not figures:
        raise Conflict("Nothing has been published yet.")
    return figures


async def _must_be_whole(warehouse: Warehouse, month: date) -> None:
    found = await warehouse.execute(
        """
        select 1 from raw.changes
        where
            kind = 'revision'
            and cause = 'retention'
            and until at time zone 'UTC' > %s
        limit 1
        """,
        [month],
    )
    if await found.fetchone():
        raise Conflict("Some requests of that month are past their retention.")


def _as_columns(
    figures: Sequence[CloseModel], provider: str, month: date
) -> dict[str, Any]:
    total, *by_model = figures
    models = [
        ModelClosed.model_validate(
            one.model_dump(include=set(ModelClosed.model_fields))
        )
        for one in by_model
    ]
    return {
        "provider": provider,
        "month": month,
        "cycle_id": total.cycle_id,
        "published_at": total.published_at,
        "build": total.build,
        "request_count": total.request_count,
        "unpriced_count": total.unpriced_count,
        "cost_pico": total.cost,
        "models": Jsonb([one.model_dump() for one in models]),
        "digest": digest_of(provider, month, models),
    }


async def _entry(made: Any) -> int:
    row = await made.fetchone()
    return int(row["change_id"])
