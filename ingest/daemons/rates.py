"""The rates in force, in the one shape that daemons accept."""

import hashlib
from pathlib import Path
from typing import Literal, LiteralString, cast

from pydantic import BaseModel, ConfigDict, Field

from models.refusals import Unavailable
from warehouse.doors import Warehouse

RATES = Path(__file__).with_name("daemon_rates.sql").read_text("utf-8")


class Closed(BaseModel):
    """A daemon refuses the whole answer for one key that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelRate(Closed):
    """US dollars per million tokens."""

    model: str
    input: float
    output: float
    thinking: float
    cache_read: float
    cache_write: float


class ProviderRates(Closed):
    """The models of each provider that daemons know."""

    anthropic: list[ModelRate]
    google: list[ModelRate]
    groq: list[ModelRate]
    openai: list[ModelRate]
    xai: list[ModelRate]


class DaemonRates(Closed):
    """Every rate in force now. `rates_version` grows whenever something changes."""

    schema_version: Literal[1]
    bundled_rates_date: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    rates_version: int
    currency: Literal["USD"]
    providers: ProviderRates


async def rates_document(warehouse: Warehouse) -> str:
    """Return the document as JSON text: Postgres writes the numbers, exactly.

    Raises Unavailable before any rate is loaded: a daemon keeps its own until then.
    """
    found = await warehouse.execute(cast("LiteralString", RATES))
    row = await found.fetchone()
    if row is None:
        raise Unavailable("No rates are loaded here yet.")
    return row["document"]


def entity_tag(document: str) -> str:
    """Name this content, for a daemon to say that it has it."""
    return f'"{hashlib.sha256(document.encode()).hexdigest()[:32]}"'


def is_current(entity: str, if_none_match: str | None) -> bool:
    """Say whether one of the tags that a daemon has is the one of this content."""
    theirs = {
        tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")
    }
    return bool(theirs & {entity, "*"})
