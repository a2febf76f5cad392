"""Moments on the loopback API: read from a query, written in an answer, in a cursor."""

import base64
import binascii
from datetime import UTC, date, datetime, time, timedelta

DATE_LENGTH = len("2026-08-31")


def written(at: datetime | None) -> str | None:
    """Write a moment as the dashboards read it: UTC, microseconds, `Z`."""
    if at is None:
        return None
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def start_of(text: str) -> datetime:
    """Read where a period starts: a moment, or a date's first; else ValueError."""
    if len(text) == DATE_LENGTH:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    return _moment(text)


def end_of(text: str) -> datetime:
    """Read where a period ends, itself not in it: a moment, or the end of a date."""
    if len(text) == DATE_LENGTH:
        return start_of(text) + timedelta(days=1)
    return _moment(text)


def cursor_after(at: datetime, call_id: str) -> str:
    """Name the place after a call in a list that runs from new to old."""
    return base64.urlsafe_b64encode(f"{written(at)} {call_id}".encode()).decode()


def place_of(cursor: str) -> tuple[datetime, str]:
    """Read a cursor; ValueError if nobody gave it out."""
    try:
        at, call_id = base64.urlsafe_b64decode(cursor).decode().split(" ", 1)
    except (binascii.Error, UnicodeDecodeError) as failure:
        raise ValueError(cursor) from failure
    return _moment(at), call_id


def _moment(text: str) -> datetime:
    # A `+` that was not escaped in an address arrives as a space.
    read = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)
