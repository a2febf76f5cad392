"""What a rebuild costs: of everything, of one minute, of one rate of one month.

    python -m bench.rebuild [--rows 1000000] [--in-day 0] [--calm FILE]

Rows are spread over a year and 200 uneven workspaces, the largest with more than a
quarter of them; `--in-day` adds rows to its current day. They are made in SQL, before
anything is measured. With `--calm`, that file is locked while something is.
"""

import argparse
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

A_MINUTE = 30_000
TO_A_CHANGE = 500
WORKSPACES = 200
TIMES = 21
MODELS = (
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-haiku-4-5"),
    ("openai", "gpt-5"),
    ("openai", "gpt-5-mini"),
    ("gemini", "gemini-2.5-pro"),
    ("gemini", "gemini-2.5-flash"),
    ("openai", "gpt-4o"),
    ("anthropic", "nobody-knows"),
)
RELATION = re.compile(r'"\w+"\."(?:pending|marts)"\."(\w+)"')

MAKE_WORKSPACES = """
insert into app.workspaces (slug, name, tier)
select 'bench-' || n, 'Bench ' || n, 'enterprise'
from generate_series(1, %(workspaces)s) as n
"""
# A change of 500 rows is one workspace's; the n-th gets its share by 1 / n^1.2.
MAKE_ROWS = """
with shares as (
    select
        workspace_id,
        sum(weight) over (order by place) / sum(weight) over () as upper_end
    from (
        select
            workspace_id,
            row_number() over (order by length(slug), slug) as place,
            power(row_number() over (order by length(slug), slug), -1.2) as weight
        from app.workspaces where slug like 'bench-%%'
    ) as weighted
),

drawn as materialized (
    select n, random() as share
    from generate_series(1, %(changes)s) as n
),

noted as (
    insert into raw.changes (kind, cause, workspace_id, row_count, daemon_version)
    select 'arrival', 'landing', (
        select workspace_id from shares
        where upper_end >= least(drawn.share, 0.999999999) order by upper_end limit 1
    ), %(to_a_change)s, '1.4.0'
    from drawn
    returning change_id, workspace_id
)

insert into raw.requests (
    workspace_id, request_id, machine_id, change_id, received_at, requested_at,
    recorded_at, provider, model, project, input_tokens, output_tokens,
    thinking_tokens, cached_tokens, cache_write_tokens, submitted_millicents,
    tokens_complete, latency_ms, status
)
select
    noted.workspace_id, gen_random_uuid(),
    md5(noted.workspace_id::text || n %% 10)::uuid, noted.change_id, now(),
    made.at, made.at,
    (%(providers)s::text[])[1 + made.model], (%(models)s::text[])[1 + made.model],
    'project-' || n %% 20, (random() * 9000)::int, (random() * 900)::int,
    0, (random() * 4000)::int, 0, (random() * 5000)::int, true,
    (random() * 3000)::numeric(14, 3), 'success'
from noted
cross join generate_series(1, %(to_a_change)s) as n
cross join lateral (
    select
        %(until)s::timestamptz - {ago} * %(span)s::interval as at,
        floor(random() * 8 + 0 * n)::int as model
) as made
"""
# How long ago a row is, as a share of the span: anywhere in it, or as it lands.
ANYWHERE = "random()"
AS_IT_LANDS = """
    (1 - (noted.change_id - %(first)s + random()) / %(all_changes)s::float8)
"""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rows", type=int, default=1_000_000)
    words.add_argument("--in-day", type=int, default=0)
    words.add_argument("--calm", type=Path)
    asked = words.parse_args()
    home = Path(tempfile.mkdtemp(prefix="hmc-bench-"))
    os.environ["HMC_DATA_DIR"] = str(home)
    from hmc.running import load_rates_if_none
    from ingest.rebuild.cycle import rebuilding
    from warehouse.embedded import leave
    from warehouse.migrate import migrate

    migrate()
    load_rates_if_none()
    try:
        with rebuilding() as owner:
            owner.execute(MAKE_WORKSPACES, {"workspaces": WORKSPACES})
            land(owner, asked.rows, days=365)
            if asked.in_day:
                land(owner, asked.in_day, days=1, in_the_largest=True)
            owner.execute("vacuum analyze raw.requests")
            owner.execute("vacuum analyze raw.changes")
            print(f"{asked.rows:,} rows, and {asked.in_day:,} in a day", flush=True)
            measure(owner, asked.calm)
    finally:
        leave(home)
        shutil.rmtree(home, ignore_errors=True)


def land(
    owner: psycopg.Connection[Any],
    rows: int,
    days: int,
    *,
    in_the_largest: bool = False,
    in_order: bool = False,
) -> None:
    """Land rows of the last days, as daemons do: 500 to an entry in the ledger.

    Each at a random moment, which is hardest on what is built of them; or in order.
    """
    made = MAKE_ROWS.replace("{ago}", AS_IT_LANDS if in_order else ANYWHERE)
    if in_the_largest:
        made = made.replace("like 'bench-%%'", "= 'bench-1'")
    changes = -(-rows // TO_A_CHANGE)
    found = owner.execute("select coalesce(max(change_id), 0) + 1 from raw.changes")
    (first,) = found.fetchone() or (1,)
    for some in range(0, changes, 2_000):
        owner.execute(
            made,  # type: ignore[arg-type]
            {
                "changes": min(2_000, changes - some),
                "to_a_change": TO_A_CHANGE,
                "first": first,
                "all_changes": changes,
                "until": "today",
                "span": f"{days} days",
                "providers": [provider for provider, _ in MODELS],
                "models": [model for _, model in MODELS],
            },
        )


def measure(owner: psycopg.Connection[Any], calm: Path | None) -> None:
    """Print each figure as soon as there is one."""
    from ingest.rebuild.cycle import rebuild

    with undisturbed(calm):
        whole = rebuild(owner)
        say("full refresh", whole.seconds, whole.request_count)
    with undisturbed(calm):
        plain = bare(owner)
        say("bare create table as", plain, whole.request_count)
        print(f"{'ratio':>28}  {whole.seconds / plain:5.2f}", flush=True)
    land(owner, A_MINUTE, days=1, in_the_largest=True)
    with undisturbed(calm):
        minute = rebuild(owner)
        say("a minute's arrivals", minute.seconds, minute.request_count)
    with undisturbed(calm):
        for name, milliseconds in overview(owner).items():
            print(f"{name:>28}  {milliseconds:5.1f} ms", flush=True)
    with undisturbed(calm):
        correct_a_rate(owner)
        corrected = rebuild(owner)
        say("one rate of one month", corrected.seconds, corrected.request_count)
        print(f"{'hours':>28}  {corrected.revised_hour_count:,}")
        ratio = corrected.seconds / whole.seconds
        print(f"{'of a full refresh':>28}  {ratio:5.2f}")
        print(
            f"{'touched for nothing':>28}  {touched_for_nothing(owner):,}", flush=True
        )


@contextmanager
def undisturbed(calm: Path | None) -> Generator[None]:
    """Let nobody else measure meanwhile who locks the same file."""
    if calm is None:
        yield
        return
    with calm.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def say(what: str, seconds: float, rows: int) -> None:
    print(f"{what:>28}  {seconds:5.1f} s  {rows:,} rows", flush=True)


def bare(owner: psycopg.Connection[Any]) -> float:
    """Create a table as each mart's select, and nothing more; return the seconds."""
    from hmc.generate import compiled_models
    from ingest.rebuild.dbt import manifest

    marts = {
        node.name
        for node in manifest().nodes.values()
        if node.resource_type == "model" and node.config.materialized == "published"
    }
    compiled = {
        name: RELATION.sub(lambda found: _beside(found, marts), sql)
        for name, sql in compiled_models().items()
        if name in marts
    }
    order = TopologicalSorter(
        {
            name: {other for other in marts - {name} if f"bench.{other}" in sql}
            for name, sql in compiled.items()
        }
    ).static_order()
    owner.execute("create schema bench")
    started = time.monotonic()
    for name in order:
        owner.execute(f"create table bench.{name} as {compiled[name]}")  # type: ignore[arg-type]
    seconds = time.monotonic() - started
    owner.execute("drop schema bench cascade")
    return seconds


def _beside(found: re.Match[str], marts: set[str]) -> str:
    return f"bench.{found[1]}" if found[1] in marts else found[0]


def overview(owner: psycopg.Connection[Any]) -> dict[str, float]:
    """Ask what an overview of 30 days asks of the largest workspace; milliseconds."""
    from api.questions import question
    from models.answers.usage import UsageDay, UsageKey
    from warehouse.cluster import Role, connect

    largest = owner.execute(
        "select workspace_id::text from app.workspaces where slug = 'bench-1'"
    ).fetchone()
    asked = [
        (UsageKey, "total", 6),
        (UsageKey, "project", 1),
        (UsageKey, "provider_model", 1),
        (UsageDay, "provider", 1),
        (UsageDay, "total", 1),
    ]
    today = datetime.now(UTC).date()
    period = {"since": today - timedelta(days=29), "until": today}
    took: dict[str, float] = {}
    with connect(Role.API) as reader:
        reader.execute(
            "select set_config('app.workspace_id', %s, false),"
            " set_config('search_path', 'marts', false)",
            largest,
        )
        for answer, grouping, times in asked:
            runs: list[float] = []
            for _ in range(TIMES):
                started = time.perf_counter()
                reader.execute(
                    question(answer),  # type: ignore[arg-type]
                    {"calendar": "utc", "grouping": grouping, **period},
                ).fetchall()
                runs.append((time.perf_counter() - started) * 1000)
            took[f"{answer.__name__} {grouping} x{times}"] = median(runs) * times
    return took | {"overview of 30 days": sum(took.values())}


def correct_a_rate(owner: psycopg.Connection[Any]) -> None:
    """Correct what one model cost in the month before the last."""
    owner.execute(
        """
        select raw.state_rate(
            null, 'anthropic', 'claude-sonnet-4-5', 0, '{1,2,3,4,5}'::bigint [],
            date_trunc('month', now() - interval '2 months'),
            date_trunc('month', now() - interval '1 month'), 'bench', '1', null
        )
        """
    )


def touched_for_nothing(owner: psycopg.Connection[Any]) -> int:
    """Count the requests published anew that the correction does not price."""
    found = owner.execute(
        """
        select count(*) from marts.fct_priced_requests
        where
            known_from_cycle = (select max(cycle_id) from raw.cycles)
            and not (
                model = 'claude-sonnet-4-5'
                and requested_at >= date_trunc('month', now() - interval '2 months')
                and requested_at < date_trunc('month', now() - interval '1 month')
            )
        """
    ).fetchone()
    return int(found[0]) if found else 0


if __name__ == "__main__":
    main()
