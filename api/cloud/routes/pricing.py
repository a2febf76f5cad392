"""What is a call priced at, and what is not priced?"""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from api.cloud.asking import ask, card_of, published_at
from api.cloud.callers import permits
from api.cloud.sessions import OpenDoors
from models.answers.pricing import (
    PricingRate,
    PricingRates,
    UnpricedModel,
    UnpricedModels,
)
from models.money import HIGHEST_RATE, micro_from_usd
from models.plans import Permission
from models.providers import catalogue_name, daemon_name
from models.refusals import Malformed, NotThere
from models.tenancy import Caller
from warehouse.doors import Warehouse

router = APIRouter(prefix="/v1/workspaces/{slug}/pricing", tags=["pricing"])

RateId = Annotated[int, Path(ge=1, lt=2**63)]
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
STILL_BELIEVED = datetime(9999, 12, 31, tzinfo=UTC)  # on whatever clock Postgres has
MOST_TOKENS_IN_A_PROMPT = 2_000_000_000


def _is_a_rate(text: str) -> str:
    if micro_from_usd(text) > HIGHEST_RATE:
        raise ValueError("is above $1,000 per million tokens: no token costs that")
    return text


Reader = Annotated[Caller, permits(Permission.READ_PRICES)]
Changer = Annotated[Caller, permits(Permission.CHANGE_RATES)]
Name = Annotated[str, StringConstraints(pattern=r"^[^\x00]{1,255}$")]
Usd = Annotated[
    str,
    StringConstraints(pattern=r"^\d{1,4}(\.\d{1,6})?$"),
    AfterValidator(_is_a_rate),
]


class AskedPrices(BaseModel):
    """Which prices: of a provider or model, in force at a moment, as known at one."""

    model_config = ConfigDict(frozen=True)

    provider: Name | None = None
    model: Name | None = None
    valid_at: AwareDatetime | None = None
    known_at: AwareDatetime | None = None
    dated: bool = False


class NewRate(BaseModel):
    """A workspace's own price over [valid_from, valid_to).

    Either in dollars per million tokens (unsaid, thinking is billed as output and the
    cache as input) or `like` another model of the provider.
    """

    model_config = ConfigDict(frozen=True)

    provider: Name
    model: Name
    prompt_tokens_above: Annotated[int, Field(ge=0, le=MOST_TOKENS_IN_A_PROMPT)] = 0
    valid_from: AwareDatetime = BEGINNING
    valid_to: AwareDatetime | None = None
    like: Name | None = None
    input_usd_per_mtok: Usd | None = None
    output_usd_per_mtok: Usd | None = None
    thinking_usd_per_mtok: Usd | None = None
    cache_read_usd_per_mtok: Usd | None = None
    cache_write_usd_per_mtok: Usd | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> "NewRate":
        is_priced = self.input_usd_per_mtok is not None
        if is_priced != (self.output_usd_per_mtok is not None):
            raise ValueError("a price needs both input and output")
        if is_priced == (self.like is not None):
            raise ValueError("say either prices or the model that it is priced like")
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError("`valid_to` lies before `valid_from`")
        return self


@router.get("/rates")
async def rates(
    caller: Reader, doors: OpenDoors, asked: Annotated[AskedPrices, Query()]
) -> PricingRates:
    """Prices in force now, or at `valid_at`; with `dated` every one there was.

    `known_at` shows what this warehouse believed then.
    """
    now = datetime.now(UTC)
    async with doors.reading_as(caller) as warehouse:
        return PricingRates(
            workspace=card_of(caller),
            known_at=asked.known_at or now,
            items=await ask(
                warehouse,
                PricingRate,
                provider=daemon_name(asked.provider) if asked.provider else None,
                model=asked.model,
                known_at=asked.known_at or STILL_BELIEVED,
                valid_at=None if asked.dated else asked.valid_at or now,
            ),
        )


@router.get("/unpriced")
async def unpriced(caller: Reader, doors: OpenDoors) -> UnpricedModels:
    """Models without a rate: how much, since when, and what it may be in money."""
    async with doors.reading_as(caller) as warehouse:
        return UnpricedModels(
            workspace=card_of(caller),
            as_of=await published_at(warehouse),
            items=await ask(warehouse, UnpricedModel),
        )


@router.post("/rates", status_code=201)
async def state_rate(caller: Changer, doors: OpenDoors, new: NewRate) -> PricingRate:
    """Price a model for this workspace; requests it touches are priced again.

    An earlier own price of that stretch is kept as what was believed until now.
    """
    async with doors.deciding_as(caller) as warehouse:
        prices = await _prices_like(warehouse, new) if new.like else _prices_said(new)
        made = await warehouse.execute(
            """
            select raw.state_rate(
                %s, %s, %s, %s, %s::bigint [], %s, %s, 'workspace', %s, %s
            ) as rate_id
            """,
            [
                caller.workspace_id,
                catalogue_name(new.provider),
                new.model,
                new.prompt_tokens_above,
                prices,
                new.valid_from,
                new.valid_to,
                f"like {new.like}" if new.like else "stated",
                caller.user_id,
            ],
        )
        row = await made.fetchone()
        stated = await ask(
            warehouse,
            PricingRate,
            provider=daemon_name(new.provider),
            model=new.model,
            known_at=STILL_BELIEVED,
            valid_at=new.valid_from,
        )
    rate_id = row["rate_id"] if row else None
    return next(rate for rate in stated if rate.rate_id == rate_id)


@router.delete("/rates/{rate_id}", status_code=204)
async def withdraw_rate(caller: Changer, doors: OpenDoors, rate_id: RateId) -> None:
    """Stop believing a price of this workspace; the catalogue's counts again."""
    async with doors.deciding_as(caller) as warehouse:
        done = await warehouse.execute(
            "select raw.withdraw_rate(%s, %s, %s) as is_withdrawn",
            [caller.workspace_id, rate_id, caller.user_id],
        )
        row = await done.fetchone()
    if not row or not row["is_withdrawn"]:
        raise NotThere("No such price of this workspace is in force.")


def _prices_said(new: NewRate) -> list[int]:
    entry, answer = new.input_usd_per_mtok or "", new.output_usd_per_mtok or ""
    return [
        micro_from_usd(usd)
        for usd in (
            entry,
            answer,
            new.thinking_usd_per_mtok or answer,
            new.cache_read_usd_per_mtok or entry,
            new.cache_write_usd_per_mtok or entry,
        )
    ]


async def _prices_like(warehouse: Warehouse, new: NewRate) -> list[int]:
    siblings = await ask(
        warehouse,
        PricingRate,
        provider=daemon_name(new.provider),
        model=new.like,
        known_at=STILL_BELIEVED,
        valid_at=datetime.now(UTC),
    )
    base = [rate for rate in siblings if rate.prompt_tokens_above == 0]
    if not base:
        raise Malformed(f"{new.provider} has no price for a model {new.like}.")
    like = base[0]
    return [like.input, like.output, like.thinking, like.cache_read, like.cache_write]
