"""Serves the loopback API and its page in this process, to this machine alone."""

import sys
from pathlib import Path

from hmc.running import refuse_taken_port

HOST = "127.0.0.1"


def serve(db: Path | None, port: int, page_port: int) -> None:
    """Serve until SIGINT or SIGTERM; a Trouble says why it cannot start."""
    import uvicorn

    from api.local.laptop import opened
    from api.local.loopback import create_app

    refuse_taken_port(HOST, port)
    with opened(db) as laptop:
        file = laptop.file
    sys.stderr.write(f"\n  API   http://{HOST}:{port}  over {file}\n\n")
    sys.stderr.flush()
    uvicorn.run(
        create_app(file, port, page_port),
        host=HOST,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
    )
