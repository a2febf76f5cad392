"""Looks at the data, and its documentation."""

from pathlib import Path
from typing import Annotated

import typer

from hmc.commands.options import DataDir, Json


def quality(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Look at fresh rows, dbt's tests and freshness; document models that changed.

    Findings are no failure of the command: they are rows, shown on Data health.
    """
    from ingest.quality.documenting import document, needs_documentation
    from ingest.quality.keeping import look
    from warehouse.cluster import Role, connect
    from warehouse.migrate import require_current

    require_current()
    with connect(Role.OWNER) as owner:
        looked = look(owner)
        if needs_documentation(owner):
            document(owner)
    if as_json:
        typer.echo(looked.model_dump_json())
        return
    stale = [source for source, went in looked.freshness.items() if went != "pass"]
    tests = ", ".join(f"{count} {went}" for went, count in sorted(looked.tests.items()))
    typer.echo(
        f"{looked.findings} findings of {looked.expectations} expectations;"
        f" tests: {tests}; stale: {', '.join(stale) or 'nothing'};"
        f" {looked.seconds:.1f} s"
    )


def docs(
    to: Annotated[
        Path | None, typer.Option(help="A file to write the page to as well.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Document the models anew, for the API to serve to workspace admins."""
    from ingest.quality.documenting import document
    from warehouse.cluster import Role, connect
    from warehouse.migrate import require_current

    require_current()
    with connect(Role.OWNER) as owner:
        page = document(owner)
    if to:
        to.write_text(page, "utf-8")
    typer.echo(f"{len(page) // 1024:,} KiB kept{f' and written to {to}' if to else ''}")
