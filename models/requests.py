"""What a daemon sends: the wire's record, read strictly first and leniently second.

Real daemons send what the contract says, so a batch is read whole in one pass. Only a
batch that fails is looked at record by record and mended: what can be stored is stored,
and what was changed on the way is flagged.

msgspec reads and writes these, not pydantic: five hundred records in under a
millisecond instead of five, which is what a landing can spend on them.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct
from pydantic import BaseModel, ConfigDict

from models.money import MOST_TOKENS

MOST_RECORDS = 5_000
MOST_BYTES = 8 * 1024 * 1024

# No call was made before there were models, and no clock is a lifetime ahead.
EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)

Moment = Annotated[datetime, Meta(tz=True)]
Tokens = Annotated[int, Meta(ge=0, le=MOST_TOKENS)]
Milliseconds = Annotated[float, Meta(ge=0, le=10**10)]
Millicents = Annotated[int, Meta(ge=-(10**15), le=10**15)]
HttpStatus = Annotated[int, Meta(ge=0, le=999)]
Text32 = Annotated[str, Meta(max_length=32)]
Text64 = Annotated[str, Meta(max_length=64)]
Text128 = Annotated[str, Meta(max_length=128)]
Text255 = Annotated[str, Meta(max_length=255)]
Text4096 = Annotated[str, Meta(max_length=4_096)]


class RequestRecord(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One captured call. Only the five without a default are required.

    Null means unset, everywhere. What an unset value counts as is said once, where
    the records become rows.
    """

    id: UUID
    provider: Text64
    model: Text255
    requested_at: Moment
    recorded_at: Moment
    project: Text255 | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    thinking_tokens: Tokens | None = None
    cached_tokens: Tokens | None = None
    cache_read_tokens: Tokens | None = None  # another name of cached_tokens
    cache_write_tokens: Tokens | None = None
    cost_millicents: Millicents | None = None
    cost_usd_minor_units: Millicents | None = None
    fx_rate: Text64 | None = None
    tokens_complete: bool | None = None
    latency_ms: Milliseconds | None = None
    time_to_first_token_ms: Milliseconds | None = None
    status: Text32 | None = None
    request_kind: Text64 | None = None
    attribution_method: Text32 | None = None
    source_workdir: Text4096 | None = None
    source_machine: Text255 | None = None
    prompt_hash: Text64 | None = None
    idempotency_key: Text255 | None = None
    error_class: Text64 | None = None
    provider_error_code: Text128 | None = None
    http_status: HttpStatus | None = None
    retryable: bool | None = None
    billing_basis: str | None = None

    def __post_init__(self) -> None:
        """Refuse times that no call can have; they break every later reading."""
        if not EARLIEST <= self.requested_at <= LATEST:
            raise ValueError("requested_at: not between 2015 and 2100")
        if not EARLIEST <= self.recorded_at <= LATEST:
            raise ValueError("recorded_at: not between 2015 and 2100")


class MendedRecord(RequestRecord, frozen=True, kw_only=True, omit_defaults=True):
    """A record that was changed on the way in, and how."""

    flags: tuple[str, ...] = ()


class RequestBatch(Struct, frozen=True):
    """What one post carries."""

    batch_id: UUID
    records: Annotated[list[RequestRecord], Meta(max_length=MOST_RECORDS)]


class RecordField(Struct, frozen=True):
    """One key of the wire's record, for reading it by itself."""

    name: str
    kind: Any
    is_required: bool
    longest: int | None  # of a text that is cut beyond

    @property
    def is_text(self) -> bool:
        """Say whether text goes here as it is."""
        return self.longest is not None


def record_fields() -> Iterator[RecordField]:
    """Return what the record's keys hold."""
    told = msgspec.inspect.type_info(RequestRecord)
    kinds = {field.name: field.type for field in msgspec.structs.fields(RequestRecord)}
    assert isinstance(told, msgspec.inspect.StructType)  # noqa: S101  it is one
    for field in told.fields:
        yield RecordField(
            field.name, kinds[field.name], field.required, _longest(field.type)
        )


def _longest(kind: msgspec.inspect.Type) -> int | None:
    kinds = kind.types if isinstance(kind, msgspec.inspect.UnionType) else (kind,)
    texts = [one for one in kinds if isinstance(one, msgspec.inspect.StrType)]
    return texts[0].max_length if texts else None


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
