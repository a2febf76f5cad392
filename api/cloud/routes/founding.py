"""A workspace of one's own."""

from uuid import uuid4

from fastapi import APIRouter
from psycopg.errors import UniqueViolation
from pydantic import BaseModel, ConfigDict

from api.cloud.asking import card_of
from api.cloud.routes.workspaces import WorkspaceName, WorkspaceSlug
from api.cloud.sessions import CurrentPerson, OpenDoors
from models.answers.workspace import WorkspaceCard
from models.plans import Feature, Role, Tier
from models.refusals import SlugTaken, TierLocked
from models.tenancy import Caller, WorkspaceId
from warehouse.doors import Warehouse
from warehouse.workspaces import slug_of

router = APIRouter(prefix="/v1", tags=["workspaces"])


class NewWorkspace(BaseModel):
    """A workspace to be; its slug is made from its name when unsaid."""

    model_config = ConfigDict(frozen=True)

    name: WorkspaceName
    slug: WorkspaceSlug | None = None


@router.post("/workspaces", status_code=201)
async def create_workspace(
    person: CurrentPerson, doors: OpenDoors, new: NewWorkspace
) -> WorkspaceCard:
    """Found a Solo workspace and own it. A second one needs Team."""
    founder = Caller(
        user_id=person.user_id,
        email=person.email,
        workspace_id=WorkspaceId(uuid4()),  # of nobody yet, so theirs
        workspace_slug=new.slug or slug_of(new.name) or f"w-{uuid4().hex[:8]}",
        workspace_name=new.name,
        tier=Tier.SOLO,
        role=Role.OWNER,
    )
    try:
        async with doors.deciding_as(founder) as warehouse:
            await _refuse_second(warehouse, founder)
            await warehouse.execute(
                """
                insert into app.workspaces (workspace_id, slug, name, tier)
                values (%s, %s, %s, %s)
                """,
                [
                    founder.workspace_id,
                    founder.workspace_slug,
                    founder.workspace_name,
                    founder.tier,
                ],
            )
            await warehouse.execute(
                """
                insert into app.members (workspace_id, user_id, role)
                values (%s, %s, %s)
                """,
                [founder.workspace_id, founder.user_id, founder.role],
            )
    except UniqueViolation:
        raise SlugTaken(founder.workspace_slug) from None
    return card_of(founder)


async def _refuse_second(warehouse: Warehouse, founder: Caller) -> None:
    """Raise TierLocked when whoever founds owns one already and none from Team up."""
    # One founding at a time, or two at once would both be the first.
    await warehouse.execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 0))", [str(founder.user_id)]
    )
    found = await warehouse.execute(
        """
        select tier from app.memberships_of(%s)
        where role = 'owner' and deleted_at is null
        """,
        [founder.user_id],
    )
    owned = [Tier(row["tier"]) for row in await found.fetchall()]
    feature = Feature.MORE_WORKSPACES
    if owned and not any(tier.covers(feature.lowest_tier) for tier in owned):
        raise TierLocked(feature, max(owned, key=list(Tier).index))
