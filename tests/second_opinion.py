"""A second opinion on prices: random requests and rates, priced by Polars.

It shares nothing with the warehouse's own pricing: no bands and no SQL, but every rate
held against every request of its model, and of those that apply the most particular.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import polars as pl
import psycopg

from models.money import HIGHEST_RATE, MOST_TOKENS
from tests.factories import rate, workspace

START = datetime(2025, 11, 1, tzinfo=UTC)
DAYS = 400
COUNTS = ("input", "output", "thinking", "cached", "cache_write")
PARTS = (
    "input_rate",
    "output_rate",
    "thinking_rate",
    "cache_read_rate",
    "cache_write_rate",
)


@dataclass(frozen=True)
class Random:
    """Two workspaces, the models that they call, and the seed of everything else."""

    chance: random.Random
    homes: tuple[UUID, UUID]
    models: list[str]
    moments: list[datetime]


def make_random(owner: psycopg.Connection, seed: int, models: int = 12) -> Random:
    """Make up rates that change in time, by prompt size and by workspace."""
    chance = random.Random(seed)  # noqa: S311
    homes = (workspace(owner).workspace_id, workspace(owner).workspace_id)
    made = Random(chance, homes, [f"model-{uuid4().hex}" for _ in range(models)], [])
    for model in made.models[:-1]:  # the last one nobody prices
        for home in (None, *(home for home in homes if chance.random() < 0.4)):
            for above in (0, *chance.sample([1, 128_000, 200_000, 10**9], k=2)):
                _make_rates(owner, made, model, home, above)
    return made


def _make_rates(
    owner: psycopg.Connection, of: Random, model: str, home: UUID | None, above: int
) -> None:
    cuts = sorted(of.chance.sample(range(DAYS * 86_400), k=of.chance.randint(1, 4)))
    moments = [START + timedelta(seconds=cut) for cut in cuts]
    of.moments.extend(moments)
    for since, until in zip(moments, [*moments[1:], None], strict=True):
        if of.chance.random() < 0.2:
            continue  # a gap in which this rate is not known
        price = lambda: of.chance.choice([0, 1, of.chance.randint(0, HIGHEST_RATE)])  # noqa: E731
        rate(
            owner,
            model,
            provider="google",  # which daemons call gemini
            workspace_id=home,
            prompt_tokens_above=above,
            valid_from=since,
            valid_to=until,
            **{part: price() for part in PARTS},
        )


def land_random(owner: psycopg.Connection, of: Random, rows: int) -> None:
    """Land random requests, some of them exactly when a price starts or ends."""
    tokens = f"""
        (array[0, 0, 1, 128000, 200000, 200001, {MOST_TOKENS},
        floor(random() * 300000)])[1 + floor(random() * 8)::int]::int
    """
    with owner.transaction():
        owner.execute("select setseed(%s)", [of.chance.random()])
        owner.execute(
            f"""
            with change as (
                insert into raw.changes (kind, cause, row_count)
                values ('arrival', 'landing', %(rows)s) returning change_id
            )

            insert into raw.requests (
                workspace_id, request_id, machine_id, change_id, received_at,
                requested_at, recorded_at, provider, model, input_tokens,
                output_tokens, thinking_tokens, cached_tokens, cache_write_tokens,
                tokens_complete, status
            )
            select
                (%(homes)s::uuid[])[1 + n %% 2], gen_random_uuid(), gen_random_uuid(),
                change_id, now(),
                case
                    when random() < 0.2 then (%(moments)s::timestamptz[])[
                        1 + floor(random() * cardinality(%(moments)s::timestamptz[]))
                    ] - (n %% 3) * interval '1 microsecond'
                    else %(start)s + random() * {DAYS} * interval '1 day'
                end,
                now(), 'gemini',
                (%(models)s::text[])[
                    1 + floor(random() * cardinality(%(models)s::text[]))
                ],
                {tokens}, {tokens}, {tokens}, {tokens}, {tokens},
                random() < 0.9, 'success'
            from generate_series(1, %(rows)s::bigint) as n cross join change
            """,
            {
                "rows": rows,
                "homes": list(of.homes),
                "moments": of.moments,
                "models": of.models,
                "start": START,
            },
        )


def differences(owner: psycopg.Connection, of: Random) -> tuple[int, pl.DataFrame]:
    """Price every row again; return how many there are and those that differ."""
    landed = _table(
        owner,
        f"""
        select
            workspace_id::text, request_id::text, model, requested_at, tokens_complete,
            {", ".join(f"{count}_tokens::bigint" for count in COUNTS)}
        from raw.requests where model = any(%s)
        """,
        of,
    )
    rates = _table(
        owner,
        f"""
        select
            rate_id, workspace_id::text as rate_workspace_id, model,
            prompt_tokens_above, valid_from, valid_to, {", ".join(PARTS)}
        from raw.pricing_rates where known_to is null and model = any(%s)
        """,
        of,
    )
    published = _table(
        owner,
        """
        select request_id::text, cost_pico as published_pico, rate_id as published_rate
        from marts.fct_priced_requests where model = any(%s)
        """,
        of,
    )
    both = priced(landed, rates).join(published, on="request_id", how="full")
    return landed.height, both.filter(
        pl.col("cost_pico").ne_missing(pl.col("published_pico"))
        | pl.col("rate_id").ne_missing(pl.col("published_rate"))
    )


def priced(landed: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """Return request_id, rate_id and cost_pico of every request."""
    requests = landed.with_columns(
        prompt=pl.sum_horizontal("input_tokens", "cached_tokens", "cache_write_tokens"),
        total=pl.sum_horizontal(*(f"{count}_tokens" for count in COUNTS)),
    )
    applies = (
        requests.lazy()
        .join(rates.lazy(), on="model")
        .filter(
            pl.col("rate_workspace_id").is_null()
            | (pl.col("rate_workspace_id") == pl.col("workspace_id")),
            pl.col("requested_at") >= pl.col("valid_from"),
            pl.col("valid_to").is_null()
            | (pl.col("requested_at") < pl.col("valid_to")),
            (pl.col("prompt_tokens_above") == 0)
            | (pl.col("prompt") > pl.col("prompt_tokens_above")),
        )
        .sort(pl.col("rate_workspace_id").is_null(), -pl.col("prompt_tokens_above"))
        .unique("request_id", keep="first", maintain_order=True)
        .with_columns(
            cost_pico=pl.sum_horizontal(
                pl.col(f"{count}_tokens") * pl.col(part)
                for count, part in zip(COUNTS, PARTS, strict=True)
            )
        )
        .select("request_id", "rate_id", "cost_pico")
        .collect()
    )
    return requests.join(applies, on="request_id", how="left").select(
        "request_id",
        "rate_id",
        cost_pico=pl.when(pl.col("tokens_complete") | (pl.col("total") > 0)).then(
            pl.col("cost_pico")
        ),
    )


def _table(owner: psycopg.Connection, sql: str, of: Random) -> pl.DataFrame:
    found = owner.execute(sql, [of.models])  # type: ignore[arg-type]
    assert found.description is not None
    names = [column.name for column in found.description]
    return pl.DataFrame(
        found.fetchall(), schema=names, orient="row", infer_schema_length=None
    )
