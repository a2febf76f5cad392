"""A daemon's SQLite file: where it is, what is wrong with it, which columns it has."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from api.local.trouble import BrokenFile, ForeignFile, LockedFile, NoDaemonFile

USUAL = Path("~/.halton-meter/db.sqlite")
MAGIC = b"SQLite format 3\x00"
WAIT_SECONDS = 5

# Every column that is read. Files of older daemons lack those after `status`, which
# then read as null; without those marked * there is nothing to report.
READ = {
    "requests": """
        id* project_id* provider* model* mode input_tokens* output_tokens*
        thinking_tokens cache_read_tokens cache_write_tokens cost_usd_minor_units*
        latency_ms tokens_complete requested_at* recorded_at source_machine
        source_workdir attribution_method status time_to_first_token_ms fx_rate
        request_kind prompt_hash idempotency_key rates_source http_status_code
        provider_error_code error_class error_message_hash retryable billing_basis
    """,
    "projects": "id* name slug* created_at archived_at",
    "project_settings": "project_id body_capture_enabled updated_at",
    "request_bodies": """
        request_id request_body response_body request_body_bytes response_body_bytes
        request_content_type response_content_type request_truncated
        response_truncated streaming_incomplete redaction_applied capture_error
        redaction_summary captured_at
    """,
    "pricing_rates": """
        id provider model mode effective_from effective_to
        input_rate_per_million_minor_units output_rate_per_million_minor_units
        thinking_rate_per_million_minor_units cache_read_rate_per_million_minor_units
        cache_write_rate_per_million_minor_units last_verified_at is_seed_default
        source
    """,
}
COLUMNS = {table: columns.split() for table, columns in READ.items()}


def daemon_file(asked: Path | None) -> Path:
    """Return the file to read, where there is one that SQLite could read."""
    file = (asked or USUAL).expanduser()
    try:
        with file.open("rb") as opened:
            head = opened.read(len(MAGIC))
    except FileNotFoundError:
        hint = "name it with --db" if asked is None else "--db names a daemon's file"
        raise NoDaemonFile(f"no daemon's file at {file}; {hint}") from None
    except OSError as failure:
        raise NoDaemonFile(f"cannot read {file}: {failure.strerror}") from None
    if not head:
        raise ForeignFile(f"{file} is empty; the daemon has not written to it yet")
    if head != MAGIC:
        raise ForeignFile(f"{file} is not a SQLite file")
    return file.resolve()


def columns_of(file: Path) -> dict[str, list[str]]:
    """Return which of COLUMNS each table of the file has; ForeignFile if too few."""
    with _complaining_of(file), _reading(file) as connection:
        found = {
            table: [
                column
                for (column,) in connection.execute(
                    "select name from pragma_table_info(?)", [table]
                )
            ]
            for table in COLUMNS
        }
        has_rowids = not found["requests"] or not any(
            connection.execute(
                "select wr from pragma_table_list('requests')"
            ).fetchone()
        )
    for table, columns in COLUMNS.items():
        needed = {column[:-1] for column in columns if column.endswith("*")}
        if needed and not found[table]:
            raise ForeignFile(f"{file} is not a daemon's: it has no table `{table}`")
        if missing := sorted(needed - set(found[table])):
            raise ForeignFile(
                f"{file} is not a daemon's: `{table}` has no column `{missing[0]}`"
            )
    if not has_rowids:
        raise ForeignFile(f"{file} is not a daemon's: `requests` has no rowids")
    return found


@contextmanager
def _reading(file: Path) -> Generator[sqlite3.Connection]:
    connection = sqlite3.connect(
        f"{file.as_uri()}?mode=ro", uri=True, timeout=WAIT_SECONDS
    )
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def _complaining_of(file: Path) -> Generator[None]:
    try:
        yield
    except sqlite3.Error as failure:
        raise trouble_with(file, failure) from None


def trouble_with(file: Path, failure: Exception) -> Exception:
    """Turn SQLite's complaint into a line that says what to do.

    What SQLite did not complain of is our own mistake, and stays what it is.
    """
    complaint = str(failure).removeprefix("IO Error: ")
    if "locked" in complaint or "busy" in complaint:
        return LockedFile(f"{file} is locked by another program; try again")
    if "not a database" in complaint:
        return ForeignFile(f"{file} is not a SQLite file, or is encrypted")
    if "unable to open" in complaint:
        return NoDaemonFile(f"cannot open {file}: {complaint}")
    if not isinstance(failure, sqlite3.Error) and not any(
        word in complaint for word in ("malformed", "disk I/O", "corrupt")
    ):
        return failure
    return BrokenFile(
        f"{file} is damaged ({complaint}); `sqlite3 {file} .recover` saves what it can"
    )
