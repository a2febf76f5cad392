"""A price as the catalogue, an operator or a workspace states it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from models.money import HIGHEST_RATE
from models.tenancy import Frozen

RateOfTokens = Annotated[int, Field(ge=0, le=HIGHEST_RATE)]


class Rate(Frozen):
    """Microdollars per million tokens over [valid_from, valid_to), by prompt size.

    A request whose prompt exceeds `prompt_tokens_above` is priced whole at this row.
    """

    provider: str
    model: str
    prompt_tokens_above: Annotated[int, Field(ge=0)] = 0
    input_rate: RateOfTokens
    output_rate: RateOfTokens
    thinking_rate: RateOfTokens
    cache_read_rate: RateOfTokens
    cache_write_rate: RateOfTokens
    valid_from: datetime
    valid_to: datetime | None = None
    workspace_id: UUID | None = None
