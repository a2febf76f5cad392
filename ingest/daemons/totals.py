"""What the cloud holds of one machine, for its daemon to compare with its own."""

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, LiteralString, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from models.tenancy import Sender
from warehouse.doors import Warehouse

TOTALS = Path(__file__).with_name("daemon_totals.sql").read_text("utf-8")


def _date_only(text: Any) -> Any:
    # A datetime at midnight would pass for a date, and hide a mistake of zone.
    if isinstance(text, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError("must be a date, YYYY-MM-DD")
    return text


Day = Annotated[date, BeforeValidator(_date_only)]


class ProjectDayTotal(BaseModel):
    """Sums over a project's calls that were recorded on one day, UTC."""

    model_config = ConfigDict(frozen=True)

    project: str | None
    date: date
    request_count: int
    prompt_tokens: int = Field(description="Input, cache reads and cache writes.")
    completion_tokens: int = Field(description="Output and thinking.")
    cost_usd_minor_units: int = Field(
        description="What the daemon submitted, in millicents; unset counts as nothing."
    )


class DaemonTotals(BaseModel):
    """One row per project and day that has calls."""

    model_config = ConfigDict(frozen=True)

    rows: list[ProjectDayTotal]


async def totals_of(
    warehouse: Warehouse, machine: Sender, from_date: date, to_date: date
) -> DaemonTotals:
    """Sum a machine's landed calls by project and day, both days included."""
    found = await warehouse.execute(
        cast("LiteralString", TOTALS),
        {
            "machine_id": machine.machine_id,
            "from_date": from_date,
            "to_date": to_date,
        },
    )
    return DaemonTotals(
        rows=[ProjectDayTotal.model_validate(row) for row in await found.fetchall()]
    )
