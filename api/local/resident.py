"""The laptop that a running loopback API keeps open between requests.

It is opened anew as soon as the file is no longer what it was, and before that nothing
is answered. One request asks at a time: DuckDB puts every core to each question.
"""

from collections.abc import Generator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from threading import Lock, Thread
from typing import Annotated

from fastapi import Depends, Request

from api.local.laptop import Laptop, opened
from api.local.wal import fingerprint, is_settled
from models.trouble import Trouble

PATIENCE_SECONDS = 1


class Resident:
    """A file that is open while somebody asks, and between."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._turn = Lock()
        self._open = ExitStack()
        self._laptop: Laptop | None = None
        self._as_of, self._is_sure = b"", False

    def reading(self) -> Generator[Laptop]:
        """Hand the laptop out, as the file is now."""
        with self._turn:
            now = fingerprint(self._file)
            if self._laptop is None or now != self._as_of or not self._is_sure:
                self._open.close()
                self._laptop = None
                self._as_of, self._is_sure = now, is_settled(self._file)
                self._laptop = self._open.enter_context(opened(self._file))
            yield self._laptop

    def read_ahead(self) -> None:
        """Start to read, so that the first who asks waits the less.

        What is wrong with the file is told to who asks.
        """

        def read() -> None:
            with suppress(Trouble), closing(self.reading()) as reading:
                next(reading)

        Thread(target=read, daemon=True).start()

    def close(self) -> None:
        """Close the file, unless somebody is reading it still."""
        if self._turn.acquire(timeout=PATIENCE_SECONDS):
            self._open.close()
            self._turn.release()


def _reading(request: Request) -> Generator[Laptop]:
    resident: Resident = request.app.state.resident
    yield from resident.reading()


Reading = Annotated[Laptop, Depends(_reading)]
