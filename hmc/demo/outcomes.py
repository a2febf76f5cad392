"""How a call ends: mostly well, sometimes refused, failed, cut short or blocked."""

from random import Random
from typing import NamedTuple

from hmc.demo.beliefs import Tokens
from hmc.demo.lines import Line
from hmc.demo.shapes import Machine

FAILS = 0.016
FAILS_AGAIN = 0.25
IS_CUT = 0.006
IS_BLOCKED = 0.003
# Days on which a provider had trouble: (provider, days ago) and how many calls failed.
BAD_DAYS = {
    ("anthropic", 34): 0.2,
    ("anthropic", 190): 0.15,
    ("openai", 121): 0.2,
    ("gemini", 8): 0.25,
    ("xai", 60): 0.3,
}
CODES = {
    "rate_limit": {"anthropic": "rate_limit_error", "gemini": "RESOURCE_EXHAUSTED"},
    "server_error": {"anthropic": "overloaded_error", "gemini": "UNAVAILABLE"},
    "bad_request": {"anthropic": "invalid_request_error", "gemini": "INVALID_ARGUMENT"},
    "auth": {"anthropic": "authentication_error", "gemini": "UNAUTHENTICATED"},
}
CODES_ELSEWHERE = {
    "rate_limit": "rate_limit_exceeded",
    "server_error": "server_error",
    "bad_request": "context_length_exceeded",
    "auth": "invalid_api_key",
}


class Outcome(NamedTuple):
    """What the daemon saw of a call's end, with the tokens that it could count."""

    tokens: Tokens
    latency_ms: float
    first_token_ms: float | None
    status: str = "success"
    http_status: int | None = 200
    error_class: str | None = None
    code: str | None = None
    is_retryable: bool | None = None
    is_complete: bool = True


class Failure(NamedTuple):
    """A way to fail: how often, with which HTTP status, after how long."""

    weight: int
    error_class: str
    http_status: int | None
    is_retryable: bool
    latency_ms: tuple[int, int]
    may_have_begun: bool = False


FAILURES = (
    Failure(34, "rate_limit", 429, True, (60, 500)),
    Failure(16, "server_error", 500, True, (400, 9_000)),
    Failure(12, "server_error", 529, True, (200, 4_000)),
    Failure(6, "server_error", 503, True, (200, 4_000)),
    Failure(12, "bad_request", 400, False, (60, 900)),
    Failure(3, "auth", 401, False, (50, 200)),
    Failure(9, "timeout", None, True, (60_000, 120_000), may_have_begun=True),
    Failure(6, "network", None, True, (900, 40_000), may_have_begun=True),
    Failure(2, "unknown", 502, False, (300, 9_000), may_have_begun=True),
)
WEIGHTS = [failure.weight for failure in FAILURES]


class Odds(NamedTuple):
    """How likely a call fails, and how likely a policy blocks it."""

    fails: float
    is_blocked: float


def odds_on(machine: Machine, line: Line, days_ago: int) -> Odds:
    """Return the odds of a machine's calls to a provider on a day."""
    enforces = "build=enforcing" in (machine.capability or "")
    return Odds(
        BAD_DAYS.get((line.provider, days_ago), FAILS), IS_BLOCKED if enforces else 0
    )


def outcome_of(
    odds: Odds, line: Line, attempt: int, planned: Tokens, random: Random
) -> Outcome:
    """Decide how an attempt at a call ends; what failed once fails more easily."""
    if random.random() < (max(odds.fails, FAILS_AGAIN) if attempt else odds.fails):
        return _failed(line, planned, random)
    if random.random() < odds.is_blocked:
        return Outcome(Tokens(), random.uniform(1, 9), None, "blocked_by_policy", None)
    first_token = line.first_token_ms * random.lognormvariate(0, 0.35)
    first_token += planned.prompt * 0.004
    said = planned.output + planned.thinking
    latency = first_token + said * 1_000 / line.tokens_per_second
    if said == 0:
        return Outcome(planned, random.uniform(40, 260), None)
    if random.random() < IS_CUT:
        heard = planned._replace(output=int(planned.output * random.random()))
        return Outcome(heard, latency * 0.6, first_token, is_complete=False)
    return Outcome(planned, latency, first_token)


def _failed(line: Line, planned: Tokens, random: Random) -> Outcome:
    (failure,) = random.choices(FAILURES, WEIGHTS)
    counted = Tokens()
    if failure.may_have_begun and random.random() < 0.6:  # noqa: PLR2004
        counted = planned._replace(output=planned.output // 3, thinking=0)
    elsewhere = CODES_ELSEWHERE.get(failure.error_class)
    code = CODES.get(failure.error_class, {}).get(line.provider, elsewhere)
    return Outcome(
        counted,
        random.uniform(*failure.latency_ms),
        None,
        "error",
        failure.http_status,
        failure.error_class,
        code,
        failure.is_retryable,
        is_complete=not failure.may_have_begun,
    )
