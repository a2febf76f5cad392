"""How is the workspace set up, and who may change that?"""

from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter
from psycopg.errors import UniqueViolation
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.cloud.asking import card_of
from api.cloud.callers import belongs, permits, restores
from api.cloud.sessions import OpenDoors, has_clerk
from models.answers.workspace import WorkspaceCard, WorkspaceSettings
from models.plans import Permission, Tier, plans
from models.refusals import Conflict, SlugTaken
from models.tenancy import Caller
from warehouse.doors import Doors
from warehouse.workspaces import SLUG

router = APIRouter(prefix="/v1/workspaces/{slug}", tags=["workspaces"])

Owner = Annotated[Caller, permits(Permission.OWN_WORKSPACE)]
WorkspaceName = Annotated[
    str,
    Field(
        min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"
    ),
]
WorkspaceSlug = Annotated[str, Field(pattern=SLUG)]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not a time zone of the IANA database")
    return name


class ChangedWorkspace(BaseModel):
    """What is to change; what is unsaid stays."""

    model_config = ConfigDict(frozen=True)

    name: WorkspaceName | None = None
    slug: WorkspaceSlug | None = None
    reporting_time_zone: Annotated[str, AfterValidator(_known_zone)] | None = None


class ChosenTier(BaseModel):
    """The plan that the workspace is to have."""

    model_config = ConfigDict(frozen=True)

    tier: Tier


class BodyStorage(BaseModel):
    """Whether request and response bodies that daemons send are kept, encrypted."""

    model_config = ConfigDict(frozen=True)

    stores_bodies: bool


def _within_plan(days: int) -> int:
    most = plans()["retention"]["data_retention_days"]
    if days > most:
        raise ValueError(f"no workspace keeps requests for longer than {most} days")
    return days


class Retention(BaseModel):
    """For how many days requests are kept, today included; null is the longest."""

    model_config = ConfigDict(frozen=True)

    data_retention_days: Annotated[
        Annotated[int, Field(ge=1), AfterValidator(_within_plan)] | None,
        Field(description="Requests of days before are deleted for good."),
    ]


@router.get("")
async def workspace(
    caller: Annotated[Caller, belongs()], doors: OpenDoors
) -> WorkspaceSettings:
    """How the workspace is set up, and what the caller may do in it."""
    return await _settings(doors, caller)


@router.patch("")
async def change_workspace(
    caller: Annotated[Caller, permits(Permission.EDIT_WORKSPACE)],
    doors: OpenDoors,
    changed: ChangedWorkspace,
) -> WorkspaceSettings:
    """Rename it, move it to another slug, report in another time zone.

    Links with the slug of before lead on to the new one, for people. Another time
    zone is a revision of the days that are shown; the next rebuild makes them.
    """
    wanted = changed.model_dump(exclude_none=True)
    try:
        async with doors.deciding_as(caller) as warehouse:
            await warehouse.execute(
                """
                update app.workspaces set
                    name = coalesce(%(name)s, name),
                    slug = coalesce(%(slug)s, slug),
                    reporting_time_zone = coalesce(%(zone)s, reporting_time_zone)
                where workspace_id = %(workspace_id)s
                """,
                {
                    "workspace_id": caller.workspace_id,
                    "name": changed.name,
                    "slug": changed.slug,
                    "zone": changed.reporting_time_zone,
                },
            )
    except UniqueViolation:
        raise SlugTaken(str(changed.slug)) from None
    return await _settings(
        doors,
        caller.model_copy(
            update={
                "workspace_name": wanted.get("name", caller.workspace_name),
                "workspace_slug": wanted.get("slug", caller.workspace_slug),
            }
        ),
    )


@router.put("/tier")
async def choose_tier(
    caller: Annotated[Caller, permits(Permission.MANAGE_BILLING)],
    doors: OpenDoors,
    chosen: ChosenTier,
) -> WorkspaceCard:
    """Put the workspace on another plan; it counts from the next request on.

    Raises Conflict where plans are bought from Clerk: then its webhooks say which.
    """
    if has_clerk():
        raise Conflict("Plans are changed in the billing of Clerk here.")
    async with doors.deciding_as(caller) as warehouse:
        await warehouse.execute(
            "update app.workspaces set tier = %s where workspace_id = %s",
            [chosen.tier, caller.workspace_id],
        )
    return card_of(caller.model_copy(update={"tier": chosen.tier}))


@router.put("/body-storage")
async def switch_body_storage(
    caller: Owner, doors: OpenDoors, switched: BodyStorage
) -> WorkspaceSettings:
    """Keep bodies from now on, or keep none from now on."""
    async with doors.deciding_as(caller) as warehouse:
        await warehouse.execute(
            "update app.workspaces set stores_bodies = %s where workspace_id = %s",
            [switched.stores_bodies, caller.workspace_id],
        )
    return await _settings(doors, caller)


@router.put("/retention")
async def choose_retention(
    caller: Owner, doors: OpenDoors, chosen: Retention
) -> WorkspaceSettings:
    """Keep requests for fewer days, or again for as long as anybody's are kept.

    What is past its days goes with the next `hmc retain`. Raises Malformed where
    that is longer than anybody's are kept.
    """
    async with doors.deciding_as(caller) as warehouse:
        await warehouse.execute(
            """
            update app.workspaces set data_retention_days = %s
            where workspace_id = %s
            """,
            [chosen.data_retention_days, caller.workspace_id],
        )
    return await _settings(doors, caller)


@router.delete("", status_code=204)
async def delete_workspace(caller: Owner, doors: OpenDoors) -> None:
    """Close the workspace to people and daemons at once; its rows go after a grace.

    Until then its owners can restore it.
    """
    async with doors.deciding_as(caller) as warehouse:
        await warehouse.execute(
            "update app.workspaces set deleted_at = now() where workspace_id = %s",
            [caller.workspace_id],
        )


@router.post("/restore")
async def restore_workspace(
    caller: Annotated[Caller, restores()], doors: OpenDoors
) -> WorkspaceCard:
    """Bring a deleted workspace back while its grace lasts."""
    async with doors.deciding_as(caller) as warehouse:
        await warehouse.execute(
            "update app.workspaces set deleted_at = null where workspace_id = %s",
            [caller.workspace_id],
        )
    return card_of(caller)


async def _settings(doors: Doors, caller: Caller) -> WorkspaceSettings:
    async with doors.reading_as(caller) as warehouse:
        found = await warehouse.execute(
            """
            select
                workspace_id,
                reporting_time_zone,
                stores_bodies,
                coalesce(data_retention_days, %s) as data_retention_days,
                created_at
            from app.workspaces
            """,
            [plans()["retention"]["data_retention_days"]],
        )
        row = await found.fetchone()
    return WorkspaceSettings.model_validate(
        {
            **(row or {}),
            "workspace": card_of(caller),
            "role": caller.role,
            "permissions": [each for each in Permission if caller.may(each)],
        }
    )
