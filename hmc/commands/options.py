"""Options that many commands share."""

import os
from pathlib import Path
from typing import Annotated

import typer


def _use(data_dir: Path | None) -> Path | None:
    """Let everything after this use that folder, child processes included."""
    if data_dir is not None:
        os.environ["HMC_DATA_DIR"] = str(data_dir.expanduser().resolve())
    return data_dir


DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        help="Folder of the embedded Postgres and of keys [env: HMC_DATA_DIR].",
        callback=_use,
        show_default="~/.halton-meter-cloud",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Db = Annotated[
    Path | None,
    typer.Option(
        "--db",
        help="The daemon's file.",
        show_default="~/.halton-meter/db.sqlite",
    ),
]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colour.")]
Watch = Annotated[
    bool, typer.Option("--watch", help="Show it again whenever the file changes.")
]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print the rows as CSV.")]
