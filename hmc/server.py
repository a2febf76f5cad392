"""One process that serves: the daemons' surface, the people's surface, the pages."""

import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse
from psycopg_pool import PoolTimeout, TooManyRequests
from starlette.exceptions import HTTPException

from api.cloud.routes import (
    departments,
    overview,
    pairings,
    people,
    pricing,
    projects,
    reconciliation,
    traces,
)
from ingest.daemons import routes as daemons
from models.refusals import Refusal
from warehouse.cluster import unreachable
from warehouse.doors import Doors
from web.pages import serve_pages

log = logging.getLogger("hmc.server")

PEOPLE = (
    people,
    overview,
    projects,
    traces,
    reconciliation,
    departments,
    pricing,
    pairings,
)
RETRY_AFTER_SECONDS = 5
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
}


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
    app.include_router(daemons.router)
    for surface in PEOPLE:
        app.include_router(surface.router)
    app.add_api_route("/healthz", healthz, include_in_schema=False)
    app.add_api_route("/readyz", readyz, include_in_schema=False)
    serve_pages(app)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    for unavailable in (psycopg.Error, PoolTimeout, TooManyRequests):
        app.add_exception_handler(unavailable, _unavailable)
    app.add_middleware(GZipMiddleware, minimum_size=1024)
    app.middleware("http")(_answered)
    return app


async def healthz() -> dict[str, str]:
    """Say that the process is up."""
    return {"status": "ok"}


async def readyz(request: Request) -> JSONResponse:
    """Say whether this process can serve: Postgres answers, marts are there."""
    doors: Doors = request.app.state.doors
    if getattr(request.app.state, "is_stopping", False):
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
    try:
        yield
    finally:
        await doors.close()


async def _answered(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    request.state.request_id = uuid4().hex[:16]
    started = time.perf_counter()
    response = await call_next(request)
    response.headers["x-request-id"] = request.state.request_id
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.url.path.startswith("/v1/"):
        response.headers.setdefault("cache-control", "no-store")
    log.info(
        "%s %s %s %.1f ms %s",
        request.method,
        request.url.path,
        response.status_code,
        (time.perf_counter() - started) * 1000,
        request.state.request_id,
    )
    return response


def _body(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    return body | {"request_id": getattr(request.state, "request_id", None)}


async def _refused(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)  # noqa: S101  registered for it
    body = refusal.body()
    if refusal.error != "tier_locked":  # those four keys and no other
        body = _body(request, body)
    headers = {}
    if refusal.retry_after is not None:
        headers["retry-after"] = str(refusal.retry_after)
    return JSONResponse(body, refusal.status, headers)


async def _malformed(request: Request, failure: Exception) -> Response:
    assert isinstance(failure, RequestValidationError)  # noqa: S101
    problems = [
        f"{'.'.join(str(part) for part in error['loc'][1:])}: {error['msg']}".lstrip(
            ": "
        )
        for error in failure.errors()
    ]
    message = "; ".join(problems[:3]).encode("utf-8", "replace").decode()
    return JSONResponse(_body(request, {"message": message, "error": "malformed"}), 422)


async def _http(request: Request, failure: Exception) -> Response:
    assert isinstance(failure, HTTPException)  # noqa: S101
    body = {"message": str(failure.detail), "error": "not_found"}
    if failure.status_code != 404:  # noqa: PLR2004
        body["error"] = str(failure.detail).lower().replace(" ", "_")
    return JSONResponse(_body(request, body), failure.status_code, failure.headers)


async def _unavailable(request: Request, failure: Exception) -> Response:
    log.error("%s: %s", type(failure).__name__, unreachable(failure))
    return JSONResponse(
        _body(
            request,
            {
                "message": "The warehouse is busy; try again soon.",
                "error": "unavailable",
            },
        ),
        503,
        {"retry-after": str(RETRY_AFTER_SECONDS)},
    )
