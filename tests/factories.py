"""Things that tests need many of: records, workspaces, machines, rates, people."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from starlette.testclient import TestClient

from api.cloud import closing
from api.cloud.issuer import session_token
from api.cloud.sessions import API_KEY_PREFIX
from ingest.rebuild.cycle import Published, rebuild, rebuilding
from models.keys import fresh_secret, hash_of
from models.plans import Role, Tier
from models.refusals import Conflict, NotThere
from models.tenancy import Caller, UserId, WorkspaceId
from warehouse.doors import Doors, Warehouse
from warehouse.workspaces import approve_pairing, create_workspace, subject_of, user_of


@dataclass(frozen=True)
class Workspace:
    workspace_id: UUID
    slug: str
    email: str


@dataclass(frozen=True)
class Daemon:
    """A paired machine and its key."""

    workspace: Workspace
    machine_id: str
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {
            "authorization": f"Bearer {self.key}",
            "user-agent": "halton-meter-daemon/1.4.0",
        }


def workspace(owner: psycopg.Connection, tier: str = "enterprise") -> Workspace:
    unique = uuid4().hex[:12]
    made = create_workspace(
        owner, f"Workspace {unique}", Tier(tier), f"{unique}@example.com", unique
    )
    return Workspace(made.workspace_id, made.slug, made.owner)


def member(owner: psycopg.Connection, of: Workspace, role: str) -> str:
    """Add a member with a role; return their e-mail."""
    email = f"{role}-{uuid4().hex[:8]}@example.com"
    owner.execute(
        "insert into app.members (workspace_id, user_id, role) values (%s, %s, %s)",
        [of.workspace_id, user_of(owner, email), Role(role)],
    )
    return email


def session(owner: psycopg.Connection, email: str) -> dict[str, str]:
    """The headers of somebody signed in."""
    return {"authorization": f"Bearer {session_token(subject_of(owner, email))}"}


def forget_starts(owner: psycopg.Connection) -> None:
    """Lift the limit of ten pairings per address that a test run is past soon."""
    owner.execute("update app.pairings set started_at = now() - interval '1 hour'")


def daemon(
    owner: psycopg.Connection, cloud: TestClient, of: Workspace, **machine: Any
) -> Daemon:
    """Pair a machine over the wire."""
    forget_starts(owner)
    asked = {"hostname": "laptop", "daemon_version": "1.4.0", "platform": "Darwin"}
    started = cloud.post("/v1/pairing/start", json=asked | machine).json()
    approve_pairing(owner, started["pairing_code"], of.slug)
    approved = cloud.post(
        "/v1/pairing/poll",
        json={key: started[key] for key in ("pairing_code", "poll_token")},
    ).json()
    return Daemon(of, approved["machine_id"], approved["api_key"])


def record(**fields: Any) -> dict[str, Any]:
    """One record as today's daemons send it: every key present, null when unset."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return {
        "id": str(uuid4()),
        "provider": "anthropic",
        "model": "claude-sonnet-4-5",
        "requested_at": now,
        "recorded_at": now,
        "project": "checkout",
        "input_tokens": 1_000,
        "output_tokens": 500,
        "thinking_tokens": 0,
        "cached_tokens": 0,
        "cache_write_tokens": 0,
        "cost_millicents": 1_050,
        "cost_usd_minor_units": 1_050,
        "fx_rate": None,
        "tokens_complete": True,
        "latency_ms": 812.5,
        "time_to_first_token_ms": None,
        "status": "success",
        "request_kind": "chat",
        "attribution_method": "git",
        "source_workdir": None,
        "source_machine": None,
        "prompt_hash": None,
        "idempotency_key": None,
        "error_class": None,
        "provider_error_code": None,
        "http_status": 200,
        "retryable": None,
        "billing_basis": None,
    } | fields


def batch(*records: Any) -> dict[str, Any]:
    return {"batch_id": str(uuid4()), "records": list(records)}


def rate(owner: psycopg.Connection, model: str, **parts: Any) -> int:
    """Make a catalogue rate known, with the revision that goes with it."""
    row = {
        "workspace_id": None,
        "provider": "acme",
        "prompt_tokens_above": 0,
        "input_rate": 3_000_000,
        "output_rate": 15_000_000,
        "thinking_rate": 15_000_000,
        "cache_read_rate": 300_000,
        "cache_write_rate": 3_750_000,
        "valid_from": datetime(1970, 1, 1, tzinfo=UTC),
        "valid_to": None,
    } | parts
    with owner.transaction():
        found = owner.execute(
            """
            insert into raw.pricing_rates (
                workspace_id, provider, model, prompt_tokens_above, input_rate,
                output_rate, thinking_rate, cache_read_rate, cache_write_rate,
                valid_from, valid_to, source, source_version
            )
            values (
                %(workspace_id)s, %(provider)s, %(model)s, %(prompt_tokens_above)s,
                %(input_rate)s, %(output_rate)s, %(thinking_rate)s,
                %(cache_read_rate)s, %(cache_write_rate)s, %(valid_from)s,
                %(valid_to)s, 'operator', 'test'
            )
            returning rate_id
            """,
            row | {"model": model},
        ).fetchone()
        revise(owner, row["provider"], model, row["workspace_id"])
    assert found is not None
    return int(found[0])


def withdraw(owner: psycopg.Connection, rate_id: int) -> None:
    """Stop believing a rate, with the revision that goes with it."""
    with owner.transaction():
        row = owner.execute(
            """
            update raw.pricing_rates set known_to = now() where rate_id = %s
            returning provider, model, workspace_id
            """,
            [rate_id],
        ).fetchone()
        assert row is not None
        revise(owner, *row)


def revise(
    owner: psycopg.Connection, provider: str, model: str, workspace_id: UUID | None
) -> None:
    owner.execute(
        """
        insert into raw.changes (kind, cause, workspace_id, provider, model)
        values ('revision', 'rate', %s, %s, %s)
        """,
        [workspace_id, provider, model],
    )


def rebuilt(*, full_refresh: bool = False) -> Published:
    """Run one cycle now."""
    with rebuilding() as owner:
        return rebuild(owner, full_refresh=full_refresh)


def api_key(
    owner: psycopg.Connection, of: Workspace, email: str, *scopes: str, **other: Any
) -> dict[str, str]:
    """The headers of a key that a member has made."""
    key = fresh_secret(API_KEY_PREFIX)
    owner.execute(
        """
        insert into app.api_keys (
            workspace_id, name, key_hash, scopes, created_by, expires_at, revoked_at
        )
        select %s, 'test', %s, %s, user_id, %s, %s from app.users where email = %s
        """,
        [
            of.workspace_id,
            hash_of(key),
            list(scopes),
            other.get("expires_at", datetime.now(UTC) + timedelta(days=1)),
            other.get("revoked_at"),
            email,
        ],
    )
    return {"authorization": f"Bearer {key}"}


def closed(
    owner: psycopg.Connection,
    workspace_id: UUID,
    provider: str,
    month: date,
    preparer: str,
    reviewer: str,
) -> bool:
    """Have two people close a month; False where there is nothing to close."""
    first, second = (
        _decider(owner, workspace_id, person) for person in (preparer, reviewer)
    )
    return _decided(
        (first, lambda at: closing.prepare(at, first, provider, month)),
        (second, lambda at: closing.close(at, second, provider, month)),
    )


def reopened(
    owner: psycopg.Connection, workspace_id: UUID, provider: str, month: date, by: str
) -> bool:
    """Have somebody reopen a month; False where it is not closed."""
    who = _decider(owner, workspace_id, by)
    return _decided(
        (who, lambda at: closing.reopen(at, who, provider, month, "because"))
    )


def _decider(owner: psycopg.Connection, workspace_id: UUID, person: str) -> Caller:
    slug, name = owner.execute(
        "select slug, name from app.workspaces where workspace_id = %s", [workspace_id]
    ).fetchone() or ("", "")
    return Caller(
        user_id=UserId(UUID(person)),
        email="somebody@example.com",
        workspace_id=WorkspaceId(workspace_id),
        workspace_slug=slug,
        workspace_name=name,
        tier=Tier.ENTERPRISE,
        role=Role.ADMIN,
    )


def _decided(
    *decisions: tuple[Caller, Callable[[Warehouse], Awaitable[object]]],
) -> bool:
    async def decide() -> None:
        doors = Doors(ingest=1, api=1)
        await doors.open()
        try:
            for caller, decision in decisions:
                async with doors.deciding_as(caller) as warehouse:
                    await decision(warehouse)
        finally:
            await doors.close()

    try:
        asyncio.run(decide())
    except (Conflict, NotThere):
        return False
    return True
