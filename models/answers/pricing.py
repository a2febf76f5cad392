"""Prices as they are believed, and models that have none."""

from datetime import datetime
from typing import Annotated

from models.answers.money import money, rate
from models.answers.workspace import WorkspaceCard
from models.money import Pico, UsdPerMtok
from models.tenancy import Frozen


class PricingRate(Frozen):
    """A price over [valid_from, valid_to), and for how long it was believed.

    A request whose prompt exceeds `prompt_tokens_above` is priced whole at this row;
    `is_own` is the workspace's own price, which wins over the catalogue's.
    """

    rate_id: int
    is_own: bool
    provider: str
    model: str
    prompt_tokens_above: int
    input: Annotated[UsdPerMtok, rate("input")]
    output: Annotated[UsdPerMtok, rate("output")]
    thinking: Annotated[UsdPerMtok, rate("thinking")]
    cache_read: Annotated[UsdPerMtok, rate("cache_read")]
    cache_write: Annotated[UsdPerMtok, rate("cache_write")]
    valid_from: datetime
    valid_to: datetime | None
    known_from: datetime
    known_to: datetime | None
    source: str
    source_version: str


class PricingRates(Frozen):
    """Prices as they were known at a moment."""

    workspace: WorkspaceCard
    known_at: datetime
    items: list[PricingRate]


class UnpricedModel(Frozen):
    """A model without a rate, and what that leaves out of the money of one basis.

    The exposure is what its tokens would cost at the cheapest and at the dearest model
    of the same provider, at today's base prices; null where the provider has none.
    """

    billing_basis: str
    provider: str
    model: str
    request_count: int
    unpriced_tokens: int
    first_requested_at: datetime
    last_requested_at: datetime
    cheapest_sibling: str | None
    cheapest: Annotated[Pico | None, money("cheapest")]
    dearest_sibling: str | None
    dearest: Annotated[Pico | None, money("dearest")]


class UnpricedModels(Frozen):
    """Every model of the workspace that has requests without a rate, dearest first."""

    workspace: WorkspaceCard
    as_of: datetime | None
    items: list[UnpricedModel]
