"""A machine's year of calls, ending now: seeded, in order, 500 to a batch."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random

from hmc.demo.lines import LINES, UNKNOWN, model_in_use
from hmc.demo.outcomes import odds_on, outcome_of
from hmc.demo.records import Call, WireRecord, record_of, uuid4_of, wire_time
from hmc.demo.shapes import (
    DAYS_OF_HISTORY,
    Machine,
    Project,
    Rhythm,
    Work,
    midnight,
)
from hmc.demo.turns import HABITS, turns_of

BATCH = 500
DAY = timedelta(days=1)
LAST_STRETCH = timedelta(minutes=15)
MOST_ATTEMPTS = 3
MODEL_IS_UNREADABLE = 0.0015

# How busy each hour is, from midnight on; each day of the week, from Monday on.
HOURS = {
    Rhythm.OFFICE: "000000 014899 569986 322110",
    Rhythm.EVENINGS: "100000 011211 221124 699853",
    Rhythm.AROUND_THE_CLOCK: "455443 467898 889987 655443",
}
WEEKDAYS = {
    Rhythm.OFFICE: (95, 105, 110, 105, 80, 4, 6),
    Rhythm.EVENINGS: (60, 60, 70, 60, 45, 140, 160),
    Rhythm.AROUND_THE_CLOCK: (100, 104, 106, 103, 92, 55, 58),
}
QUIET_DAYS = {(12, day) for day in range(24, 32)} | {(1, 1), (1, 2)}
QUIET = 0.2


def calls_of(machine: Machine, until: datetime) -> Iterator[list[WireRecord]]:
    """Yield a machine's calls of the year before `until`, in order of recorded_at.

    The same machine and moment give the same records, ids included. Another moment
    gives another history: play it into another workspace, not on top.
    """
    records = _records_in_order(machine, until.astimezone(UTC))
    while batch := list(islice(records, BATCH)):
        yield batch


def _records_in_order(machine: Machine, until: datetime) -> Iterator[WireRecord]:
    seed = f"{machine.hostname} {wire_time(until)}"
    random = Random(seed)  # noqa: S311  a demo has to be repeatable, not secret
    waiting: list[WireRecord] = []
    for days_ago, count in _calls_per_day(machine, until, random):
        waiting += islice(_day(machine, until, days_ago, random), count)
        if days_ago == 0:
            waiting += _last_stretch(machine, until, random)
        waiting.sort(key=_recorded_at)
        tomorrow = wire_time(midnight(until, days_ago - 1))
        settled = bisect_left(waiting, tomorrow, key=_recorded_at)
        if days_ago == 0:
            settled = bisect_right(waiting, wire_time(until), key=_recorded_at)
        yield from waiting[:settled]
        del waiting[:settled]


def _calls_per_day(
    machine: Machine, until: datetime, random: Random
) -> Iterator[tuple[int, int]]:
    """Spread the year's calls over its days, oldest first: (days ago, calls)."""
    days = range(DAYS_OF_HISTORY - 1, -1, -1)
    weights: list[float] = []
    for days_ago in days:
        day = midnight(until, days_ago)
        grown = machine.growth ** (1 - days_ago / DAYS_OF_HISTORY)
        is_quiet = (day.month, day.day) in QUIET_DAYS
        weights.append(
            grown
            * WEEKDAYS[machine.rhythm][day.weekday()]
            * (QUIET if is_quiet else 1.0)
            * random.lognormvariate(0, 0.25)
        )
    weights[-1] *= (until - midnight(until, 0)) / DAY
    counts = Counter(random.choices(days, weights, k=machine.calls))
    return ((days_ago, counts[days_ago]) for days_ago in days)


def _day(
    machine: Machine, until: datetime, days_ago: int, random: Random
) -> Iterator[WireRecord]:
    """Yield the calls of one stretch of work after another, all begun that day."""
    day = midnight(until, days_ago)
    projects, weights = _projects_on(machine, days_ago)
    hours = [int(weight) for weight in HOURS[machine.rhythm].replace(" ", "")]
    # Today has only begun: its work lies between midnight and now.
    scale = (until - day) / DAY if days_ago == 0 else 1.0
    while True:
        (project,) = random.choices(projects, weights)
        (hour,) = random.choices(range(24), hours)
        begun = (hour + random.random() - machine.utc_offset_hours) % 24 * scale
        start = day + timedelta(hours=begun)
        yield from _stretch(machine, project, start, until, random)


def _last_stretch(
    machine: Machine, until: datetime, random: Random
) -> Iterator[WireRecord]:
    """Yield calls until the very end, so that every machine was just at work."""
    projects, weights = _projects_on(machine, 0)
    start = max(until - LAST_STRETCH, midnight(until, 0))
    while start < until:
        (project,) = random.choices(projects, weights)
        last = start
        for record in _stretch(machine, project, start, until, random):
            last = datetime.fromisoformat(record["recorded_at"])
            if last > until:
                return
            yield record
        start = last + timedelta(seconds=random.uniform(20, 240))


def _projects_on(machine: Machine, days_ago: int) -> tuple[list[Project], list[float]]:
    """Find the projects of a day, and how likely each is taken up."""
    projects = [
        project
        for project in machine.projects
        if project.started_days_ago >= days_ago >= project.ended_days_ago
    ]
    return projects, [
        project.share / HABITS[project.work].turns for project in projects
    ]


def _stretch(
    machine: Machine,
    project: Project,
    start: datetime,
    until: datetime,
    random: Random,
) -> Iterator[WireRecord]:
    """Yield the calls of one stretch of work, with what was tried again."""
    names = list(project.lines)
    (name,) = random.choices(names, list(project.lines.values()))
    line = LINES[name]
    days_ago = (until.date() - start.date()).days
    model = model_in_use(line, days_ago, random.random())
    odds = odds_on(machine, line, days_ago)
    waits_for_answers = project.work in {Work.AGENT, Work.DOCUMENTS}
    at = start
    for turn in turns_of(project, line, random):
        at += timedelta(seconds=turn.pause_seconds)
        is_readable = random.random() >= MODEL_IS_UNREADABLE
        key = uuid4_of(random) if project.work is Work.SERVICE else None
        asked_at = at
        for attempt in range(MOST_ATTEMPTS):
            outcome = outcome_of(odds, line, attempt, turn.tokens, random)
            call = Call(
                line.provider,
                model if is_readable else UNKNOWN,
                asked_at,
                project,
                outcome,
                turn.prompt_hash,
                key,
            )
            yield record_of(machine, call, random)
            asked_at += timedelta(milliseconds=outcome.latency_ms)
            if not outcome.is_retryable:
                break
            asked_at += timedelta(seconds=2**attempt * random.uniform(0.5, 1.5))
        if waits_for_answers:
            at = asked_at


def _recorded_at(record: WireRecord) -> str:
    return record["recorded_at"]
