"""A daemon's own SQLite file, read as the records that the daemon would have sent.

For machines that cannot sync: support, migrations, tests. The rows take the same way
in as a batch, so that a file read twice, or synced as well, counts once.
"""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

from ingest.daemons.landing import land
from ingest.daemons.records import read_batch
from models.tenancy import Sender
from models.trouble import Trouble
from warehouse.doors import Doors

ROWS_AT_ONCE = 2_000

# The wire's name of each column of the file; what the file lacks stays unsaid.
WIRE_NAME = {
    "id": "id",
    "provider": "provider",
    "model": "model",
    "requested_at": "requested_at",
    "recorded_at": "recorded_at",
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "thinking_tokens": "thinking_tokens",
    "cache_read_tokens": "cached_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "cost_usd_minor_units": "cost_usd_minor_units",
    "fx_rate": "fx_rate",
    "tokens_complete": "tokens_complete",
    "latency_ms": "latency_ms",
    "time_to_first_token_ms": "time_to_first_token_ms",
    "status": "status",
    "request_kind": "request_kind",
    "attribution_method": "attribution_method",
    "source_workdir": "source_workdir",
    "source_machine": "source_machine",
    "prompt_hash": "prompt_hash",
    "idempotency_key": "idempotency_key",
    "error_class": "error_class",
    "provider_error_code": "provider_error_code",
    "http_status_code": "http_status",
    "retryable": "retryable",
    "billing_basis": "billing_basis",
}
MOMENTS = {"requested_at", "recorded_at"}
TRUTHS = {"tokens_complete", "retryable"}
FIRST_NEEDED = {"id", "provider", "model", "requested_at", "recorded_at"}


class NoDaemonFile(Trouble):
    """The file cannot be read, or is not a daemon's."""


@dataclass(frozen=True)
class Imported:
    """What became of the rows of a file, as the answers to batches count it."""

    accepted: int = 0
    duplicate: int = 0
    flagged: int = 0


def open_daemon_file(path: Path) -> sqlite3.Connection:
    """Open a daemon's file read-only, for it may be being written.

    Raises NoDaemonFile when it cannot be read or holds no calls' table.
    """
    if not path.is_file():
        raise NoDaemonFile(f"there is no file {path}")
    try:
        file = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        file.row_factory = sqlite3.Row
        file.text_factory = _text
        columns = _columns(file)
    except sqlite3.Error as failure:
        raise NoDaemonFile(f"cannot read {path}: {failure}") from None
    if not columns >= FIRST_NEEDED:
        raise NoDaemonFile(f"{path} is no daemon's file: it has no table of calls")
    return file


async def import_file(
    doors: Doors, machine: Sender, file: sqlite3.Connection
) -> Imported:
    """Land every call of the file as the machine's; what had landed is a duplicate.

    What is cut off half way can simply be run again.
    """
    imported = Imported()
    records = _records(file)
    while some := list(islice(records, ROWS_AT_ONCE)):
        body = {"batch_id": str(uuid4()), "records": some}
        batch = read_batch(json.dumps(body).encode())
        async with doors.landing_as(machine) as warehouse:
            answer = await land(warehouse, machine, batch)
        imported = Imported(
            imported.accepted + answer.accepted,
            imported.duplicate + answer.duplicate,
            imported.flagged + answer.flagged,
        )
    return imported


def _columns(file: sqlite3.Connection) -> set[str]:
    return {row["name"] for row in file.execute("pragma table_info(requests)")}


def _records(file: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    columns = _columns(file)
    named = ", ".join(
        f"requests.{column} as {name}"
        for column, name in WIRE_NAME.items()
        if column in columns
    )
    try:
        for row in file.execute(
            f"""
            select {named}, projects.slug as project from requests
            left join projects on requests.project_id = projects.id
            order by requests.recorded_at, requests.id
            """
        ):
            yield {name: _as_sent(name, row[name]) for name in row.keys()}  # noqa: SIM118  a Row iterates over values
    except sqlite3.Error as failure:
        raise NoDaemonFile(f"the file cannot be read to its end: {failure}") from None


def _text(raw: bytes) -> str:
    """Mend what is no UTF-8: no reason to lose a call."""
    return raw.decode("utf-8", "replace")


def _as_sent(name: str, value: Any) -> Any:
    if name in MOMENTS:
        return _moment(value)
    if name in TRUTHS and value in (0, 1):
        return bool(value)
    return value.hex() if isinstance(value, bytes) else value


def _moment(text: Any) -> Any:
    """Write a time as the wire has it; what cannot be read is kept aside as it is."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return text
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)  # the daemon writes UTC without saying so
    return at.isoformat()
