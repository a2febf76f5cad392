"""What a daemon sends: the wire's record, read strictly first and leniently second.

Real daemons send what the contract says, so a batch is validated whole in one pass.
Only a batch that fails is looked at record by record and mended: what can be stored
is stored, and what was changed on the way is flagged.
"""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AliasChoices,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from models.money import MOST_TOKENS

MOST_RECORDS = 5_000
MOST_BYTES = 8 * 1024 * 1024

# Postgres stores no NUL, and no time that could not have been.
WITHOUT_NUL = r"^[^\x00]*$"
EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
METERED_OTHERWISE = {"subscription_imputed", "imported"}


def _text(longest: int) -> Any:
    return StringConstraints(max_length=longest, pattern=WITHOUT_NUL, strict=True)


Tokens = Annotated[int, Field(strict=True, ge=0, le=MOST_TOKENS)]
Moment = Annotated[AwareDatetime, Field(ge=EARLIEST, le=LATEST)]
Milliseconds = Annotated[float, Field(ge=0, le=10**10, allow_inf_nan=False)]
Millicents = Annotated[int, Field(strict=True, ge=-(10**15), le=10**15)]
Basis = Annotated[
    str | None,
    BeforeValidator(
        lambda basis: (
            basis if isinstance(basis, str) and basis in METERED_OTHERWISE else None
        )
    ),
]


class RequestRecord(BaseModel):
    """One captured call. Only the five without a default are required."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: UUID
    provider: Annotated[str, _text(64)]
    model: Annotated[str, _text(255)]
    requested_at: Moment
    recorded_at: Moment
    project: Annotated[str, _text(255)] | None = None
    input_tokens: Tokens = 0
    output_tokens: Tokens = 0
    thinking_tokens: Tokens = 0
    cached_tokens: Annotated[
        Tokens,
        Field(validation_alias=AliasChoices("cached_tokens", "cache_read_tokens")),
    ] = 0
    cache_write_tokens: Tokens = 0
    cost_millicents: Millicents | None = None
    cost_usd_minor_units: Millicents | None = None
    fx_rate: Annotated[str, _text(64)] | None = None
    tokens_complete: Annotated[bool, Field(strict=True)] = True
    latency_ms: Milliseconds | None = None
    time_to_first_token_ms: Milliseconds | None = None
    status: Annotated[str, _text(32)] = "success"
    request_kind: Annotated[str, _text(64)] | None = None
    attribution_method: Annotated[str, _text(32)] | None = None
    source_workdir: Annotated[str, _text(4096)] | None = None
    source_machine: Annotated[str, _text(255)] | None = None
    prompt_hash: Annotated[str, _text(64)] | None = None
    idempotency_key: Annotated[str, _text(255)] | None = None
    error_class: Annotated[str, _text(64)] | None = None
    provider_error_code: Annotated[str, _text(128)] | None = None
    http_status: Annotated[int, Field(strict=True, ge=0, le=999)] | None = None
    retryable: Annotated[bool, Field(strict=True)] | None = None
    billing_basis: Basis = None


class RequestBatch(BaseModel):
    """What one post carries."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    batch_id: UUID
    records: Annotated[list[RequestRecord], Field(max_length=MOST_RECORDS)]


class BatchAnswer(BaseModel):
    """What became of a batch. Every record is durable when this is sent.

    `flagged` counts records that were mended on the way in (and landed) and those
    kept aside: malformed, or contradicting a record that had landed before.
    """

    model_config = ConfigDict(frozen=True)

    batch_id: UUID
    accepted: int
    duplicate: int
    flagged: int
