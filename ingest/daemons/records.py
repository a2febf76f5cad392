"""Read a batch's body: whole and strictly if it is as agreed, else record by record."""

import json
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from models.refusals import Malformed, TooLarge
from models.requests import MOST_RECORDS, RequestBatch, RequestRecord

RECORDS = TypeAdapter(list[RequestRecord])
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Without these a record means nothing, and a guess would be worse than none.
MUST_BE_RIGHT = {
    "id",
    "provider",
    "model",
    "requested_at",
    "recorded_at",
    "input_tokens",
    "output_tokens",
    "thinking_tokens",
    "cached_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
}


@dataclass(frozen=True)
class Unreadable:
    """A record that cannot land: kept aside as it came."""

    raw: str
    why: str


@dataclass(frozen=True)
class ReadBatch:
    """A batch's records, told apart; `flags` says what was mended in which of them."""

    batch_id: UUID
    readable: list[RequestRecord] = field(default_factory=list[RequestRecord])
    flags: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    unreadable: list[Unreadable] = field(default_factory=list[Unreadable])

    def readable_json(self) -> str:
        """Write the readable records, with their flags, as one JSON array."""
        if not self.flags:
            return RECORDS.dump_json(self.readable, exclude_none=True).decode()
        records = RECORDS.dump_python(self.readable, mode="json", exclude_none=True)
        for at, flags in self.flags.items():
            records[at]["flags"] = flags
        return json.dumps(records)


def read_batch(body: bytes) -> ReadBatch:
    """Read what a daemon posted.

    Raises Malformed for what is no batch at all, TooLarge for too many records.
    """
    try:
        batch = RequestBatch.model_validate_json(body)
    except (ValidationError, ValueError):
        return _read_leniently(body)
    return ReadBatch(batch.batch_id, batch.records)


def _read_leniently(body: bytes) -> ReadBatch:
    batch = _json(body)
    if not isinstance(batch, dict):
        raise Malformed("The body is no JSON object.")
    batch = cast("dict[str, Any]", batch)
    records = batch.get("records")
    if not isinstance(records, list):
        raise Malformed("The body has no list `records`.")
    records = cast("list[Any]", records)
    if len(records) > MOST_RECORDS:
        raise TooLarge(f"A batch holds at most {MOST_RECORDS} records.")
    try:
        batch_id = UUID(batch["batch_id"])
    except (KeyError, ValueError, AttributeError, TypeError):
        raise Malformed("`batch_id` is not a UUID.") from None
    read = ReadBatch(batch_id)
    for raw in records:
        flags: list[str] = []
        result = _read_record(raw, flags)
        if isinstance(result, Unreadable):
            read.unreadable.append(result)
            continue
        if flags:
            read.flags[len(read.readable)] = list(dict.fromkeys(flags))
        read.readable.append(result)
    return read


def _json(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8", "replace"))
    except RecursionError:
        raise Malformed("The body is nested too deeply.") from None
    except ValueError as failure:
        raise Malformed(f"The body is no JSON: {failure}") from None


def _read_record(raw: Any, flags: list[str]) -> RequestRecord | Unreadable:
    if not isinstance(raw, dict):
        return Unreadable(_text_of(raw), "the record is no JSON object")
    record = _with_storable_text(cast("dict[str, Any]", raw), flags)
    for _ in range(2):
        try:
            # Through JSON, so that the same reading decides here as for whole batches.
            return RequestRecord.model_validate_json(json.dumps(record))
        except ValidationError as failure:
            if why := _mend(record, flags, failure):
                return Unreadable(_text_of(raw), why)
        except ValueError as failure:
            return Unreadable(_text_of(raw), str(failure))
    return Unreadable(_text_of(raw), "the record could not be read")


def _mend(
    record: dict[str, Any], flags: list[str], failure: ValidationError
) -> str | None:
    """Change what is wrong and may be changed; else say why the record cannot land."""
    for error in failure.errors(include_url=False):
        name = str(error["loc"][0]) if error["loc"] else ""
        value = record.get(name)
        whole_number = isinstance(value, float) and value.is_integer()
        if (
            name in MUST_BE_RIGHT
            and "token" in name
            and (value is None or whole_number)
        ):
            record[name] = int(value or 0)
        elif error["type"] == "string_too_long" and isinstance(value, str):
            record[name] = value[: int(error["ctx"]["max_length"])]  # pyright: ignore[reportTypedDictNotRequiredAccess]
            flags.append(f"cut:{name}")
        elif name in MUST_BE_RIGHT:
            return f"{name}: {error['msg']}"
        elif value is None:
            del record[name]  # null where the field has a default
        elif error["type"] == "string_type" and not isinstance(value, dict | list):
            record[name] = str(value)
            flags.append(f"retyped:{name}")
        else:
            del record[name]
            flags.append(f"unreadable:{name}")
    return None


def _with_storable_text(raw: dict[str, Any], flags: list[str]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for name, value in raw.items():
        kept = storable(value) if isinstance(value, str) else value
        if kept is not value and kept != value:
            flags.append(f"replaced:{storable(name)}")
        record[storable(name)] = kept
    return record


def storable(text: str) -> str:
    """Return text that Postgres stores: no NUL, no lone surrogate."""
    return (
        text.encode("utf-16-le", "surrogatepass")
        .decode("utf-16-le", "replace")
        .replace("\x00", REPLACEMENT)
    )


def _text_of(raw: Any) -> str:
    return storable(json.dumps(raw, ensure_ascii=False))
