"""Serves the loopback API and its pages in this process, to this machine alone."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from hmc.running import refuse_taken_port

if TYPE_CHECKING:
    from fastapi import FastAPI

HOST = "127.0.0.1"


def serve(db: Path | None, port: int, page_port: int) -> None:
    """Serve until SIGINT or SIGTERM; a Trouble says why it cannot start."""
    import uvicorn

    from api.local.daemon_file import columns_of, daemon_file
    from api.local.loopback import create_app
    from web.laptop.pages import create_pages

    for each in (port, page_port):
        refuse_taken_port(HOST, each)
    file = daemon_file(db)
    columns_of(file)
    with _in_background(create_pages(page_port, port), page_port):
        sys.stderr.write(
            f"\n  This machine's calls  http://localhost:{page_port}"
            f"\n  as JSON               http://{HOST}:{port}"
            f"\n  from                  {file}\n\n"
        )
        sys.stderr.flush()
        uvicorn.run(create_app(file, port, page_port), **_quietly(port))


@contextmanager
def _in_background(pages: "FastAPI", port: int) -> Generator[None]:
    """Serve pages from a thread: signals go to the API, and end both."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(pages, **_quietly(port)))
    thread = Thread(target=server.run)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _quietly(port: int) -> dict[str, Any]:
    return {
        "host": HOST,
        "port": port,
        "log_level": "warning",
        "access_log": False,
        "server_header": False,
    }
