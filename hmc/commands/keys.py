"""Keys of captured bodies: rotate them, or destroy a workspace's."""

import json
from typing import Annotated

import typer

from hmc.commands.options import DataDir, Json

WorkspaceSlug = Annotated[str, typer.Option(help="Slug of the workspace.")]


def rotate_keys(
    workspace: Annotated[
        str | None,
        typer.Option(help="Seal this workspace's bodies anew, under a new data key."),
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Wrap every data key with a new master key; or seal one workspace's bodies anew.

    Master keys in the data folder are replaced. Those of HMC_MASTER_KEYS are yours:
    put the new one first, keep the old one behind it, restart, rotate, take it out.
    """
    from warehouse.cluster import Role, connect
    from warehouse.migrate import require_current
    from warehouse.rotation import rotate_data_key, rotate_master_key
    from warehouse.workspaces import workspace_of

    require_current()
    with connect(Role.OWNER) as owner:
        if workspace is None:
            done = {"data_keys_rewrapped": rotate_master_key(owner)}
        else:
            count = rotate_data_key(owner, workspace_of(owner, workspace))
            done = {"bodies_resealed": count}
    _say(done, as_json=as_json)


def destroy_keys(
    workspace: WorkspaceSlug,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask: no one can undo this.")
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make a workspace's captured bodies unreadable for good, and delete them."""
    from warehouse.cluster import Role, connect
    from warehouse.migrate import require_current
    from warehouse.rotation import destroy_data_keys
    from warehouse.workspaces import workspace_of

    require_current()
    if not yes:
        typer.confirm(
            f"Destroy every captured body of {workspace}? No one can undo this",
            abort=True,
        )
    with connect(Role.OWNER) as owner:
        count = destroy_data_keys(owner, workspace_of(owner, workspace))
    _say({"bodies_destroyed": count}, as_json=as_json)


def _say(done: dict[str, int], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(done))
        return
    for what, count in done.items():
        typer.echo(f"{count:,} {what.replace('_', ' ')}")
