"""Rows as CSV that a spreadsheet opens and does not run."""

import csv
import io
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(rows: Iterable[Iterable[Any]]) -> str:
    """Write RFC 4180; text that would start a formula gets an apostrophe before it."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerows([_field(value) for value in row] for row in rows)
    return file.getvalue()


def _field(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool() | int():
            return str(value)
        case datetime():
            return value.isoformat()
        case dict() | list():
            text = json.dumps(value, ensure_ascii=False, sort_keys=True)
        case _:
            text = str(value)
    return f"'{text}" if text.startswith(STARTS_A_FORMULA) else text
