"""The genai-prices catalogue, read as rates: dated, by prompt size, by exact name."""

import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, time
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from models.money import HIGHEST_RATE, MICRO_PER_USD
from models.providers import catalogue_name
from models.rates import Rate

SOURCE = "genai-prices"
PROVIDERS = (
    "anthropic",
    "openai",
    "google",
    "groq",
    "x-ai",
    "mistral",
    "deepseek",
    "cohere",
    "voyageai",
)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class AliasUnknown(ValueError):
    """A line of aliases.toml names a model that the catalogue does not match."""


def catalogue_version() -> str:
    """Return the version of the installed catalogue."""
    return version("genai-prices")


def catalogue_rates() -> list[Rate]:
    """Read every rate that has a price per token, for each name it is served under.

    A model without its own price for cache reads or writes bills them as input, as
    the catalogue itself reckons; thinking bills as output; a model that answers
    nothing (embeddings) has an output rate of 0.
    """
    from genai_prices.data import providers

    aliases = tomllib.loads(Path(__file__).with_name("aliases.toml").read_text("utf-8"))
    rates: dict[tuple[Any, ...], Rate] = {}
    for provider in providers:
        if provider.id not in PROVIDERS:
            continue
        named = aliases.get(provider.id, {})
        for model in provider.models:
            names = {model.id, *_exact_names(model.match), *named.get(model.id, [])}
            for alias in named.get(model.id, []):
                if not model.match.is_match(alias):
                    raise AliasUnknown(f"{provider.id}: {alias} is not {model.id}")
            for name in sorted(names):
                for rate in _rates_of(provider.id, name, model.prices):
                    key = (
                        rate.provider,
                        name,
                        rate.valid_from,
                        rate.prompt_tokens_above,
                    )
                    rates.setdefault(key, rate)
    return list(rates.values())


def _exact_names(clause: Any) -> Iterator[str]:
    if exact := getattr(clause, "equals", None):
        yield exact
    for part in getattr(clause, "or_", []):
        yield from _exact_names(part)


def _rates_of(provider: str, model: str, prices: Any) -> Iterator[Rate]:
    if not isinstance(prices, list):
        yield from _rates_from(provider, model, prices, BEGINNING, None)
        return
    # The last active price counts: each holds until the next one starts.
    started = {_start(price.constraint): price.prices for price in prices}
    starts = sorted(start for start in started if start is not None)
    dated = [(start, started[start]) for start in starts]
    for (start, price), following in zip(dated, [*dated[1:], None], strict=True):
        until = following[0] if following else None
        yield from _rates_from(provider, model, price, start, until)


def _start(constraint: Any) -> datetime | None:
    if constraint is None:
        return BEGINNING
    if start := getattr(constraint, "start_date", None):
        return datetime.combine(start, time(), tzinfo=UTC)
    return None  # a price by time of day: no field of a request decides it


def _rates_from(
    provider: str, model: str, price: Any, start: datetime, until: datetime | None
) -> Iterator[Rate]:
    if price.input_mtok is None:
        return
    thresholds = {0}
    for part in (
        price.input_mtok,
        price.output_mtok,
        price.cache_read_mtok,
        price.cache_write_mtok,
    ):
        thresholds.update(tier.start for tier in getattr(part, "tiers", []))
    for above in sorted(thresholds):
        entry = _at(price.input_mtok, above)
        answer = _at(price.output_mtok, above) if price.output_mtok is not None else 0
        reads = price.cache_read_mtok
        writes = price.cache_write_mtok
        parts: dict[str, int] = {
            "input_rate": entry,
            "output_rate": answer,
            "thinking_rate": answer,
            "cache_read_rate": entry if reads is None else _at(reads, above),
            "cache_write_rate": entry if writes is None else _at(writes, above),
        }
        if max(parts.values()) > HIGHEST_RATE:
            continue  # no token costs that; such a row prices something else
        yield Rate.model_validate(
            {
                "provider": catalogue_name(provider),
                "model": model,
                "prompt_tokens_above": above,
                "valid_from": start,
                "valid_to": until,
                **parts,
            }
        )


def _at(price: Any, prompt_tokens: int) -> int:
    """Microdollars per million tokens, for a prompt just above a threshold."""
    usd = getattr(price, "base", price)
    for tier in getattr(price, "tiers", []):
        if tier.start <= prompt_tokens:
            usd = tier.price
    micro = Decimal(usd) * MICRO_PER_USD
    return int(micro.to_integral_value())
