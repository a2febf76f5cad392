"""Ask the warehouse a question and have typed answers."""

from datetime import datetime
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from api.questions import question
from models.answers.workspace import WorkspaceCard
from models.tenancy import Caller
from warehouse.doors import Warehouse

Answer = TypeVar("Answer", bound=BaseModel)


async def ask(
    warehouse: Warehouse, answer: type[Answer], /, **parameters: Any
) -> list[Answer]:
    """Ask the question that is named after the answer; one answer per row.

    What asks for days asks for those of UTC, unless it names a calendar.
    """
    asked = {"calendar": "utc"} | parameters
    rows = await warehouse.execute(cast("Any", question(answer)), asked)
    return [answer.model_validate(row) for row in await rows.fetchall()]


async def published_at(warehouse: Warehouse) -> datetime | None:
    """Say when the figures that this snapshot sees were published."""
    found = await warehouse.execute(
        "select max(published_at) as published_at from raw.cycles"
    )
    row = await found.fetchone()
    return row["published_at"] if row else None


def card_of(caller: Caller) -> WorkspaceCard:
    """Name the workspace that an answer is about."""
    return WorkspaceCard(
        slug=caller.workspace_slug,
        name=caller.workspace_name,
        tier=caller.tier,
        tier_display=caller.tier.display,
    )
