"""Workspaces, pairings and sessions from the command line."""

import json
from enum import StrEnum
from typing import Annotated

import typer

from hmc.commands.options import DataDir, Json


class TierName(StrEnum):
    """The wire names of the plans."""

    SOLO = "solo"
    TEAM = "team"
    ENTERPRISE = "enterprise"


def create_workspace(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    tier: Annotated[TierName, typer.Option(help="Its plan.")],
    owner: Annotated[str, typer.Option(help="E-mail of its first owner.")],
    slug: Annotated[str | None, typer.Option(help="Its name in addresses.")] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Create a workspace with its first owner."""
    from models.plans import Tier
    from warehouse.cluster import Role, connect
    from warehouse.migrate import require_current
    from warehouse.workspaces import create_workspace as create

    require_current()
    with connect(Role.OWNER) as database:
        made = create(database, name, Tier(tier), owner, slug)
    typer.echo(
        made.model_dump_json()
        if as_json
        else f"workspace {made.slug} ({made.tier.display}), owned by {made.owner}"
    )


def choose_tier(
    slug: Annotated[str, typer.Argument(help="Slug of the workspace.")],
    tier: Annotated[TierName, typer.Argument(help="Its new plan.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Put a workspace on another plan; it counts from the next request on."""
    from models.plans import Tier
    from warehouse.cluster import Role, connect
    from warehouse.migrate import require_current
    from warehouse.workspaces import choose_tier as choose

    require_current()
    with connect(Role.OWNER) as database:
        choose(database, slug, Tier(tier))
    typer.echo(
        json.dumps({"workspace": slug, "tier": tier})
        if as_json
        else f"{slug} is on {Tier(tier).display}"
    )


def restore_workspace(
    slug: Annotated[str, typer.Argument(help="Slug of the deleted workspace.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Bring a deleted workspace back that was not purged yet."""
    from warehouse.cluster import Role, connect
    from warehouse.migrate import require_current
    from warehouse.workspaces import restore_workspace as restore

    require_current()
    with connect(Role.OWNER) as database:
        restore(database, slug)
    typer.echo(
        json.dumps({"workspace": slug, "status": "restored"})
        if as_json
        else f"{slug} is back"
    )


def approve_pairing(
    code: Annotated[str, typer.Argument(help="The code that the daemon shows.")],
    workspace: Annotated[str, typer.Option(help="Slug of the workspace.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Let the machine that shows this code sync into a workspace."""
    from warehouse.cluster import Role, connect
    from warehouse.migrate import require_current
    from warehouse.workspaces import approve_pairing as approve

    require_current()
    with connect(Role.OWNER) as database:
        hostname = approve(database, code, workspace)
    typer.echo(
        json.dumps({"hostname": hostname, "workspace": workspace, "status": "approved"})
        if as_json
        else f"{hostname} may sync into {workspace}"
    )


def token(
    user: Annotated[str, typer.Option(help="E-mail of a member.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Print a session token of the local issuer, for scripts."""
    from api.cloud.issuer import session_token
    from api.cloud.sessions import has_clerk
    from models.trouble import Trouble
    from warehouse.cluster import Role, connect
    from warehouse.migrate import require_current
    from warehouse.workspaces import subject_of

    if has_clerk():
        raise Trouble("sessions here are Clerk's; make an API key for a script")
    require_current()
    with connect(Role.OWNER) as database:
        signed = session_token(subject_of(database, user))
    typer.echo(json.dumps({"token": signed}) if as_json else signed)
