"""Can the figures be trusted, and how are they made?"""

import gzip
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse

from api.cloud.asking import ask, card_of, published_at
from api.cloud.callers import belongs, permits
from api.cloud.made import lineage
from api.cloud.sessions import OpenDoors
from api.questions import question_named
from models.answers.health import (
    Arrival,
    DataHealth,
    ExpectationHeld,
    HeldTo,
    HowMade,
    LastBuild,
    MartSize,
    Outcome,
    QualityFinding,
    RecentQuality,
    Source,
    Step,
)
from models.answers.workspace import Period
from models.lineage import HeldBy
from models.plans import Permission
from models.quality import expectations
from models.refusals import NotThere
from models.tenancy import Caller
from warehouse.doors import Warehouse

router = APIRouter(prefix="/v1/workspaces/{slug}", tags=["data health"])

RECENT = timedelta(days=29)
# The page is one file whose script is known by its hash. In a sandbox it is a stranger
# to this host: no cookie, no API, no other page.
DOCUMENTATION = (
    "sandbox allow-scripts; default-src 'none'; script-src {scripts}; "
    "style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.get("/data-health")
async def data_health(
    caller: Annotated[Caller, permits(Permission.READ_USAGE)], doors: OpenDoors
) -> DataHealth:
    """Freshness, expectations and tests as last looked at, and what is not priced."""
    today = datetime.now(UTC).date()
    period = Period(since=today - RECENT, until=today)
    async with doors.reading_as(caller) as warehouse:
        build = await _last_build(warehouse)
        (recent,) = await ask(
            warehouse, RecentQuality, since=period.since, until=period.until
        )
        went = await _went(warehouse)
        held = {
            by.test: by for model in lineage().models.values() for by in model.held_by
        }
        tests = [_held_to(by, went) for by in held.values()]
        return DataHealth(
            workspace=card_of(caller),
            as_of=await published_at(warehouse),
            period=period,
            last_build=build,
            recent=recent,
            sources=[_source(each) for each in await ask(warehouse, Arrival)],
            expectations=_held(await ask(warehouse, QualityFinding), build),
            test_counts=dict(Counter(each.status for each in tests if each.status)),
            failing_tests=[each for each in tests if each.status in {"fail", "error"}],
            marts=await ask(warehouse, MartSize),
        )


@router.get("/how/{question}")
async def how_made(
    caller: Annotated[Caller, belongs()],
    doors: OpenDoors,
    question: Annotated[str, Path(pattern=r"^[a-z_]{1,60}$")],
) -> HowMade:
    """The SQL of a question, the models and raw tables behind it, and their tests."""
    known = lineage()
    if question not in known.questions:
        raise NotThere("No question goes by that name.")
    async with doors.reading_as(caller) as warehouse:
        went = await _went(warehouse)
        sizes = {each.mart: each.row_count for each in await ask(warehouse, MartSize)}
        return HowMade(
            workspace=card_of(caller),
            question=question,
            asked_by=known.questions[question].asked_by,
            sql=question_named(question),
            last_build=await _last_build(warehouse),
            steps=[
                _step(name, sizes.get(name), went) for name in known.behind(question)
            ],
        )


@router.get("/data-health/documentation", response_class=HTMLResponse)
async def documentation(
    caller: Annotated[Caller, permits(Permission.EDIT_WORKSPACE)], doors: OpenDoors
) -> HTMLResponse:
    """Every model, column, test and exposure, as dbt writes them up: one page."""
    async with doors.reading_as(caller) as warehouse:
        found = await warehouse.execute(
            "select page, script_hashes from raw.documentation"
            " order by made_at desc limit 1"
        )
        row = await found.fetchone()
    if row is None:
        raise NotThere("The documentation has not been made yet; `hmc docs` makes it.")
    scripts = " ".join(f"'{each}'" for each in row["script_hashes"])
    policy = DOCUMENTATION.format(scripts=scripts)
    return HTMLResponse(
        gzip.decompress(row["page"]), headers={"content-security-policy": policy}
    )


async def _last_build(warehouse: Warehouse) -> LastBuild | None:
    return next(iter(await ask(warehouse, LastBuild)), None)


async def _went(warehouse: Warehouse) -> dict[str, Outcome]:
    return {each.test: each for each in await ask(warehouse, Outcome)}


def _held_to(by: HeldBy, went: dict[str, Outcome]) -> HeldTo:
    last = went.get(by.test)
    return HeldTo(
        **by.model_dump(),
        status=last.status if last else None,
        tested_at=last.tested_at if last else None,
    )


def _source(arrival: Arrival) -> Source:
    known = lineage().sources[arrival.source]
    stale_after = known.stale_after or timedelta.max
    is_stale = (
        arrival.newest_at is None or datetime.now(UTC) - arrival.newest_at > stale_after
    )
    return Source(
        **arrival.model_dump(),
        description=known.description,
        stale_after_hours=stale_after // timedelta(hours=1),
        is_stale=is_stale,
    )


def _held(
    findings: list[QualityFinding], build: LastBuild | None
) -> list[ExpectationHeld]:
    """Put findings to what was expected; nothing is met that nobody looked at."""
    has_looked = build is not None and build.looked_at is not None
    held: list[ExpectationHeld] = []
    for each in expectations():
        of_it = [one for one in findings if one.expectation == each.name]
        is_met = all(one.resolved_at is not None for one in of_it)
        held.append(
            ExpectationHeld(
                name=each.name,
                says=each.says,
                unit=each.unit,
                is_met=is_met if has_looked else None,
                findings=of_it,
            )
        )
    return held


def _step(name: str, row_count: int | None, went: dict[str, Outcome]) -> Step:
    model = lineage().models.get(name)
    if model is None:
        return Step(
            name=name,
            layer="raw",
            description=lineage().sources[name].description,
            reads=[],
            row_count=None,
            held_to=[],
        )
    return Step(
        name=name,
        layer=model.layer,
        description=model.description,
        reads=model.reads,
        row_count=row_count,
        held_to=[_held_to(by, went) for by in model.held_by],
    )
