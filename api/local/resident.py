"""The laptop that a running loopback API keeps open between requests.

It is opened anew as soon as the file is no longer what it was, and before that nothing
is answered. One request asks at a time: DuckDB puts every core to each question.
"""

from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from threading import Lock
from typing import Annotated

from fastapi import Depends, Request

from api.local.laptop import Laptop, opened
from api.local.wal import fingerprint, is_settled


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

    def close(self) -> None:
        """Close the file."""
        with self._turn:
            self._open.close()


def _reading(request: Request) -> Generator[Laptop]:
    resident: Resident = request.app.state.resident
    yield from resident.reading()


Reading = Annotated[Laptop, Depends(_reading)]
