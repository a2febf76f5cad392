"""A server that says it is leaving before it leaves.

On SIGTERM `/readyz` goes red and everything is still answered for a while, so that a
balancer looks elsewhere first. SIGINT is somebody at a terminal, who does not wait.
"""

import signal
from threading import Timer
from types import FrameType

from fastapi import FastAPI
from uvicorn import Config, Server

from warehouse.settings import settings


class LeavingServer(Server):
    """uvicorn's server, with readiness ahead of it."""

    def __init__(self, app: FastAPI, config: Config) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop being ready; then stop, at once or when balancers have seen it."""
        is_first = not self._app.state.is_stopping
        self._app.state.is_stopping = True
        if sig == signal.SIGTERM and is_first:
            leaving = Timer(settings().drain_seconds, super().handle_exit, (sig, frame))
            leaving.daemon = True
            leaving.start()
        else:
            super().handle_exit(sig, frame)
