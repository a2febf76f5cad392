"""What is to be watched, as Prometheus reads it; for this machine's own eyes."""

from collections import Counter
from collections.abc import Iterator

from fastapi import Request, Response

from api.cloud.sessions import is_this_machine
from models.refusals import NotThere
from warehouse.doors import Doors

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_answers: Counter[tuple[str, str, int]] = Counter()
_buckets: Counter[float] = Counter()
_seconds = 0.0

WAREHOUSE = """
    select
        coalesce(extract(epoch from now() - (
            select min(created_at) from raw.changes where published_at is null
        )), 0)::float as oldest_unpublished_change_seconds,
        coalesce(extract(epoch from now() - (
            select max(published_at) from raw.cycles
        )), 0)::float as since_last_published_cycle_seconds
"""


def count(request: Request, status: int, seconds: float) -> None:
    """Count one answer, by the route's pattern and never by what was asked."""
    global _seconds  # noqa: PLW0603  one sum of this process
    route = request.scope.get("route")
    path = getattr(route, "path", "unmatched")
    _answers[request.method if path != "unmatched" else "any", path, status] += 1
    _buckets.update(bound for bound in SECONDS if seconds <= bound)
    _seconds += seconds


async def metrics(request: Request) -> Response:
    """Answer with this process's counts and the warehouse's freshness.

    Raises NotThere for whoever asks from another machine.
    """
    if not is_this_machine(request):
        raise NotThere("Nothing is here.")
    doors: Doors = request.app.state.doors
    async with doors.identifying() as warehouse:
        found = await warehouse.execute(WAREHOUSE)
        row = await found.fetchone() or {}
    lines = [*_lines(), *(f"hmc_{name} {value:g}" for name, value in row.items())]
    return Response(
        "".join(f"{line}\n" for line in lines),
        media_type="text/plain; version=0.0.4; charset=utf-8",
    )


def _lines() -> Iterator[str]:
    yield "# TYPE hmc_answers_total counter"
    for (method, path, status), number in sorted(_answers.items()):
        labels = f'method="{method}",route="{path}",status="{status}"'
        yield f"hmc_answers_total{{{labels}}} {number}"
    total = sum(_answers.values())
    yield "# TYPE hmc_answer_seconds histogram"
    for bound in SECONDS:
        yield f'hmc_answer_seconds_bucket{{le="{bound:g}"}} {_buckets[bound]}'
    yield f'hmc_answer_seconds_bucket{{le="+Inf"}} {total}'
    yield f"hmc_answer_seconds_sum {_seconds:g}"
    yield f"hmc_answer_seconds_count {total}"
