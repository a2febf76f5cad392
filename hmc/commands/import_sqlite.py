"""A daemon's file straight in, for a machine that cannot sync."""

import json
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hmc.commands.options import DataDir, Json


def import_sqlite(
    file: Annotated[Path, typer.Argument(help="The daemon's SQLite file.")],
    workspace: Annotated[str, typer.Option(help="Slug of the workspace.")],
    machine: Annotated[str, typer.Option(help="Hostname to file the calls under.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Land a daemon's calls from its file; safe to run again."""
    import asyncio

    from ingest.daemons.sqlite_file import Imported, import_file, open_daemon_file
    from models.tenancy import Sender
    from warehouse.cluster import Role, connect
    from warehouse.doors import Doors
    from warehouse.migrate import require_current
    from warehouse.workspaces import machine_named

    async def landed(sender: Sender) -> Imported:
        doors = Doors(ingest=1, api=1)
        await doors.open()
        try:
            return await import_file(doors, sender, calls)
        finally:
            await doors.close()

    require_current()
    calls = open_daemon_file(file)
    with connect(Role.OWNER) as owner, owner.transaction():
        sender = machine_named(owner, workspace, machine)
    with closing(calls):
        imported = asyncio.run(landed(sender))
    typer.echo(
        json.dumps(asdict(imported) | {"machine_id": str(sender.machine_id)})
        if as_json
        else f"{imported.accepted:,} calls landed, {imported.duplicate:,} were there,"
        f" {imported.flagged:,} flagged"
    )
