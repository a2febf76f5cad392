"""Lines of models: what a team calls for one purpose, and when it moved to the next.

Every name but those of UNPRICED is an exact id of the genai-prices catalogue.
"""

from dataclasses import dataclass

MOVING_DAYS = 21  # a machine moves to a new model call by call, over three weeks


@dataclass(frozen=True)
class Line:
    """One provider's models for one purpose, oldest first: (since days ago, model)."""

    provider: str
    models: tuple[tuple[int, str], ...]
    thinks: float = 0.0  # share of the calls that come with thinking tokens
    tokens_per_second: float = 70.0
    first_token_ms: float = 700.0


LINES = {
    "sonnet": Line(
        "anthropic",
        (
            (500, "claude-sonnet-4-5"),
            (240, "claude-sonnet-4-6"),
            (80, "claude-sonnet-5"),
        ),
        thinks=0.35,
        first_token_ms=1_100,
    ),
    "opus": Line(
        "anthropic",
        (
            (500, "claude-opus-4-1"),
            (340, "claude-opus-4-5"),
            (250, "claude-opus-4-6"),
            (90, "claude-opus-5"),
        ),
        thinks=0.6,
        tokens_per_second=45,
        first_token_ms=1_900,
    ),
    "haiku": Line(
        "anthropic",
        ((500, "claude-haiku-4-5"),),
        tokens_per_second=140,
        first_token_ms=450,
    ),
    "sonnet-preview": Line(
        "anthropic",
        ((500, "claude-sonnet-4-5-internal-preview"),),
        thinks=0.5,
    ),
    "long-sonnet": Line(
        "anthropic",
        ((500, "claude-sonnet-4-5"),),
        thinks=0.2,
        first_token_ms=1_400,
    ),
    "gpt": Line(
        "openai",
        (
            (500, "gpt-5"),
            (300, "gpt-5.2"),
            (190, "gpt-5.4"),
            (70, "gpt-5.6-terra"),
        ),
        thinks=0.7,
        tokens_per_second=80,
        first_token_ms=1_500,
    ),
    "gpt-mini": Line(
        "openai",
        ((500, "gpt-5-mini"), (120, "gpt-5.4-mini")),
        thinks=0.3,
        tokens_per_second=120,
        first_token_ms=600,
    ),
    "gpt-classic": Line(
        "openai",
        ((500, "gpt-4.1"),),
        first_token_ms=550,
    ),
    "codex": Line(
        "openai",
        ((500, "codex-unknown"), (210, "gpt-5.3-codex")),
        thinks=0.8,
        first_token_ms=1_300,
    ),
    "embeddings": Line("openai", ((500, "text-embedding-3-small"),)),
    "gemini-pro": Line(
        "gemini",
        ((500, "gemini-2.5-pro"), (150, "gemini-3.1-pro-preview")),
        thinks=0.8,
        first_token_ms=1_700,
    ),
    "gemini-flash": Line(
        "gemini",
        ((500, "gemini-2.5-flash"), (100, "gemini-3.5-flash")),
        thinks=0.2,
        tokens_per_second=180,
        first_token_ms=400,
    ),
    "code-assist": Line("gemini", ((500, "gemini-code-assist-unknown"),)),
    "llama": Line(
        "groq",
        ((500, "llama-3.3-70b-versatile"), (160, "openai/gpt-oss-120b")),
        tokens_per_second=350,
        first_token_ms=180,
    ),
    "grok": Line(
        "xai",
        ((500, "grok-4-0709"), (170, "grok-4.20")),
        thinks=0.6,
        first_token_ms=1_200,
    ),
    "grok-code": Line(
        "xai",
        ((500, "grok-code-fast-1"),),
        tokens_per_second=160,
        first_token_ms=500,
    ),
}
UNKNOWN = "unknown"  # what a daemon says where it could not read the model
UNPRICED = frozenset(
    {
        UNKNOWN,
        "claude-sonnet-4-5-internal-preview",
        "codex-unknown",
        "gemini-code-assist-unknown",
    }
)


def model_in_use(line: Line, days_ago: float, chance: float) -> str:
    """Return a call's model, `chance` in [0, 1) deciding while a team is moving."""
    in_use = line.models[0][1]
    for since, model in line.models[1:]:
        if (since - days_ago) / MOVING_DAYS > chance:
            in_use = model
    return in_use
