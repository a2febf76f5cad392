"""What a Postgres that was killed leaves behind, and a new one would trip over.

Its pid file names a process that is gone, or dead and not yet buried by whoever has to
(process 1 of a container often never does), or by now somebody else. Its children may
still hold its memory.
"""

from pathlib import Path

import psutil

LONGEST_DEATH_SECONDS = 5.0
PROCESS, FOLDER, SOCKET = 0, 1, 4  # lines of the pid file


def is_alive(pgdata: Path) -> bool:
    """Say whether the process that the pid file names is this folder's Postgres."""
    try:
        process = psutil.Process(int(_told(pgdata)[PROCESS]))
        return process.status() != psutil.STATUS_ZOMBIE and _is_of(process, pgdata)
    except (ValueError, psutil.NoSuchProcess):
        return False


def socket_if_ready(pgdata: Path) -> str | None:
    """Return the folder of its socket, once it has told that it takes connections."""
    told = _told(pgdata)
    return told[SOCKET] if told[-1] == "ready" else None


def clear(pgdata: Path) -> None:
    """End the orphans of a Postgres that is not alive, and take its locks away.

    They finish nothing that anybody could still be told, and while one of them holds
    the shared memory no other Postgres starts.
    """
    orphans = [
        process
        for process in psutil.process_iter(["name"])
        if process.info["name"] == "postgres" and _is_of(process, pgdata)
    ]
    for orphan in orphans:
        try:
            orphan.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(orphans, LONGEST_DEATH_SECONDS)
    told = _told(pgdata)
    # A folder that was copied names its original, whose socket is not ours to take.
    is_own = len(told) > SOCKET and told[FOLDER] == str(pgdata)
    socket_folder = Path(told[SOCKET]) if is_own else pgdata
    for lock in (".s.PGSQL.5432.lock", ".s.PGSQL.5432"):
        (socket_folder / lock).unlink(missing_ok=True)
    (pgdata / "postmaster.pid").unlink(missing_ok=True)


def _told(pgdata: Path) -> list[str]:
    """Read the lines of a pid file: the process first, how far it is last."""
    try:
        text = (pgdata / "postmaster.pid").read_text("ascii")
    except OSError:
        return [""]
    return [line.strip() for line in text.splitlines()] or [""]


def _is_of(process: psutil.Process, pgdata: Path) -> bool:
    """Say whether a process is a Postgres that works in the folder."""
    try:
        return process.name() == "postgres" and Path(process.cwd()) == pgdata.resolve()
    except psutil.AccessDenied:  # another's, seen by a root that may not look
        return str(pgdata) in " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # zombies have no folder
        return False
