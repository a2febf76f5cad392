"""Everything at once, or the API and the rebuild worker apart."""

from typing import Annotated

import typer

from hmc.commands.options import DataDir

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)]


def up(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print no address.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Run everything in the foreground: database, API, rebuild, dashboard."""
    from hmc.running import prepare, run_everything

    prepare(host, port)
    run_everything(host, port, quiet=quiet)


def api(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    data_dir: DataDir = None,
) -> None:
    """Run the API and the dashboard alone; a worker has to run beside it."""
    from hmc.running import refuse_taken_port, run_api

    refuse_taken_port(host, port)
    run_api(host, port)


def worker(
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
    data_dir: DataDir = None,
) -> None:
    """Run the rebuild worker alone: price and publish what changes."""
    from hmc.running import run_worker

    run_worker(parent)
