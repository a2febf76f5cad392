"""Migrate and rebuild: what an operator does to the warehouse."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from hmc.commands.options import DataDir, Json


def migrate(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Bring the database to the schema of this version."""
    from warehouse.migrate import migrate as bring_up_to_date

    version = bring_up_to_date()
    typer.echo(json.dumps({"schema_version": version}) if as_json else f"at {version}")


def rebuild(
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Make every mart anew.")
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Price what arrived and what was revised, and publish it."""
    from ingest.rebuild.cycle import rebuild as run_a_cycle
    from ingest.rebuild.cycle import rebuilding
    from warehouse.migrate import require_current

    require_current()
    with rebuilding() as owner:
        published = run_a_cycle(owner, full_refresh=full_refresh)
    if as_json:
        typer.echo(json.dumps(asdict(published)))
        return
    how = "full refresh" if published.is_full_refresh else "cycle"
    typer.echo(
        f"{how} {published.cycle_id}: {published.request_count:,} requests priced,"
        f" {published.revised_hour_count:,} hours revised,"
        f" {published.seconds:.1f} s"
    )
