"""Keep a backup, restore one, and drill it."""

import signal
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from hmc.commands.options import DataDir, Json

Folder = Annotated[Path, typer.Argument(help="Where the backup is kept.")]


def backup(
    folder: Folder,
    data_dir: DataDir = None,
) -> None:
    """Copy the warehouse, then keep every commit as it is made, until stopped."""
    from warehouse.backup import keep
    from warehouse.migrate import require_current

    require_current()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        keep(folder, lambda said: typer.echo(said, err=True))


def restore(
    folder: Folder,
    until: Annotated[
        datetime | None, typer.Option(help="A moment, UTC; the end when unsaid.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a new data folder of a backup, as of its end or of a moment before."""
    from warehouse.backup import restore as replay
    from warehouse.embedded import leave
    from warehouse.settings import settings

    home = settings().home
    replay(folder, home, until and until.replace(tzinfo=UTC))
    leave(home)
    typer.echo(f"restored into {home}; `hmc up --data-dir {home}` runs it")


def drill(
    base_backup: Annotated[
        bool,
        typer.Option(
            "--base-backup", help="Of a base backup and WAL, instead of a dump."
        ),
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Back up, restore beside and compare: counts, sums, audit chains."""
    from warehouse.cluster import Role, connect
    from warehouse.drill import drill as drill_dump
    from warehouse.drill import drill_base_backup
    from warehouse.migrate import require_current

    require_current()
    with connect(Role.OWNER) as owner:
        drilled = drill_base_backup(owner) if base_backup else drill_dump(owner)
    if as_json:
        typer.echo(drilled.model_dump_json())
        return
    behind = drilled.behind_seconds
    typer.echo(
        f"restored {drilled.rows:,} rows of {drilled.tables} tables, all costs to"
        f" the picodollar and {drilled.chains:,} audit chains whole,"
        f" in {drilled.seconds:.0f} s"
        + (f"; a commit was safe after {behind:.2f} s" if behind is not None else "")
    )
