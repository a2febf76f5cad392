"""Retention and erasure."""

import json
from typing import Annotated
from uuid import UUID

import typer

from hmc.commands.options import DataDir, Json


def retain(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Let go of what has been kept long enough; run it once a day."""
    from warehouse.cluster import Role, connect
    from warehouse.migrate import require_current
    from warehouse.retention import retain as let_go

    require_current()
    with connect(Role.OWNER) as owner:
        for retained in let_go(owner):
            if as_json:
                typer.echo(retained.model_dump_json())
            elif retained.requests or retained.is_purged:
                typer.echo(
                    f"{retained.slug}: {retained.requests:,} requests went"
                    + (", and all else: its grace is over" * retained.is_purged)
                )


def erase_person(
    email: Annotated[str, typer.Argument(help="Whom to forget.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Forget who somebody was; what they changed stays in the log under an id."""
    from warehouse.cluster import Role, connect
    from warehouse.erasure import erase_person as erase
    from warehouse.migrate import require_current

    require_current()
    with connect(Role.OWNER) as owner:
        user_id = erase(owner, email)
    typer.echo(
        json.dumps({"user_id": str(user_id), "status": "erased"})
        if as_json
        else f"erased; the log knows them as {user_id}"
    )


def erase_machine(
    machine: Annotated[UUID, typer.Argument(help="Id of the machine to forget.")],
    workspace: Annotated[str, typer.Option(help="Slug of its workspace.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Forget which machine it was and where it worked; its requests keep their cost."""
    from warehouse.cluster import Role, connect
    from warehouse.erasure import erase_machine as erase
    from warehouse.migrate import require_current
    from warehouse.workspaces import workspace_of

    require_current()
    with connect(Role.OWNER) as owner:
        rows = erase(owner, workspace_of(owner, workspace), machine)
    typer.echo(
        json.dumps({"machine_id": str(machine), "rows": rows, "status": "erased"})
        if as_json
        else f"erased; {rows:,} requests said where it worked"
    )
