"""Routes called without a server between, some thousands a minute."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from hmc.server import create_app

CHANGING = {"POST", "PUT", "PATCH", "DELETE"}


@asynccontextmanager
async def serving() -> AsyncIterator[FastAPI]:
    """The whole application, started and stopped as a server does."""
    app = create_app()
    async with app.router.lifespan_context(app):
        yield app


class Filled(dict[str, str]):
    """What a path may name; an id that is not given is nobody's."""

    def __missing__(self, name: str) -> str:
        return "00000000-0000-4000-8000-000000000000"


def path_of(route: str, slug: str, **ids: str) -> str:
    """Fill a route's path in: with these ids, and with what every route may need."""
    known = {
        "slug": slug,
        "code": "0000-0000",
        "provider": "anthropic",
        "month": "2026-01",
        "question": "usage_day",
        "rate_id": "1",
    }
    return route.partition(" ")[2].format_map(Filled(known | ids))


async def call(
    app: FastAPI, method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> tuple[int, bytes]:
    """Send one request; return the status and the body of its answer."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [
            (name.encode(), value.encode())
            for name, value in ({"host": "127.0.0.1:8000"} | headers).items()
        ],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8_000),
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)  # type: ignore[arg-type]
    return sent[0]["status"], b"".join(part.get("body", b"") for part in sent[1:])
