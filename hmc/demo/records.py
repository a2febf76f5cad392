"""The wire's record, every key present, as today's daemons write it."""

from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple, TypedDict

from hmc.demo.beliefs import submitted_millicents
from hmc.demo.outcomes import Outcome
from hmc.demo.shapes import Machine, Privacy, Project, Work


class WireRecord(TypedDict):
    """One captured call, as it is sent."""

    id: str
    provider: str
    model: str
    requested_at: str
    recorded_at: str
    project: str | None
    input_tokens: int
    output_tokens: int
    thinking_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    cost_millicents: int | None
    cost_usd_minor_units: int | None
    fx_rate: str | None
    tokens_complete: bool
    latency_ms: float | None
    time_to_first_token_ms: float | None
    status: str
    request_kind: str | None
    attribution_method: str | None
    source_workdir: str | None
    source_machine: str | None
    prompt_hash: str | None
    idempotency_key: str | None
    error_class: str | None
    provider_error_code: str | None
    http_status: int | None
    retryable: bool | None
    billing_basis: str | None


class Call(NamedTuple):
    """An attempt at a turn, with everything that was decided about it."""

    provider: str
    model: str
    requested_at: datetime
    project: Project
    outcome: Outcome
    prompt_hash: str
    idempotency_key: str | None


def record_of(machine: Machine, call: Call, random: Random) -> WireRecord:
    """Write down a call as the daemon of this machine does, under its privacy."""
    outcome, tokens, project = call.outcome, call.outcome.tokens, call.project
    is_open = machine.privacy is Privacy.FULL
    is_minimal = machine.privacy is Privacy.MINIMAL
    cost = (
        submitted_millicents(
            machine, call.provider, call.model, call.requested_at, tokens
        )
        if outcome.is_complete or any(tokens)
        else None
    )
    first_token = outcome.first_token_ms
    latency = timedelta(
        milliseconds=outcome.latency_ms, microseconds=random.randrange(2_000, 40_000)
    )
    is_paid_flat = call.provider in machine.subscriptions
    return {
        "id": uuid4_of(random),
        "provider": call.provider,
        "model": call.model,
        "requested_at": wire_time(call.requested_at),
        "recorded_at": wire_time(call.requested_at + latency),
        "project": None if is_minimal else project.slug,
        "input_tokens": tokens.input,
        "output_tokens": tokens.output,
        "thinking_tokens": tokens.thinking,
        "cached_tokens": tokens.cached,
        "cache_write_tokens": tokens.cache_write,
        "cost_millicents": cost,
        "cost_usd_minor_units": cost,
        "fx_rate": machine.fx_rate,
        "tokens_complete": outcome.is_complete,
        "latency_ms": round(outcome.latency_ms, 1),
        "time_to_first_token_ms": None
        if first_token is None
        else round(first_token, 1),
        "status": outcome.status,
        "request_kind": "embedding" if project.work is Work.EMBEDDING else "chat",
        "attribution_method": None if is_minimal else project.attribution,
        "source_workdir": project.workdir if is_open else None,
        "source_machine": machine.hostname if is_open else None,
        "prompt_hash": None if is_minimal else call.prompt_hash,
        "idempotency_key": call.idempotency_key,
        "error_class": outcome.error_class,
        "provider_error_code": outcome.code,
        "http_status": outcome.http_status,
        "retryable": outcome.is_retryable,
        "billing_basis": "subscription_imputed" if is_paid_flat else None,
    }


def wire_time(moment: datetime) -> str:
    """Write a UTC time with microseconds and Z; such texts sort as the times do."""
    return moment.isoformat(timespec="microseconds")[:26] + "Z"


def uuid4_of(random: Random) -> str:
    """Return an id shaped like a UUID of version 4."""
    bits = random.getrandbits(128) & ~(0xF000 << 64) & ~(0xC000 << 48)
    text = f"{bits | 0x4000 << 64 | 0x8000 << 48:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
