"""Who uses it up?"""

from typing import Annotated

from fastapi import APIRouter

from api.cloud.asking import card_of
from api.cloud.books import AnyBooks
from api.cloud.callers import requires
from api.cloud.periods import Asked
from api.cloud.routes.overview import IMPORTED, IMPUTED, SPEND, totals_of, usage_by
from api.cloud.sessions import OpenDoors
from models.answers.spend import Projects
from models.answers.usage import Grouping
from models.plans import Permission, Surface
from models.refusals import NotRemembered, refusing
from models.tenancy import Caller

router = APIRouter(prefix="/v1/workspaces/{slug}", tags=["projects"])


@router.get("/projects", responses=refusing(NotRemembered))
async def projects(
    caller: Annotated[Caller, requires(Surface.PROJECTS, Permission.READ_USAGE)],
    asked: Asked,
    which: AnyBooks,
    doors: OpenDoors,
) -> Projects:
    """Usage of every project of the period, dearest first; calendars as in overview."""
    async with doors.reading_as(caller) as warehouse:
        books = await which.opened(warehouse)
        period = asked.clamped(Surface.PROJECTS, caller, books.today)
        totals = await totals_of(warehouse, period, books)
        return Projects(
            workspace=card_of(caller),
            as_of=books.as_of,
            period=books.named(period),
            total=totals[SPEND],
            imputed=totals[IMPUTED],
            imported=totals[IMPORTED],
            projects=await usage_by(warehouse, Grouping.PROJECT, period, books),
        )
