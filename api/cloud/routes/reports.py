"""What did one person's machines cost?"""

from collections.abc import Iterable
from typing import Annotated, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict

from api.cloud.asking import card_of
from api.cloud.books import DecidedBooks
from api.cloud.callers import Gate, requires
from api.cloud.exports import csv_of
from api.cloud.periods import Asked
from api.cloud.routes.overview import IMPORTED, IMPUTED, SPEND
from api.cloud.sessions import OpenDoors
from models.answers.reports import (
    PersonalSummary,
    PersonalUsage,
    Spent,
    Summarised,
    SummaryLine,
    SummedMachine,
)
from models.plans import Permission, Surface
from models.refusals import NotRemembered, NotThere, refusing
from models.tenancy import Caller
from warehouse.doors import Warehouse

router = APIRouter(prefix="/v1/workspaces/{slug}/reports", tags=["reports"])

# Whose a machine is, and so what somebody else's came to, is for who manages members.
OF_SOMEBODY_ELSE = Gate(permission=Permission.MANAGE_MEMBERS)
Part = TypeVar("Part", bound=Spent)


class AskedSummary(BaseModel):
    """Whose machines, the caller's when unsaid, and in which form."""

    model_config = ConfigDict(frozen=True)

    member: UUID | None = None
    format: Literal["json", "csv"] = "json"


@router.get(
    "/personal-summary",
    response_model=PersonalSummary,
    responses=refusing(NotRemembered)
    | {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def personal_summary(
    caller: Annotated[Caller, requires(Surface.REPORTS, Permission.MAKE_REPORTS)],
    asked: Asked,
    which: DecidedBooks,
    doors: OpenDoors,
    what: Annotated[AskedSummary, Query()],
) -> PersonalSummary | Response:
    """Usage of the caller's machines, or of a member's, while they were theirs.

    As known now, or at `known_at`; as CSV a line per project and model. Somebody
    else's is for those who manage members.
    """
    whose = what.member or caller.user_id
    if whose != caller.user_id:
        OF_SOMEBODY_ELSE.passed(caller)
    async with doors.reading_as(caller) as warehouse:
        books = await which.opened(warehouse)
        period = asked.clamped(Surface.REPORTS, caller, books.today)
        person = await _summarised(warehouse, whose)
        rows = await books.ask(
            warehouse,
            PersonalUsage,
            user_id=person.user_id,
            since=period.since,
            until=period.until,
        )
    summary = PersonalSummary(
        workspace=card_of(caller),
        as_of=books.as_of,
        period=period,
        person=person,
        total=_total(rows, SPEND),
        imputed=_total(rows, IMPUTED),
        imported=_total(rows, IMPORTED),
        machines=_parts(SummedMachine, rows, "machine"),
        lines=_parts(SummaryLine, rows, "project_model"),
    )
    return _as_file(summary) if what.format == "csv" else summary


def _total(rows: Iterable[PersonalUsage], basis: str) -> Spent:
    """Return the total of a billing basis; nothing there is a true zero."""
    of_all = (row for row in rows if row.grouping_name == "total")
    found = next((row for row in of_all if row.billing_basis == basis), None)
    return _only(Spent, found) if found else Spent()


def _parts(
    part: type[Part], rows: Iterable[PersonalUsage], grouping: str
) -> list[Part]:
    return [_only(part, row) for row in rows if row.grouping_name == grouping]


def _only(part: type[Part], row: PersonalUsage) -> Part:
    return part.model_validate(row.model_dump(include=set(part.model_fields)))


def _as_file(summary: PersonalSummary) -> Response:
    """Write the lines: with those of each billing basis, all that the total holds."""
    lines = [line.model_dump(mode="json", by_alias=True) for line in summary.lines]
    named = [
        *("billing_basis", "project", "provider", "model"),
        *("request_count", "failed_count", "unpriced_count", "unpriced_tokens"),
        *("input_tokens", "output_tokens", "thinking_tokens"),
        *("cached_tokens", "cache_write_tokens", "cost_usd"),
    ]
    period = f"{summary.period.since}-{summary.period.until}"
    return Response(
        csv_of([named, *([line[name] for name in named] for line in lines)]),
        media_type="text/csv; charset=utf-8",
        headers={
            "content-disposition": (
                f'attachment; filename="personal-summary-{period}.csv"'
            )
        },
    )


async def _summarised(warehouse: Warehouse, user_id: UUID) -> Summarised:
    """Find who is here, or had a machine here; NotThere for anybody else."""
    found = await warehouse.execute(
        """
        select
            %(user_id)s::uuid as user_id,
            (select email from app.users where user_id = %(user_id)s) as email
        where
            exists (select 1 from app.members where user_id = %(user_id)s)
            or exists (select 1 from app.machine_owners where user_id = %(user_id)s)
        """,
        {"user_id": user_id},
    )
    row = await found.fetchone()
    if row is None:
        raise NotThere("Nobody of that id is a member here.")
    return Summarised.model_validate(row)
