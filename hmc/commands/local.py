"""The loopback API and the page over the daemon's file, until they are stopped."""

from typing import Annotated

import typer

from hmc.commands.options import Db

Port = Annotated[int, typer.Option(help="Port of the API.", min=1, max=65535)]
PagePort = Annotated[int, typer.Option(help="Port of the page.", min=1, max=65535)]


def local(db: Db = None, port: Port = 8765, page_port: PagePort = 3000) -> None:
    """Serve the daemon's figures to this machine alone, and a page that shows them."""
    from hmc.local import serve

    serve(db, port, page_port)
