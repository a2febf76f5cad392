"""What a stretch of work asks of a model, turn by turn: when, and with which tokens."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import log
from random import Random
from typing import NamedTuple

from hmc.demo.beliefs import Tokens
from hmc.demo.lines import Line
from hmc.demo.shapes import Project, Work
from hmc.demo.trace import Arrival, arrivals_from_anywhere

CACHE_LIVES_SECONDS = 300
FULL_CONTEXT = 170_000  # agents compact what they remember before it overflows
MEDIAN_DOCUMENT = 110_000
LONGEST_DOCUMENT = 480_000
POPULAR_PROMPTS = 25


class Turn(NamedTuple):
    """One question to a model, so many seconds after the one before."""

    pause_seconds: float
    tokens: Tokens
    prompt_hash: str


@dataclass(frozen=True)
class Habit:
    """How a kind of work goes: the trace's gaps and answers, stretched to it."""

    turns: float  # of a stretch of work, on average
    gap_stretch: float
    longest_pause_seconds: float
    answer_stretch: float
    repeats: float = 0.0  # share of the prompts that were asked before


HABITS = {
    Work.AGENT: Habit(45, 110, 900, 22),
    Work.COMPLETION: Habit(30, 60, 400, 1, repeats=0.04),
    Work.SERVICE: Habit(35, 40, 240, 8, repeats=0.14),
    Work.EMBEDDING: Habit(60, 20, 120, 0, repeats=0.2),
    Work.DOCUMENTS: Habit(3, 500, 1_200, 30),
}


def turns_of(project: Project, line: Line, random: Random) -> Iterator[Turn]:
    """Yield the turns of one stretch of work."""
    habit = HABITS[project.work]
    count = 1 + int(random.expovariate(1 / (habit.turns - 0.5)))
    arrivals = arrivals_from_anywhere(random)
    match project.work:
        case Work.AGENT:
            turns = _agent_turns(line, arrivals, random)
        case Work.DOCUMENTS:
            turns = _document_turns(line, arrivals, random)
        case Work.EMBEDDING | Work.SERVICE | Work.COMPLETION:
            turns = _single_turns(project, line, arrivals, random)
    for _ in range(count):
        yield next(turns)


def _agent_turns(
    line: Line, arrivals: Iterator[Arrival], random: Random
) -> Iterator[Turn]:
    """Each turn sends everything so far again, from cache while that is warm."""
    habit = HABITS[Work.AGENT]
    instructions = random.randrange(16_000, 32_000)
    remembered = 0
    pause = 0.0
    for arrival in arrivals:
        new = arrival.context_tokens
        if remembered == 0:
            remembered, new = 0, instructions + new
        elif remembered > FULL_CONTEXT:
            remembered, new = instructions, 6_000 + new
        if pause > CACHE_LIVES_SECONDS:
            remembered, new = 0, remembered + new
        output, thinking = _answer(line, habit, arrival, random)
        yield Turn(
            pause,
            _prompt(line, remembered, new, random)._replace(
                output=output, thinking=thinking
            ),
            _new_hash(random),
        )
        remembered += new + output
        pause = _pause(habit, arrival)


def _document_turns(
    line: Line, arrivals: Iterator[Arrival], random: Random
) -> Iterator[Turn]:
    """A few questions about one long document."""
    habit = HABITS[Work.DOCUMENTS]
    drawn = random.lognormvariate(log(MEDIAN_DOCUMENT), 0.7)
    document = min(max(12_000, int(drawn)), LONGEST_DOCUMENT)
    pause = 0.0
    is_cached = False
    for arrival in arrivals:
        output, thinking = _answer(line, habit, arrival, random)
        remembered = document if is_cached and pause < CACHE_LIVES_SECONDS else 0
        new = document - remembered + arrival.context_tokens // 20
        yield Turn(
            pause,
            _prompt(line, remembered, new, random)._replace(
                output=output, thinking=thinking
            ),
            _new_hash(random),
        )
        is_cached = True
        pause = _pause(habit, arrival)


def _single_turns(
    project: Project, line: Line, arrivals: Iterator[Arrival], random: Random
) -> Iterator[Turn]:
    """Calls that know nothing of each other; some prompts come again and again."""
    habit = HABITS[project.work]
    for arrival in arrivals:
        size, prompt_hash = arrival.context_tokens, ""
        if random.random() < habit.repeats:
            popular = _popular_prompts(project.slug)
            size, prompt_hash = popular[int(POPULAR_PROMPTS * random.random() ** 3)]
        prompt_hash = prompt_hash or _new_hash(random)
        if project.work is Work.EMBEDDING:
            # Search terms and passages: far shorter than a coding service's prompts.
            yield Turn(
                _pause(habit, arrival), Tokens(input=max(3, size // 20)), prompt_hash
            )
            continue
        output, thinking = _answer(line, habit, arrival, random)
        cached = 0
        if line.provider != "groq" and size > 1_024 and random.random() < 0.5:  # noqa: PLR2004
            cached = (size * 2 // 3) // 128 * 128
        yield Turn(
            _pause(habit, arrival),
            Tokens(size - cached, output, thinking, cached),
            prompt_hash,
        )


def _prompt(line: Line, remembered: int, new: int, random: Random) -> Tokens:
    """Split a prompt as its provider bills it: only Anthropic bills cache writes."""
    if line.provider == "anthropic":
        fresh = random.randrange(3, 14)
        return Tokens(input=fresh, cached=remembered, cache_write=new)
    cached = remembered // 128 * 128
    return Tokens(input=new + remembered - cached, cached=cached)


def _answer(
    line: Line, habit: Habit, arrival: Arrival, random: Random
) -> tuple[int, int]:
    output = max(1, int(arrival.generated_tokens * habit.answer_stretch))
    if random.random() >= line.thinks:
        return output, 0
    return output, int(random.lognormvariate(5.6, 0.9))


def _pause(habit: Habit, arrival: Arrival) -> float:
    return min(arrival.gap_seconds * habit.gap_stretch, habit.longest_pause_seconds)


def _new_hash(random: Random) -> str:
    return f"{random.getrandbits(256):064x}"


@cache
def _popular_prompts(slug: str) -> list[tuple[int, str]]:
    random = Random(f"popular prompts of {slug}")  # noqa: S311  a demo's dice
    arrivals = arrivals_from_anywhere(random)
    return [
        (next(arrivals).context_tokens, _new_hash(random))
        for _ in range(POPULAR_PROMPTS)
    ]
