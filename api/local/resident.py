"""The laptop that a running loopback API keeps open between requests."""

from collections.abc import Generator
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from api.local.laptop import Laptop, opened


def _reading(request: Request) -> Generator[Laptop]:
    file: Path = request.app.state.file
    with opened(file) as laptop:
        yield laptop


Reading = Annotated[Laptop, Depends(_reading)]
