"""Which books a figure was read from: of which calendar, and as known when."""

from datetime import datetime
from typing import Literal

from models.tenancy import Frozen

Calendar = Literal["utc", "reporting"]


class Book(Frozen):
    """The cycle published last by a moment, when, and the zone reported in."""

    cycle_id: int
    published_at: datetime
    time_zone: str


class Decided(Frozen):
    """When people decided last on what shows at once, and since when all is kept.

    `remembered_from` is null where nothing of it has been let go of.
    """

    decided_at: datetime | None
    remembered_from: datetime | None
