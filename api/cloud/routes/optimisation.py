"""What should I change, and what is it worth?"""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, StringConstraints

from api.cloud.asking import ask, card_of, published_at
from api.cloud.callers import permits, requires
from api.cloud.periods import Asked, today
from api.cloud.routes.overview import IMPUTED, SPEND
from api.cloud.sessions import OpenDoors
from models.answers.optimisation import (
    Dismissal,
    ExplainedFinding,
    Finding,
    FindingRequest,
    FindingRequests,
    IdleSubscription,
    Optimisation,
)
from models.plans import Permission, Surface
from models.refusals import NotThere
from models.tenancy import Caller
from warehouse.doors import Warehouse

router = APIRouter(prefix="/v1/workspaces/{slug}/optimisation", tags=["optimisation"])

Reader = Annotated[Caller, requires(Surface.OPTIMISATION, Permission.READ_USAGE)]
Editor = Annotated[Caller, permits(Permission.EDIT_PROJECTS)]
FindingId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
IDLE_AFTER_DAYS = 14
DISMISSAL = "finding_id, reason, dismissed_by, dismissed_at"
HOW = {
    "cheaper_sibling": (
        "The same tokens at today's base price of the next model down of this provider"
        " that this workspace uses, where no token was bought cheaper than that."
        " Whether it answers as well is not judged."
    ),
    "cache_never_read": (
        "What writing to the cache cost above plain input, where the same machine,"
        " project and model have read nothing from it within the hour."
    ),
    "repeated_prompt": (
        "The whole cost of a prompt that the same model had answered earlier that UTC"
        " day, told by its hash: a cache would have served it."
    ),
    "failed_call": "The whole cost of calls that failed and were charged all the same.",
    "retried_call": (
        "The whole cost of failed calls whose prompt was sent again within ten minutes:"
        " the answer was paid for twice."
    ),
    "long_context_surcharge": (
        "What the long-context price added to the base price in force when the call"
        " was made."
    ),
}


class Dismissed(BaseModel):
    """Why a finding is put aside."""

    model_config = ConfigDict(frozen=True)

    reason: Annotated[
        str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00]+$")
    ]


@router.get("")
async def optimisation(caller: Reader, asked: Asked, doors: OpenDoors) -> Optimisation:
    """What could have cost less, dearest first. Savings overlap: never add them."""
    period = asked.clamped(Surface.OPTIMISATION, caller)
    between = {"since": period.since, "until": period.until}
    async with doors.reading_as(caller) as warehouse:
        found = await ask(warehouse, Finding, **between)
        put_aside = await _dismissals(warehouse)
        explained = [
            ExplainedFinding(
                **finding.model_dump(),
                how=HOW[finding.reason],
                dismissal=put_aside.get(finding.finding_id),
            )
            for finding in found
        ]
        return Optimisation(
            workspace=card_of(caller),
            as_of=await published_at(warehouse),
            period=period,
            findings=[each for each in explained if each.billing_basis == SPEND],
            imputed=[each for each in explained if each.billing_basis == IMPUTED],
            idle_subscriptions=await ask(
                warehouse,
                IdleSubscription,
                **between,
                quiet_since=today() - timedelta(days=IDLE_AFTER_DAYS),
            ),
            idle_after_days=IDLE_AFTER_DAYS,
        )


@router.get("/{finding_id}/requests")
async def finding_requests(
    caller: Reader,
    asked: Asked,
    doors: OpenDoors,
    finding_id: FindingId,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> FindingRequests:
    """The requests behind a finding, by what each would have saved."""
    period = asked.clamped(Surface.OPTIMISATION, caller)
    async with doors.reading_as(caller) as warehouse:
        return FindingRequests(
            workspace=card_of(caller),
            as_of=await published_at(warehouse),
            period=period,
            finding_id=finding_id,
            items=await ask(
                warehouse,
                FindingRequest,
                finding_id=finding_id,
                since=period.since,
                until=period.until,
                limit=limit,
            ),
        )


@router.put("/{finding_id}/dismissal")
async def dismiss(
    caller: Editor, doors: OpenDoors, finding_id: FindingId, dismissed: Dismissed
) -> Dismissal:
    """Put a finding aside, saying why; it stays in the answer, marked."""
    async with doors.deciding_as(caller) as warehouse:
        made = await warehouse.execute(
            f"""
            insert into app.finding_dismissals (
                workspace_id, finding_id, reason, dismissed_by
            )
            values (%s, %s, %s, %s)
            on conflict (workspace_id, finding_id) do update set
                reason = excluded.reason,
                dismissed_by = excluded.dismissed_by,
                dismissed_at = now()
            returning {DISMISSAL}
            """,
            [caller.workspace_id, finding_id, dismissed.reason, caller.user_id],
        )
        return Dismissal.model_validate(await made.fetchone())


@router.delete("/{finding_id}/dismissal", status_code=204)
async def take_up_again(
    caller: Editor, doors: OpenDoors, finding_id: FindingId
) -> None:
    """Take a finding up again."""
    async with doors.deciding_as(caller) as warehouse:
        gone = await warehouse.execute(
            "delete from app.finding_dismissals where finding_id = %s", [finding_id]
        )
        if not gone.rowcount:
            raise NotThere("Nobody put that finding aside.")


async def _dismissals(warehouse: Warehouse) -> dict[str, Dismissal]:
    found = await warehouse.execute(f"select {DISMISSAL} from app.finding_dismissals")
    rows: list[dict[str, Any]] = await found.fetchall()
    return {row["finding_id"]: Dismissal.model_validate(row) for row in rows}
