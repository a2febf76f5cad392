"""The loopback API: reads for the page on this machine, and for nobody else.

A page of another site can make a browser send requests here, or bring its own name to
resolve to 127.0.0.1; neither gets an answer, because Host and Origin are checked.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from api.local import dashboard, pages_api
from api.local.resident import Resident
from models.trouble import Trouble

HEADERS = {
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "vary": "Origin",
    "x-content-type-options": "nosniff",
}
PREFLIGHT_SECONDS = 600


def create_app(file: Path, port: int, page_port: int) -> FastAPI:
    """Assemble the API over a daemon's file, for the page on `page_port`."""
    resident = Resident(file)

    @asynccontextmanager
    async def reading(_app: FastAPI) -> AsyncGenerator[None]:
        resident.read_ahead()
        yield
        resident.close()

    app = FastAPI(
        title="Halton Meter, on this machine",
        lifespan=reading,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.resident = resident
    app.include_router(dashboard.router)
    app.include_router(pages_api.router)
    app.add_exception_handler(Trouble, _unreadable)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.middleware("http")(_only_here(port, page_port))
    return app


def _only_here(
    port: int, page_port: int
) -> Callable[[Request, Callable[[Request], Awaitable[Response]]], Awaitable[Response]]:
    hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
    page = f"http://localhost:{page_port}"

    async def guarded(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        origin = request.headers.get("origin")
        response = refusal(request, origin) or await call_next(request)
        response.headers.update(HEADERS)
        if origin == page:
            response.headers["access-control-allow-origin"] = page
        return response

    def refusal(request: Request, origin: str | None) -> Response | None:
        if request.headers.get("host") not in hosts:
            return _refused(403, "This host name is not served")
        if origin not in {None, page}:
            return _refused(403, "This origin is not served")
        if request.method == "OPTIONS" and origin == page:
            return Response(status_code=204, headers=PREFLIGHT)
        if request.method != "GET":
            return _refused(405, "Only GET is served", {"allow": "GET"})
        return None

    return guarded


PREFLIGHT = {
    "access-control-allow-methods": "GET",
    "access-control-allow-headers": "accept, content-type",
    "access-control-max-age": str(PREFLIGHT_SECONDS),
}


def _refused(
    status: int, detail: str, headers: dict[str, str] | None = None
) -> Response:
    return JSONResponse({"detail": detail}, status, headers)


async def _unreadable(_request: Request, failure: Exception) -> Response:
    return _refused(503, str(failure))


async def _malformed(_request: Request, failure: Exception) -> Response:
    assert isinstance(failure, RequestValidationError)  # noqa: S101  registered for it
    told = [f"{error['loc'][-1]}: {error['msg']}" for error in failure.errors()]
    return _refused(422, "; ".join(told))
