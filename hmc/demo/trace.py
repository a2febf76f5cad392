"""Real arrivals and sizes: an hour of a coding service, see LICENSE-DATA.md."""

import csv
import gzip
import io
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple

FILE = Path(__file__).with_name("azure_llm_inference_2023_code.csv.gz")


class Arrival(NamedTuple):
    """One call: seconds since the call before it, and its size in tokens."""

    gap_seconds: float
    context_tokens: int
    generated_tokens: int


@cache
def arrivals() -> tuple[Arrival, ...]:
    """Read the whole trace, in order of arrival."""
    with gzip.open(FILE) as packed, io.TextIOWrapper(packed, "utf-8") as text:
        rows = list(csv.DictReader(text))
    times = [datetime.fromisoformat(row["TIMESTAMP"]) for row in rows]
    gaps = [
        0.0,
        *((after - before).total_seconds() for before, after in pairwise(times)),
    ]
    return tuple(
        Arrival(gap, int(row["ContextTokens"]), int(row["GeneratedTokens"]))
        for gap, row in zip(gaps, rows, strict=True)
    )


def arrivals_from_anywhere(random: Random) -> Iterator[Arrival]:
    """Yield arrivals as they came, from some point of the trace on, without end."""
    trace = arrivals()
    at = random.randrange(len(trace))
    while True:
        yield trace[at]
        at = (at + 1) % len(trace)
