"""Who uses it up?"""

from typing import Annotated

from fastapi import APIRouter

from api.cloud.asking import card_of, published_at
from api.cloud.callers import requires
from api.cloud.periods import Asked
from api.cloud.routes.overview import IMPORTED, IMPUTED, SPEND, totals_of, usage_by
from api.cloud.sessions import OpenDoors
from models.answers.spend import Projects
from models.answers.usage import Grouping
from models.plans import Permission, Surface
from models.tenancy import Caller

router = APIRouter(prefix="/v1/workspaces/{slug}", tags=["projects"])


@router.get("/projects")
async def projects(
    caller: Annotated[Caller, requires(Surface.PROJECTS, Permission.READ_USAGE)],
    asked: Asked,
    doors: OpenDoors,
) -> Projects:
    """Usage of every project of the period, dearest first."""
    period = asked.clamped(Surface.PROJECTS, caller)
    async with doors.reading_as(caller) as warehouse:
        totals = await totals_of(warehouse, period)
        return Projects(
            workspace=card_of(caller),
            as_of=await published_at(warehouse),
            period=period,
            total=totals[SPEND],
            imputed=totals[IMPUTED],
            imported=totals[IMPORTED],
            projects=await usage_by(warehouse, Grouping.PROJECT, period),
        )
