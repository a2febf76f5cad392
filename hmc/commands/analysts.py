"""Logins for analysts, who ask the warehouse itself."""

import json
from typing import Annotated

import typer

from hmc.commands.options import DataDir, Json


def grant_analyst(
    workspace: Annotated[str, typer.Option(help="Slug of the workspace to read.")],
    label: Annotated[str, typer.Option(help="Whose it is, or what for.")],
    days: Annotated[int, typer.Option(help="How long it lasts.", min=1, max=366)] = 90,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make a read-only login of one workspace; prints its address, this once."""
    from warehouse.analysts import grant_login
    from warehouse.cluster import Role, connect
    from warehouse.migrate import require_current

    require_current()
    with connect(Role.OWNER) as owner:
        made = grant_login(owner, workspace, label, days)
    if as_json:
        typer.echo(made.model_dump_json())
        return
    typer.echo(made.address)
    typer.echo(
        f"{made.login} reads the marts of {workspace} ({made.workspace_id})"
        f" until {made.expires_at:%Y-%m-%d}; the address is shown this once",
        err=True,
    )


def revoke_analyst(
    login: Annotated[str, typer.Argument(help="The login, hmc_analyst_…")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """End a login of an analyst."""
    from warehouse.analysts import revoke_login
    from warehouse.cluster import Role, connect
    from warehouse.migrate import require_current

    require_current()
    with connect(Role.OWNER) as owner:
        revoke_login(owner, login)
    typer.echo(
        json.dumps({"login": login, "status": "revoked"})
        if as_json
        else f"{login} is revoked"
    )
