"""What every answer carries, and the one line that the log has of it.

Spoken in ASGI itself: the framework's own wrapper hands a body over piece by piece
through queues, which a batch of 400 KB waits for.
"""

import logging
import time
from uuid import uuid4

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hmc.metrics import count
from hmc.refusing import safe_headers
from warehouse.doors import Origin, origin

log = logging.getLogger("hmc.server")


class Answering:
    """Names each request, and counts and logs what came of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, adding to the answer's headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        request.state.request_id = uuid4().hex[:16]
        address = request.client.host if request.client else "unknown"
        origin.set(Origin(address, request.state.request_id))
        started = time.perf_counter()

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(request, MutableHeaders(scope=message))
                _note(request, address, message["status"], started)
            await send(message)

        await self._app(scope, receive, answered)


def _add_headers(request: Request, headers: MutableHeaders) -> None:
    headers["x-request-id"] = request.state.request_id
    for name, value in safe_headers().items():
        headers.setdefault(name, value)
    if request.url.path.startswith("/v1/"):
        headers.setdefault("cache-control", "no-store")


def _note(request: Request, address: str, status: int, started: float) -> None:
    seconds = time.perf_counter() - started
    count(request, status, seconds)
    log.info(
        "answered",
        extra={
            "said": {
                "request_id": request.state.request_id,
                "method": request.method,
                "route": getattr(request.scope.get("route"), "path", None),
                "status": status,
                "ms": round(seconds * 1000, 1),
                "address": address,
            }
        },
    )
