"""What several tests of a laptop's file look at."""

from typing import Any

import pytest

from api.local import pages, reading


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[pages.Stretch]:
    """Every stretch that is read of the file from now on."""
    seen: list[pages.Stretch] = []
    read = reading.Reader._write

    def noted(self: Any, cursor: Any, stretch: pages.Stretch) -> str:
        seen.append(stretch)
        return read(self, cursor, stretch)

    monkeypatch.setattr(reading.Reader, "_write", noted)
    return seen
