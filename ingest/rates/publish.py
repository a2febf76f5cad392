"""Put rates into the warehouse: close the old belief, add the new, say what changed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from models.rates import Rate
from warehouse.cluster import composed

PARTS = (
    "input_rate",
    "output_rate",
    "thinking_rate",
    "cache_read_rate",
    "cache_write_rate",
)
KEY = ("provider", "model", "prompt_tokens_above", "valid_from", "valid_to")

Key = tuple[str, str, int, datetime, datetime | None]


@dataclass(frozen=True)
class RateChange:
    """One rate: new, corrected or withdrawn; `before`, `after` in PARTS' order."""

    kind: str
    provider: str
    model: str
    prompt_tokens_above: int
    valid_from: datetime
    valid_to: datetime | None
    before: tuple[int, ...] | None
    after: tuple[int, ...] | None


def publish_catalogue(
    owner: Connection[Any], rates: list[Rate], source: str, source_version: str
) -> list[RateChange]:
    """Make these the catalogue's rates of this source; return what that changes.

    Rates that stay as they are keep their row. A revision per touched model tells the
    rebuild which hours to price again. Running it twice changes nothing. Where an
    operator has stated a price, it stands until it is withdrawn.
    """
    with owner.transaction():
        owner.execute("lock table raw.pricing_rates in share row exclusive mode")
        believed = {
            _key_of(row): row
            for row in owner.cursor(row_factory=dict_row).execute(
                """
                select * from raw.pricing_rates
                where workspace_id is null and known_to is null and source = %s
                """,
                [source],
            )
        }
        stated = _stated_by_operators(owner, source)
        offered: dict[Key, Rate] = {
            _key_of(rate.model_dump()): rate
            for rate in rates
            if not any(_overlap(rate, other) for other in stated.get(_of(rate), []))
        }
        changes = [*_compare(believed, offered)]
        _close(
            owner,
            [believed[_key(change)]["rate_id"] for change in changes if change.before],
        )
        added = [offered[_key(change)] for change in changes if change.after]
        columns = [*KEY, *PARTS, "source", "source_version"]
        with owner.cursor() as cursor:
            cursor.executemany(
                composed(
                    f"insert into raw.pricing_rates ({', '.join(columns)})"
                    f" values ({', '.join('%s' for _ in columns)})"
                ),
                [
                    (
                        *(getattr(rate, name) for name in (*KEY, *PARTS)),
                        source,
                        source_version,
                    )
                    for rate in added
                ],
            )
        _revise(owner, changes)
    return changes


def _stated_by_operators(
    owner: Connection[Any], source: str
) -> dict[tuple[str, str, int], list[tuple[datetime, datetime | None]]]:
    stated: dict[tuple[str, str, int], list[tuple[datetime, datetime | None]]] = {}
    for provider, model, above, since, until in owner.execute(
        """
        select provider, model, prompt_tokens_above, valid_from, valid_to
        from raw.pricing_rates
        where workspace_id is null and known_to is null and source <> %s
        """,
        [source],
    ):
        stated.setdefault((provider, model, above), []).append((since, until))
    return stated


def _of(rate: Rate) -> tuple[str, str, int]:
    return rate.provider, rate.model, rate.prompt_tokens_above


def _overlap(rate: Rate, stretch: tuple[datetime, datetime | None]) -> bool:
    since, until = stretch
    return (until is None or rate.valid_from < until) and (
        rate.valid_to is None or since < rate.valid_to
    )


def _compare(
    believed: dict[Key, dict[str, Any]], offered: dict[Key, Rate]
) -> list[RateChange]:
    changes: list[RateChange] = []
    for key in sorted({*believed, *offered}, key=str):
        before = (
            tuple(believed[key][part] for part in PARTS) if key in believed else None
        )
        after = (
            tuple(getattr(offered[key], part) for part in PARTS)
            if key in offered
            else None
        )
        if before == after:
            continue
        kind = (
            "new" if before is None else "withdrawn" if after is None else "corrected"
        )
        changes.append(RateChange(kind, *key, before=before, after=after))
    return changes


def _close(owner: Connection[Any], rate_ids: list[int]) -> None:
    owner.execute(
        "update raw.pricing_rates set known_to = now() where rate_id = any(%s)",
        [rate_ids],
    )


def _revise(owner: Connection[Any], changes: list[RateChange]) -> None:
    touched = {
        (change.provider, change.model, change.valid_from, change.valid_to)
        for change in changes
    }
    with owner.cursor() as cursor:
        cursor.executemany(
            """
            insert into raw.changes (kind, cause, provider, model, since, until)
            values ('revision', 'rate', %s, %s, %s, %s)
            """,
            sorted(touched, key=str),
        )


def _key_of(row: dict[str, Any]) -> Key:
    provider, model, above, start, until = (row[name] for name in KEY)
    return provider, model, above, start, until


def _key(change: RateChange) -> Key:
    return (
        change.provider,
        change.model,
        change.prompt_tokens_above,
        change.valid_from,
        change.valid_to,
    )
