"""What scripts may do here: keys with scopes, each until a day."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.cloud.callers import permits
from api.cloud.sessions import API_KEY_PREFIX, OpenDoors
from models.answers.people import ApiKey, MadeApiKey
from models.keys import fresh_secret, hash_of
from models.plans import Permission, plans
from models.refusals import NotInScope, NotThere
from models.tenancy import Caller

router = APIRouter(prefix="/v1/workspaces/{slug}/api-keys", tags=["api keys"])

Manager = Annotated[Caller, permits(Permission.MANAGE_MEMBERS)]

KEYS = """
    select
        api_keys.api_key_id,
        api_keys.name,
        api_keys.scopes,
        makers.email as created_by,
        api_keys.created_at,
        api_keys.expires_at,
        api_keys.last_used_at,
        case
            when api_keys.revoked_at is not null then 'revoked'
            when api_keys.expires_at <= now() then 'expired'
            when makers.email is null then 'orphaned'
            else 'active'
        end as state
    from app.api_keys
    left join app.users as makers on api_keys.created_by = makers.user_id
    where %(id)s::uuid is null or api_keys.api_key_id = %(id)s
    order by api_keys.created_at desc, api_keys.api_key_id
"""


def _for_keys(scope: Permission) -> Permission:
    if scope not in plans()["keys"]["scopes"]:
        raise ValueError("no key may be given this")
    return scope


class NewApiKey(BaseModel):
    """A key to be: what it is for, what it may do, and for how long."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
    scopes: Annotated[
        list[Annotated[Permission, AfterValidator(_for_keys)]],
        Field(min_length=1, max_length=len(Permission)),
    ]
    expires_in_days: Annotated[int, Field(ge=1, le=366)] = 90


@router.get("")
async def api_keys(caller: Manager, doors: OpenDoors) -> list[ApiKey]:
    """Every key of the workspace, newest first; never the key itself."""
    async with doors.reading_as(caller) as warehouse:
        found = await warehouse.execute(KEYS, {"id": None})
        return [ApiKey.model_validate(row) for row in await found.fetchall()]


@router.post("", status_code=201)
async def make_api_key(caller: Manager, doors: OpenDoors, new: NewApiKey) -> MadeApiKey:
    """Make a key; the answer holds it, this once.

    It may never do more than who made it may do, and nothing once they have left.
    """
    for scope in new.scopes:
        if not caller.may(scope):
            raise NotInScope(scope)
    key = fresh_secret(API_KEY_PREFIX)
    async with doors.deciding_as(caller) as warehouse:
        made = await warehouse.execute(
            """
            insert into app.api_keys (
                workspace_id, name, key_hash, scopes, created_by, expires_at
            )
            values (%s, %s, %s, %s, %s, now() + %s)
            returning api_key_id
            """,
            [
                caller.workspace_id,
                new.name,
                hash_of(key),
                sorted(set(new.scopes)),
                caller.user_id,
                timedelta(days=new.expires_in_days),
            ],
        )
        row = await made.fetchone() or {}
        found = await warehouse.execute(KEYS, {"id": row["api_key_id"]})
        card = ApiKey.model_validate(await found.fetchone())
    return MadeApiKey(key=card, api_key=key)


@router.delete("/{api_key_id}", status_code=204)
async def revoke_api_key(caller: Manager, doors: OpenDoors, api_key_id: UUID) -> None:
    """End a key; its next request is refused."""
    async with doors.deciding_as(caller) as warehouse:
        revoked = await warehouse.execute(
            """
            update app.api_keys set revoked_at = coalesce(revoked_at, now())
            where workspace_id = %s and api_key_id = %s
            """,
            [caller.workspace_id, api_key_id],
        )
    if revoked.rowcount == 0:
        raise NotThere("No such key.")
