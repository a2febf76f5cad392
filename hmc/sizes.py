"""No body is read past its limit, whether or not its length was said before."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 1024 * 1024
# The daemons' posts are larger and count for themselves.
COUNTED_ELSEWHERE = "/v1/requests/"


class LimitedBodies:
    """Counts what comes in and stops a body that is too large with 413."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, counting."""
        if scope["type"] != "http" or scope["path"].startswith(COUNTED_ELSEWHERE):
            await self._app(scope, receive, send)
            return
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > MOST_BYTES:
                raise HTTPException(413, f"The body is over {MOST_BYTES} bytes.")
            return message

        await self._app(scope, counted, send)
