"""Prices that an operator states, for all workspaces or one, and looks at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from models.money import HIGHEST_RATE, MICRO_PER_USD, micro_from_usd, usd_text
from models.providers import catalogue_name
from models.trouble import Trouble

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
SOURCE = "operator"


@dataclass(frozen=True)
class Price:
    """One price, in microdollars per million tokens, and how long it was believed."""

    rate_id: int
    workspace: str | None
    prompt_tokens_above: int
    rates: list[int]
    valid_from: datetime
    valid_to: datetime | None
    known_from: datetime
    known_to: datetime | None
    source: str
    source_version: str

    def as_line(self) -> str:
        """Write it as a person reads it."""
        usd = " ".join(usd_text(rate * MICRO_PER_USD) for rate in self.rates)
        until = f"{self.valid_to:%Y-%m-%d}" if self.valid_to else "…"
        belief = f", until {self.known_to:%Y-%m-%d %H:%M}" if self.known_to else ""
        return (
            f"{self.rate_id:>8}  {self.valid_from:%Y-%m-%d} to {until}"
            f"  above {self.prompt_tokens_above}  {usd}"
            f"  {self.workspace or 'all'}  {self.source} {self.source_version}"
            f" (known from {self.known_from:%Y-%m-%d %H:%M}{belief})"
        )


@dataclass(frozen=True)
class Unpriced:
    """A model without a rate."""

    provider: str
    model: str
    workspace_count: int
    request_count: int
    first_date: date


def state_price(
    owner: Connection[Any],
    of: tuple[str, str, int],
    usd: Sequence[str | None],
    valid: tuple[datetime | None, datetime | None],
    workspace: str | None,
) -> int:
    """State a price of (provider, model, prompt tokens above); return its id.

    `usd` is per million tokens of input, output, thinking, cache reads and writes.
    Raises Trouble where it cannot be read or the workspace is not there.
    """
    entry, output, thinking, cache_read, cache_write = usd
    said = (
        entry,
        output,
        thinking or output,
        cache_read or entry,
        cache_write or entry,
    )
    try:
        rates = [micro_from_usd(text or "") for text in said]
    except ValueError as reason:
        raise Trouble(f"a price {reason}") from None
    if not all(0 <= rate <= HIGHEST_RATE for rate in rates):
        raise Trouble("a price lies between 0 and 1000 dollars per million tokens")
    since, until = (moment.replace(tzinfo=UTC) if moment else None for moment in valid)
    provider, model, above = of
    found = owner.execute(
        """
        select raw.state_rate(
            %s, %s, %s, %s, %s::bigint [], %s, %s, %s, 'stated', null
        )
        """,
        [
            _workspace_id(owner, workspace),
            catalogue_name(provider),
            model,
            above,
            rates,
            since or BEGINNING,
            until,
            SOURCE,
        ],
    ).fetchone()
    return int(found[0]) if found else 0


def withdraw_price(owner: Connection[Any], rate_id: int) -> None:
    """Stop believing a price; Trouble when none with that id is believed."""
    found = owner.execute(
        """
        select raw.withdraw_rate(workspace_id, rate_id, null)
        from raw.pricing_rates where rate_id = %s
        """,
        [rate_id],
    ).fetchone()
    if found != (True,):
        raise Trouble(f"there is no rate {rate_id} to withdraw")


def prices_of(owner: Connection[Any], provider: str, model: str) -> list[Price]:
    """Return every price there is or was of a model, newest belief last."""
    with owner.cursor(row_factory=class_row(Price)) as cursor:
        return cursor.execute(
            """
            select
                pricing_rates.rate_id,
                workspaces.slug as workspace,
                pricing_rates.prompt_tokens_above,
                array[
                    pricing_rates.input_rate, pricing_rates.output_rate,
                    pricing_rates.thinking_rate, pricing_rates.cache_read_rate,
                    pricing_rates.cache_write_rate
                ] as rates,
                pricing_rates.valid_from,
                pricing_rates.valid_to,
                pricing_rates.known_from,
                pricing_rates.known_to,
                pricing_rates.source,
                pricing_rates.source_version
            from raw.pricing_rates
            left join app.workspaces
                on pricing_rates.workspace_id = workspaces.workspace_id
            where pricing_rates.provider = %s and pricing_rates.model = %s
            order by
                pricing_rates.known_from,
                pricing_rates.prompt_tokens_above,
                pricing_rates.valid_from
            """,
            [catalogue_name(provider), model],
        ).fetchall()


def unpriced_models(owner: Connection[Any]) -> list[Unpriced]:
    """Return the models that no rate is known for, most requests first."""
    with owner.cursor(row_factory=class_row(Unpriced)) as cursor:
        return cursor.execute(
            """
            select
                provider,
                model,
                count(distinct workspace_id) as workspace_count,
                sum(missing_rate_count)::bigint as request_count,
                min(usage_date) as first_date
            from marts.fct_usage_days
            where
                calendar = 'utc'
                and grouping_name = 'provider_model'
                and missing_rate_count > 0
            group by provider, model
            order by request_count desc, provider, model
            """
        ).fetchall()


def _workspace_id(owner: Connection[Any], slug: str | None) -> UUID | None:
    if slug is None:
        return None
    found = owner.execute(
        """
        select workspace_id from app.workspaces
        where slug = %s and deleted_at is null
        """,
        [slug],
    ).fetchone()
    if found is None:
        raise Trouble(f"there is no workspace {slug}")
    return found[0]
