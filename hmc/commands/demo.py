"""The whole product on demo workspaces, with real calls over the real contract."""

from typing import Annotated

import typer

from hmc.commands.options import DataDir


def demo(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    data_dir: DataDir = None,
) -> None:
    """Run the product with demo workspaces until stopped; prints how to sign in."""
    from hmc.demo.run import run_demo

    run_demo(port)
