"""Read a batch's body: whole and strictly if it is as agreed, else record by record."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, cast
from uuid import UUID

import msgspec

from ingest.daemons.lenient_json import read_leniently, storable, storable_json
from models.refusals import Malformed, TooLarge
from models.requests import (
    MOST_RECORDS,
    MendedRecord,
    Moment,
    RecordField,
    RequestBatch,
    RequestRecord,
    record_fields,
)

BATCHES = msgspec.json.Decoder(RequestBatch)
FIELDS = tuple(record_fields())
NAMES = tuple(one.name for one in FIELDS)
VALUES = attrgetter(*NAMES)
ESCAPED = re.compile(rb'\\(?:["\\]|[bfnrt]|u00[0-9a-f]{2})')


@dataclass(frozen=True)
class Unreadable:
    """A record that cannot land: kept aside as it came."""

    raw: str
    why: str


@dataclass(frozen=True)
class ReadBatch:
    """A batch's records, told apart. Those that were mended say how."""

    batch_id: UUID
    readable: Sequence[RequestRecord] = ()
    unreadable: Sequence[Unreadable] = ()

    def columns(self) -> dict[str, str]:
        """Write the readable records by key: the texts of as many Postgres arrays.

        Under `flags`, the text of one more array for each record that was mended.
        """
        written = {
            name: _array(values)
            for name, values in zip(
                NAMES, zip(*map(VALUES, self.readable), strict=True), strict=True
            )
        }
        flags = [
            _array(record.flags) if isinstance(record, MendedRecord) else None
            for record in self.readable
        ]
        return written | {"flags": _array(flags)}

    def is_mended(self, at: int) -> bool:
        """Say whether the record at this place was changed on the way in."""
        record = self.readable[at]
        return isinstance(record, MendedRecord) and bool(record.flags)


def _says_nul(body: bytes) -> bool:
    """Say whether there is a NUL in a text, which no column stores.

    Text that merely looks like it is read leniently too, to the same end.
    """
    return b"\x00" in body or (b"\\" in body and b"\\u0000" in body)


def _array(values: Sequence[Any]) -> str:
    """Write the text of a Postgres array: JSON but for brackets and some escapes."""
    text = msgspec.json.encode(values)
    if b"\\" in text:
        text = ESCAPED.sub(_unescaped, text)
    return f"{{{text[1:-1].decode()}}}"


def _unescaped(found: re.Match[bytes]) -> bytes:
    """Write a control character as itself: in an array, backslash and n are an n."""
    escape = found[0]
    if escape[1:] in {b'"', b"\\"}:
        return escape
    return json.loads(b'"%s"' % escape).encode()


def read_batch(body: bytes) -> ReadBatch:
    """Read what a daemon posted.

    Raises Malformed for what is no batch at all, TooLarge for too many records.
    """
    if not _says_nul(body):
        try:
            batch = BATCHES.decode(body)
        except (ValueError, RecursionError):
            pass
        else:
            return ReadBatch(batch.batch_id, batch.records)
    return _read_each(body)


def _read_each(body: bytes) -> ReadBatch:
    batch = read_leniently(body)
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
    readable: list[RequestRecord] = []
    unreadable: list[Unreadable] = []
    for raw in records:
        read = _read_record(raw)
        if isinstance(read, Unreadable):
            unreadable.append(read)
        else:
            readable.append(read)
    return ReadBatch(batch_id, readable, unreadable)


def _read_record(raw: Any) -> RequestRecord | Unreadable:
    if not isinstance(raw, dict):
        return Unreadable(storable_json(raw), "the record is no JSON object")
    sent = cast("dict[str, Any]", raw)
    given: dict[str, Any] = {}
    flags: list[str] = []
    try:
        for one in FIELDS:
            value = _value(one, sent.get(one.name), flags)
            if value is not None:
                given[one.name] = value
            elif one.is_required:
                return Unreadable(storable_json(raw), f"{one.name}: missing")
        return MendedRecord(**given, flags=tuple(flags))
    except ValueError as failure:
        return Unreadable(storable_json(raw), str(failure))


def _value(one: RecordField, sent: Any, flags: list[str]) -> Any:
    """Read one key's value: as it is, mended and flagged, or None where it is lost.

    Raises ValueError where a guess would be worse than no record.
    """
    must_be_right = one.is_required or one.name.endswith("_tokens")
    value = _mended(one, sent, flags, may_be_retyped=not must_be_right)
    try:
        if value != value:  # noqa: PLR0124  not a number
            raise ValueError("not a number")  # noqa: TRY301
        return msgspec.convert(value, one.kind)
    except ValueError as failure:
        if one.kind is Moment and (at := _moment(value)):
            return at
        if must_be_right:
            raise ValueError(f"{one.name}: {failure}") from None
        if one.name != "billing_basis":  # anything else there is a metered call
            flags.append(f"unreadable:{one.name}")
        return None


def _mended(
    one: RecordField, sent: Any, flags: list[str], *, may_be_retyped: bool
) -> Any:
    value = sent
    if isinstance(sent, str):
        value = storable(sent)
        if value != sent:
            flags.append(f"replaced:{one.name}")
    elif one.longest and isinstance(sent, int | float) and may_be_retyped:
        value = str(sent)
        flags.append(f"retyped:{one.name}")
    elif isinstance(sent, float) and sent.is_integer():
        value = int(sent)
    if one.longest and isinstance(value, str) and len(value) > one.longest:
        value = value[: one.longest]
        flags.append(f"cut:{one.name}")
    return value


def _moment(value: Any) -> datetime | None:
    """Read the ways of writing a moment that RFC 3339 leaves out; never a zone."""
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo else None
