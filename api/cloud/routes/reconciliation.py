"""Why does the invoice differ?"""

import asyncio
import time
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.cloud.asking import ask, card_of
from api.cloud.books import KnownBooks
from api.cloud.callers import requires
from api.cloud.periods import month_of, today
from api.cloud.routes.budgets import first_of, months_before
from api.cloud.sessions import OpenDoors
from models.answers.reconciliation import InvoiceReconciliation, Reconciliation
from models.money import PICO_PER_USD, pico_from_usd
from models.plans import Permission, Surface
from models.providers import catalogue_name, daemon_name
from models.refusals import Malformed, NotRemembered, refusing
from models.tenancy import Caller
from warehouse.doors import Doors

router = APIRouter(prefix="/v1/workspaces/{slug}", tags=["reconciliation"])

Month = Annotated[str, Path(pattern=r"^20[1-9]\d-(0[1-9]|1[0-2])$")]
AskedMonth = Annotated[str | None, Query(pattern=r"^20[1-9]\d-(0[1-9]|1[0-2])$")]
Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
MONTHS = 13
PUBLISHED_WITHIN_SECONDS = 10


class EnteredTotal(BaseModel):
    """What a provider billed for a month, as a person reads it off the invoice."""

    model_config = ConfigDict(frozen=True)

    account: Annotated[str, Field(pattern=r"^[\w. -]{1,100}$")] = "default"
    amount_usd: Annotated[str, Field(pattern=r"^-?\d{1,12}(\.\d{1,12})?$")]
    invoice_id: Annotated[str, Field(pattern=r"^[^\x00]{1,200}$")] | None = None


class KeptTotal(BaseModel):
    """The total is kept; the page shows it once the rebuild has published it."""

    status: Literal["rebuilding"] = "rebuilding"


@router.get("/reconciliation", responses=refusing(NotRemembered))
async def reconciliation(
    caller: Annotated[
        Caller, requires(Surface.RECONCILIATION, Permission.READ_FINANCE)
    ],
    doors: OpenDoors,
    which: KnownBooks,
    since: Annotated[AskedMonth, Query(alias="from")] = None,
    until: Annotated[AskedMonth, Query(alias="to")] = None,
) -> Reconciliation:
    """Logged spend against what is payable, by provider account and UTC month.

    As known now, or at `known_at`.
    """
    first, last = months_asked(since, until)
    async with doors.reading_as(caller) as warehouse:
        books = await which.opened(warehouse)
        return Reconciliation(
            workspace=card_of(caller),
            as_of=books.as_of,
            items=await books.ask(
                warehouse,
                InvoiceReconciliation,
                since=first,
                until=month_of(last).until,
            ),
        )


@router.put(
    "/reconciliation/{provider}/{month}",
    response_model=InvoiceReconciliation,
    responses={202: {"model": KeptTotal}},
)
async def enter_total(
    caller: Annotated[
        Caller, requires(Surface.RECONCILIATION, Permission.DECIDE_FINANCE)
    ],
    doors: OpenDoors,
    provider: Name,
    month: Month,
    entered: EnteredTotal,
) -> InvoiceReconciliation | JSONResponse:
    """Enter what a provider billed for a month; an earlier entry is kept, superseded.

    Answers with the reconciled row once the rebuild has published it; with 202 when
    that takes longer than anybody waits for a page.
    """
    first = first_of(month)
    change_id = await _enter(doors, caller, provider, first, entered)
    if not await published(doors, caller, change_id):
        return _kept()
    async with doors.reading_as(caller) as warehouse:
        rows = await ask(warehouse, InvoiceReconciliation, since=first, until=first)
    shown = daemon_name(provider)
    for row in rows:
        if row.provider == shown and row.account == entered.account:
            return row
    return _kept()


def _kept() -> JSONResponse:
    return JSONResponse(KeptTotal().model_dump(), status_code=202)


async def _enter(
    doors: Doors, caller: Caller, provider: str, month: date, entered: EnteredTotal
) -> int:
    decimals = len(entered.amount_usd.partition(".")[2])
    amount = pico_from_usd(entered.amount_usd)
    key = {
        "workspace_id": caller.workspace_id,
        "provider": catalogue_name(provider),
        "account": entered.account,
        "month": month,
    }
    async with doors.deciding_as(caller) as warehouse:
        await warehouse.execute(
            """
            update raw.billing_documents set superseded_at = now()
            where
                provider = %(provider)s
                and account = %(account)s
                and period_month = %(month)s
                and kind = 'entered_total'
                and superseded_at is null
            """,
            key,
        )
        made = await warehouse.execute(
            """
            with document as (
                insert into raw.billing_documents (
                    workspace_id, provider, account, kind, period_month,
                    invoice_id, entered_by
                )
                values (
                    %(workspace_id)s, %(provider)s, %(account)s, 'entered_total',
                    %(month)s, %(invoice_id)s, %(entered_by)s
                )
                returning document_id, change_id
            ),

            line as (
                insert into raw.billing_lines (
                    workspace_id, document_id, line_number, amount_pico, rounding_pico,
                    description
                )
                select
                    %(workspace_id)s, document_id, 1, %(amount)s, %(rounding)s,
                    'total of the period, entered by hand'
                from document
            )

            select change_id from document
            """,
            {
                **key,
                "invoice_id": entered.invoice_id,
                "entered_by": caller.user_id,
                "amount": amount,
                "rounding": PICO_PER_USD // (2 * 10**decimals),
            },
        )
        row = await made.fetchone()
    return int(row["change_id"]) if row else 0


async def published(doors: Doors, caller: Caller, change_id: int) -> bool:
    """Wait for a cycle to publish a change; False after as long as a page waits."""
    deadline = time.monotonic() + PUBLISHED_WITHIN_SECONDS
    while not await _is_published(doors, caller, change_id):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.2)
    return True


async def _is_published(doors: Doors, caller: Caller, change_id: int) -> bool:
    """Say whether a cycle has published an entry of the ledger."""
    async with doors.reading_as(caller) as warehouse:
        found = await warehouse.execute(
            "select published_at from raw.changes where change_id = %s", [change_id]
        )
        row = await found.fetchone()
    return row is not None and row["published_at"] is not None


def months_asked(since: str | None, until: str | None) -> tuple[date, date]:
    """Return the first days of the months asked for; of the last 13 when unsaid."""
    last = first_of(until) if until else today().replace(day=1)
    first = first_of(since) if since else months_before(last, MONTHS - 1)
    if first > last:
        raise Malformed("`from` lies after `to`.")
    return first, last
