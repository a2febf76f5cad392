"""Captured bodies: kept sealed, where the workspace asked for it, beside their call."""

import base64
from datetime import timedelta
from enum import Enum, auto
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from ingest.daemons.lenient_json import read_leniently, storable
from models.refusals import BodyUnreadable, Malformed
from models.tenancy import Sender
from warehouse.doors import Warehouse
from warehouse.sealing import BodyPlace, Direction, seal, sealing_key

MOST_BYTES = 2 * 1024 * 1024  # a leg of 1 MiB of text is 1.4 MB of base64
AWAITED_FOR = timedelta(hours=1)
FORGOTTEN_AFTER = timedelta(days=30)
LONGEST_TEXT = 255
MOST_SUMMARIES = 1_000


def _text_or_none(value: Any) -> str | None:
    return storable(value)[:LONGEST_TEXT] if isinstance(value, str) else None


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        return []
    return [storable(str(one))[:LONGEST_TEXT] for one in value[:MOST_SUMMARIES]]


def _bool_or_none(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _size_or_none(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 2**63 else None


class BodyPost(BaseModel):
    """One direction of a call. What only describes it is never a reason to refuse."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    request_id: UUID
    direction: Direction
    body_b64: Annotated[str, Field(description="Base64 of UTF-8 text.")]
    content_type: Annotated[str | None, BeforeValidator(_text_or_none)] = None
    redaction_applied: Annotated[bool | None, BeforeValidator(_bool_or_none)] = None
    redaction_summary: Annotated[list[str], BeforeValidator(_texts)] = []
    original_size_bytes: Annotated[int | None, BeforeValidator(_size_or_none)] = None


class NotStored(BaseModel):
    """The workspace keeps no bodies; nothing of this one was kept."""

    model_config = ConfigDict(frozen=True)

    stored: Literal[False] = False
    reason: Literal["store_prompt_content_off"] = "store_prompt_content_off"


class Kept(Enum):
    """What became of a body."""

    STORED = auto()
    REQUEST_AWAITED = auto()
    REQUEST_NOT_THEIRS = auto()


async def keeps_bodies(warehouse: Warehouse, machine: Sender) -> bool:
    """Say whether the workspace has its body storage switched on."""
    found = await warehouse.execute(
        "select stores_bodies from app.workspaces where workspace_id = %s",
        [machine.workspace_id],
    )
    row = await found.fetchone()
    return bool(row and row["stores_bodies"])


def read_body(posted: bytes, request_id: UUID) -> tuple[BodyPost, bytes]:
    """Read a post and the text in it; BodyUnreadable when it is none, or another's."""
    try:
        post = BodyPost.model_validate(read_leniently(posted))
        text = base64.b64decode(post.body_b64, validate=True)
    except ValidationError as failure:
        first = failure.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BodyUnreadable(f"{where or 'The body'}: {first['msg']}") from None
    except Malformed as failure:
        raise BodyUnreadable(str(failure)) from None
    except ValueError:
        raise BodyUnreadable("`body_b64` is no base64.") from None
    if post.request_id != request_id:
        raise BodyUnreadable("`request_id` is not the one in the address.")
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        raise BodyUnreadable("`body_b64` is not the base64 of UTF-8 text.") from None
    return post, text


async def keep(
    warehouse: Warehouse, machine: Sender, post: BodyPost, text: bytes
) -> Kept:
    """Seal a body beside its request, in place of an earlier one of its direction."""
    found = await warehouse.execute(
        "select machine_id from raw.requests where request_id = %s", [post.request_id]
    )
    request = await found.fetchone()
    if request is None:
        return await _await(warehouse, machine, post.request_id)
    if request["machine_id"] != machine.machine_id:
        return Kept.REQUEST_NOT_THEIRS
    key = await sealing_key(warehouse, machine.workspace_id)
    place = BodyPlace(machine.workspace_id, post.request_id, post.direction)
    await warehouse.execute(
        """
        insert into raw.request_bodies (
            workspace_id, request_id, direction, machine_id, key_version, sealed,
            content_type, original_size_bytes, redaction_applied, redaction_summary
        )
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (workspace_id, request_id, direction) do update set
            key_version = excluded.key_version,
            sealed = excluded.sealed,
            content_type = excluded.content_type,
            original_size_bytes = excluded.original_size_bytes,
            redaction_applied = excluded.redaction_applied,
            redaction_summary = excluded.redaction_summary,
            received_at = excluded.received_at
        """,
        [
            machine.workspace_id,
            post.request_id,
            post.direction,
            machine.machine_id,
            key.version,
            seal(text, key, place),
            post.content_type,
            post.original_size_bytes,
            post.redaction_applied,
            post.redaction_summary,
        ],
    )
    return Kept.STORED


async def _await(warehouse: Warehouse, machine: Sender, request_id: UUID) -> Kept:
    """Wait an hour for a request from its first body on; after that it is nobody's."""
    await warehouse.execute(
        "delete from raw.awaited_requests where awaited_since < now() - %s",
        [FORGOTTEN_AFTER],
    )
    await warehouse.execute(
        """
        insert into raw.awaited_requests (workspace_id, request_id) values (%s, %s)
        on conflict do nothing
        """,
        [machine.workspace_id, request_id],
    )
    found = await warehouse.execute(
        """
        select awaited_since < now() - %s as is_over from raw.awaited_requests
        where request_id = %s
        """,
        [AWAITED_FOR, request_id],
    )
    row = await found.fetchone()
    is_over = bool(row and row["is_over"])
    return Kept.REQUEST_NOT_THEIRS if is_over else Kept.REQUEST_AWAITED
