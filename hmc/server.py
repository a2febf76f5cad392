"""One process that serves: the daemons' surface, the people's surface, the pages."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI, Request
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse

from api.cloud.routes import (
    allocation,
    api_keys,
    audit,
    budgets,
    closes,
    departments,
    executive,
    explaining,
    founding,
    health,
    invitations,
    machines,
    members,
    optimisation,
    overview,
    pairings,
    people,
    pricing,
    projects,
    reconciliation,
    reports,
    traces,
    webhooks,
    workspaces,
)
from api.cloud.sessions import within_limits
from hmc.answering import Answering
from hmc.describing import describe
from hmc.metrics import metrics
from hmc.refusing import refuse_openly
from hmc.rules import ruled_routes
from hmc.sizes import LimitedBodies
from ingest.daemons import routes as daemons
from ingest.daemons.admission import Admission
from warehouse.doors import Doors
from web.pages import serve_pages

PEOPLE = (
    people,
    overview,
    projects,
    traces,
    reconciliation,
    closes,
    departments,
    allocation,
    budgets,
    optimisation,
    executive,
    reports,
    pricing,
    explaining,
    pairings,
    machines,
    audit,
    health,
    founding,
    workspaces,
    members,
    invitations,
    api_keys,
    webhooks,
)


def create_app() -> FastAPI:
    """Assemble both surfaces and the pages. Nothing is connected before it starts."""
    app = FastAPI(
        title="Halton Meter Cloud",
        version="1",
        lifespan=_doors_open,
        redirect_slashes=False,  # daemons count an empty 3xx as success
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
    )
    app.state.is_stopping = False
    app.include_router(daemons.router)
    for surface in PEOPLE:
        app.include_router(surface.router, dependencies=[Depends(within_limits)])
    app.add_api_route("/healthz", healthz, include_in_schema=False)
    app.add_api_route("/readyz", readyz, include_in_schema=False)
    app.add_api_route("/metrics", metrics, include_in_schema=False)
    serve_pages(app)
    ruled_routes(app)  # raises where one has none
    refuse_openly(app)
    describe(app)
    app.add_middleware(LimitedBodies)
    app.add_middleware(GZipMiddleware, minimum_size=1024)
    app.add_middleware(Answering)
    return app


async def healthz() -> dict[str, str]:
    """Say that the process is up."""
    return {"status": "ok"}


async def readyz(request: Request) -> JSONResponse:
    """Say whether to send people here: Postgres answers, marts are there, we stay."""
    doors: Doors = request.app.state.doors
    if request.app.state.is_stopping:
        return JSONResponse({"status": "stopping"}, 503)
    async with doors.identifying() as warehouse:
        found = await warehouse.execute(
            "select exists (select 1 from raw.cycles where published_at is not null)"
            " as is_built"
        )
        row = await found.fetchone()
    is_built = bool(row and row["is_built"])
    return JSONResponse(
        {"status": "ok" if is_built else "building"}, 200 if is_built else 503
    )


@asynccontextmanager
async def _doors_open(app: FastAPI) -> AsyncGenerator[None]:
    doors = Doors()
    await doors.open()
    app.state.doors = doors
    app.state.admission = Admission()
    try:
        yield
    finally:
        await doors.close()
