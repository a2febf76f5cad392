"""A daemon's SQLite file, with the daemon's schema, in WAL mode."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

PROJECTS = """
create table projects (
    id text primary key,
    name varchar(255) not null,
    slug varchar(255) not null unique,
    created_at datetime not null,
    archived_at datetime
);
create table project_settings (
    project_id text primary key references projects (id),
    body_capture_enabled boolean not null default 0,
    updated_at datetime not null
);
"""

REQUESTS = """
create table requests (
    id text primary key,
    project_id text not null references projects (id),
    provider varchar(64) not null,
    model varchar(255) not null,
    mode varchar(16) not null default 'standard',
    input_tokens integer not null default 0,
    output_tokens integer not null default 0,
    thinking_tokens integer not null default 0,
    cache_read_tokens integer not null default 0,
    cache_write_tokens integer not null default 0,
    cost_usd_minor_units bigint,
    latency_ms float,
    tokens_complete boolean not null default 1,
    requested_at datetime not null,
    recorded_at datetime not null,
    source_machine varchar(255),
    source_workdir text,
    attribution_method varchar(32) not null default 'header',
    status varchar(32) not null default 'success'
    {newer}
);
create index requests_recorded on requests (recorded_at, id);
create index requests_project on requests (project_id, requested_at);
create index requests_model on requests (provider, model, requested_at);
create index requests_time on requests (requested_at);
"""

# What daemons learnt since; files of older ones lack some or all of it.
NEWER = """
    , time_to_first_token_ms float
    , fx_rate varchar(64)
    , request_kind varchar(64)
    , prompt_hash varchar(64)
    , idempotency_key varchar(255)
    , rates_source varchar(16)
    , http_status_code integer
    , provider_error_code varchar(128)
    , error_class varchar(64)
    , error_message_hash varchar(64)
    , retryable boolean
    , billing_basis varchar(24)
"""

REST = """
create table request_bodies (
    request_id text primary key references requests (id),
    request_body text,
    response_body text,
    request_body_bytes integer not null default 0,
    response_body_bytes integer not null default 0,
    request_content_type varchar(255),
    response_content_type varchar(255),
    request_truncated boolean not null default 0,
    response_truncated boolean not null default 0,
    streaming_incomplete boolean not null default 0,
    redaction_applied boolean not null default 0,
    capture_error text,
    redaction_summary text,
    captured_at datetime not null
);
create table pricing_rates (
    id text primary key,
    provider varchar(64) not null,
    model varchar(255) not null,
    mode varchar(16) not null default 'standard',
    effective_from datetime not null,
    effective_to datetime,
    input_rate_per_million_minor_units bigint not null,
    output_rate_per_million_minor_units bigint not null,
    thinking_rate_per_million_minor_units bigint not null default 0,
    cache_read_rate_per_million_minor_units bigint not null default 0,
    cache_write_rate_per_million_minor_units bigint not null default 0,
    last_verified_at datetime,
    is_seed_default boolean not null default 1,
    source varchar(16) not null default 'bundled'
);
"""

CHECKOUT, SEARCH = str(uuid4()), str(uuid4())


def project(slug: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "name": slug.title(),
        "slug": slug,
        "created_at": "2026-01-01 00:00:00.000000",
        "archived_at": None,
    } | fields


CHECKOUT_PROJECT = project("checkout", id=CHECKOUT)
SEARCH_PROJECT = project("search", id=SEARCH)


def request(
    requested_at: str = "2026-08-10 12:00:00.000000", **fields: Any
) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "project_id": CHECKOUT,
        "provider": "anthropic",
        "model": "claude-sonnet-4-5",
        "input_tokens": 1_000,
        "output_tokens": 500,
        "cost_usd_minor_units": 1_050,
        "latency_ms": 812.5,
        "requested_at": requested_at,
        "recorded_at": requested_at,
    } | fields


def rate(model: str = "claude-sonnet-4-5", **fields: Any) -> dict[str, Any]:
    """$3 in, $15 out, per million tokens."""
    return {
        "id": str(uuid4()),
        "provider": "anthropic",
        "model": model,
        "effective_from": "2025-01-01 00:00:00.000000",
        "input_rate_per_million_minor_units": 300_000,
        "output_rate_per_million_minor_units": 1_500_000,
        "thinking_rate_per_million_minor_units": 1_500_000,
        "cache_read_rate_per_million_minor_units": 30_000,
        "cache_write_rate_per_million_minor_units": 375_000,
    } | fields


def body(request_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "request_body": '{"messages": []}',
        "response_body": '{"content": "hi"}',
        "request_body_bytes": 16,
        "response_body_bytes": 17,
        "request_content_type": "application/json",
        "response_content_type": "application/json",
        "captured_at": "2026-08-10 12:00:00.000000",
    } | fields


def daemon_file(
    path: Path,
    requests: Sequence[dict[str, Any]] = (),
    rates: Sequence[dict[str, Any]] = (),
    projects: Sequence[dict[str, Any]] = (CHECKOUT_PROJECT, SEARCH_PROJECT),
    bodies: Sequence[dict[str, Any]] = (),
    *,
    is_old: bool = False,
) -> Path:
    """Write a file; an old one has no column after `status`."""
    with closing(sqlite3.connect(path)) as file:
        file.execute("pragma journal_mode = wal")
        requests_table = REQUESTS.format(newer="" if is_old else NEWER)
        file.executescript(PROJECTS + requests_table + REST)
        for table, rows in [
            ("projects", projects),
            ("requests", requests),
            ("pricing_rates", rates),
            ("request_bodies", bodies),
        ]:
            put(file, table, rows)
        file.commit()
    return path


def put(file: sqlite3.Connection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        columns, marks = ", ".join(row), ", ".join("?" * len(row))
        file.execute(
            f"insert into {table} ({columns}) values ({marks})", list(row.values())
        )
