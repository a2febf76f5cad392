"""How a refusal becomes an answer, with the headers that every answer carries."""

import logging
from typing import Any

import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg_pool import PoolTimeout, TooManyRequests
from starlette.exceptions import HTTPException

from models.refusals import Refusal, Unavailable
from models.trouble import Trouble
from warehouse.cluster import unreachable
from warehouse.settings import settings

log = logging.getLogger("hmc.server")

# What the framework refuses by itself, in our words.
NAMES = {
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    422: "malformed",
}
MOST_PROBLEMS = 10
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "x-frame-options": "DENY",
    # The pages say what they need; an answer of the API needs nothing.
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
HTTPS_ONLY = {"strict-transport-security": "max-age=31536000; includeSubDomains"}


def refuse_openly(app: FastAPI) -> None:
    """Have every refusal and every fault answered as one JSON object."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    for unavailable in (psycopg.Error, PoolTimeout, TooManyRequests, Trouble):
        app.add_exception_handler(unavailable, _unavailable)
    app.add_exception_handler(Exception, _failed)


def safe_headers() -> dict[str, str]:
    """Return what every answer carries, unless it says otherwise itself."""
    is_https = settings().public_url.startswith("https:")
    return HEADERS | (HTTPS_ONLY if is_https else {})


def _body(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    return body | {"request_id": getattr(request.state, "request_id", None)}


async def _refused(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)  # noqa: S101  registered for it
    body = refusal.body()
    if refusal.error != "tier_locked":  # those four keys and no other
        body = _body(request, body)
    headers: dict[str, str] = {}
    if refusal.retry_after is not None:
        headers["retry-after"] = str(refusal.retry_after)
    if refusal.location is not None:
        headers["location"] = refusal.location
    return JSONResponse(body, refusal.status, headers)


async def _malformed(request: Request, failure: Exception) -> Response:
    """Say what cannot be read; `fields` says it of each, for a form to show there."""
    assert isinstance(failure, RequestValidationError)  # noqa: S101
    problems = [
        (
            _sayable(".".join(str(part) for part in error["loc"][1:])),
            _sayable(error["msg"].removeprefix("Value error, ")),
        )
        for error in failure.errors()[:MOST_PROBLEMS]
    ]
    body = {
        "message": "; ".join(f"{of}: {what}".lstrip(": ") for of, what in problems),
        "error": "malformed",
        "fields": {of: what for of, what in problems if of},
    }
    return JSONResponse(_body(request, body), 422)


def _sayable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


async def _http(request: Request, failure: Exception) -> Response:
    assert isinstance(failure, HTTPException)  # noqa: S101
    status = failure.status_code
    if status == 400:  # noqa: PLR2004  the framework's word for a body it cannot read
        status = 422
    body = {"message": str(failure.detail), "error": NAMES.get(status, "refused")}
    return JSONResponse(_body(request, body), status, failure.headers)


async def _failed(request: Request, failure: Exception) -> Response:
    """Say nothing of what went wrong inside; the log has it under the request's id."""
    request_id = getattr(request.state, "request_id", None)
    log.error("%s failed: %s", request_id, type(failure).__name__)
    body = {"message": "Something failed on our side.", "error": "failed"}
    return JSONResponse(_body(request, body), 500, safe_headers())


async def _unavailable(request: Request, failure: Exception) -> Response:
    log.error("%s: %s", type(failure).__name__, unreachable(failure))
    return await _refused(request, Unavailable())
