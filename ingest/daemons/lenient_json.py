"""Read JSON that is not quite: what one record has wrong costs no other record."""

import json
import re
from collections.abc import Iterator
from typing import Any

from models.refusals import Malformed

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
DEEPEST = 64
MOST_DIGITS = 400  # beyond, reading a number takes time that grows with its square
TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{]++|[\]}]++', re.DOTALL)


def read_leniently(body: bytes) -> Any:
    """Return the value of a body, whatever single values of it hold.

    Control characters, NaN and bad UTF-8 are read, an endless number as text, and what
    is nested without end as null. Raises Malformed for what is no JSON even so.
    """
    text = body.decode("utf-8-sig", "replace")
    try:
        try:
            return _loads(text)
        except RecursionError:
            return _loads("".join(_pruned(text)))
    except (RecursionError, ValueError) as failure:
        raise Malformed(f"The body is no JSON: {failure}") from None


def storable(text: str) -> str:
    """Return text that Postgres stores: no NUL, no lone surrogate."""
    return (
        text.encode("utf-16-le", "surrogatepass")
        .decode("utf-16-le", "replace")
        .replace("\x00", REPLACEMENT)
    )


def storable_json(value: Any) -> str:
    """Write a value as JSON text that Postgres stores, as deep as makes sense."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        text = json.dumps(_shallow(value, DEEPEST), ensure_ascii=False)
    return storable(text)


def _loads(text: str) -> Any:
    return json.loads(text, strict=False, parse_int=_whole_number)


def _whole_number(digits: str) -> int | str:
    return int(digits) if len(digits) <= MOST_DIGITS else digits


def _pruned(text: str) -> Iterator[str]:
    """Write null for what is nested deeper than anything that has a meaning here."""
    depth = kept_until = 0
    for token in TOKEN.finditer(text):
        run = token.group()
        before = depth
        if run[0] in "[{":
            depth += len(run)
            if before <= DEEPEST < depth:
                yield text[kept_until : token.start() + DEEPEST - before]
                yield "null"
        elif run[0] in "]}":
            depth -= len(run)
            if depth <= DEEPEST < before:
                kept_until = token.start() + before - DEEPEST
    if depth <= DEEPEST:
        yield text[kept_until:]


def _shallow(value: Any, levels: int) -> Any:
    if isinstance(value, list):
        return [_shallow(one, levels - 1) for one in value] if levels else None  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return (
            {key: _shallow(one, levels - 1) for key, one in value.items()}  # pyright: ignore[reportUnknownVariableType]
            if levels
            else None
        )
    return value
