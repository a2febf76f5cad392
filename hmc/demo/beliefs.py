"""What a daemon believes that a call costs: the figure it submits, in millicents."""

from collections import defaultdict
from datetime import datetime
from functools import cache
from typing import NamedTuple

from hmc.demo.shapes import Machine
from ingest.rates.catalogue import catalogue_rates
from models.money import floor_millicents
from models.providers import catalogue_name
from models.rates import Rate


class Tokens(NamedTuple):
    """The five counts of a call, disjoint."""

    input: int = 0
    output: int = 0
    thinking: int = 0
    cached: int = 0
    cache_write: int = 0

    @property
    def prompt(self) -> int:
        """Everything that went in."""
        return self.input + self.cached + self.cache_write


def submitted_millicents(
    machine: Machine, provider: str, model: str, at: datetime, tokens: Tokens
) -> int | None:
    """Return the cost as this machine's daemon reckons it; None for no known price."""
    priced_as = machine.believes.get(model, model)
    prompt = tokens.prompt if machine.knows_long_context else 0
    if priced_as is None:
        return None
    for rate in _rates().get((catalogue_name(provider), priced_as), ()):
        if (
            (rate.prompt_tokens_above == 0 or prompt > rate.prompt_tokens_above)
            and rate.valid_from <= at
            and (rate.valid_to is None or at < rate.valid_to)
        ):
            return floor_millicents(
                tokens.input * rate.input_rate
                + tokens.output * rate.output_rate
                + tokens.thinking * rate.thinking_rate
                + tokens.cached * rate.cache_read_rate
                + tokens.cache_write * rate.cache_write_rate
            )
    return None


@cache
def _rates() -> dict[tuple[str, str], list[Rate]]:
    """Daemons ship with the same catalogue; the longest prompts come first."""
    rates: defaultdict[tuple[str, str], list[Rate]] = defaultdict(list)
    for rate in catalogue_rates():
        rates[rate.provider, rate.model].append(rate)
    for same in rates.values():
        same.sort(key=lambda rate: -rate.prompt_tokens_above)
    return dict(rates)
