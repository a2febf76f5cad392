"""A base backup and the WAL that follows it: the warehouse as of any moment since.

A backup folder holds `base`, a copy of the data folder, and `wal`, to which Postgres
streams every commit as it is made. Restoring is the copy, replayed.
"""

import shutil
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from models.trouble import Trouble
from warehouse.cluster import DATABASE, composed, replicating
from warehouse.embedded import embedded_socket, hand_over, program

RECOVERED_WITHIN_SECONDS = 3600


def keep(folder: Path, say: Callable[[str], None]) -> None:
    """Take a base backup if there is none, and receive WAL until interrupted.

    Raises Trouble when the receiver ends by itself: its commits would be missing.
    """
    with receiving_wal(folder) as receiver:
        if not (folder / "base").exists():
            take_base(folder)
        say(f"{folder} holds the warehouse, and from now on every commit")
        _, why = receiver.communicate()
        raise Trouble(f"pg_receivewal ended: {' '.join(why.split())[:400]}")


@contextmanager
def receiving_wal(folder: Path) -> Generator["subprocess.Popen[str]"]:
    """Write every commit from now on into the folder, flushed as it comes.

    Yields the receiver, which ends with the block. Raises Trouble with its complaint
    where it does not start, as for a login without REPLICATION.
    """
    wal = folder / "wal"
    wal.mkdir(parents=True, exist_ok=True)
    receiver = subprocess.Popen(
        [
            program("pg_receivewal"),
            f"--dbname={replicating()}",
            f"--directory={wal}",
            "--synchronous",
            "--no-loop",
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _wait_for_receiver("state = 'streaming'", [], seconds=30, receiver=receiver)
        yield receiver
    finally:
        receiver.terminate()
        receiver.communicate()


def take_base(folder: Path) -> None:
    """Copy the data folder of the running server; Trouble if there is one already."""
    base = folder / "base"
    if base.exists():
        raise Trouble(f"{base} is there already: give every backup its own folder")
    run(
        "pg_basebackup",
        f"--dbname={replicating()}",
        f"--pgdata={base}",
        "--checkpoint=fast",
        "--wal-method=stream",
    )


def restore(folder: Path, home: Path, until: datetime | str | None = None) -> str:
    """Replay a backup into a new data folder; return a superuser's address there.

    `until` is a moment, or a place in the WAL; without it everything is replayed.
    Leave it by `warehouse.embedded.leave`. Raises Trouble where the data folder is in
    use, or the backup does not reach so far.
    """
    pgdata, wal = home / "postgres", home / "wal"
    if pgdata.exists():
        raise Trouble(f"{home} holds a warehouse: restore into a folder of its own")
    try:
        # The socket of the server that was copied is not this one's.
        strange = shutil.ignore_patterns(".s.PGSQL.*", "log")
        shutil.copytree(folder / "base", pgdata, ignore=strange)
        shutil.copytree(folder / "wal", wal)
    except OSError as failure:
        raise Trouble(f"{folder} holds no backup: {failure}") from None
    pgdata.chmod(0o700)
    # What was still being received is a whole segment by another name.
    for partial in wal.glob("*.partial"):
        partial.rename(partial.with_suffix(""))
    (pgdata / "recovery.signal").touch()
    with (pgdata / "postgresql.auto.conf").open("a") as configuration:
        configuration.write(_recovery(wal, until))
    hand_over(home, wal)
    at = {"user": "postgres", "host": embedded_socket(home)}
    _wait_until_recovered(make_conninfo("", dbname="postgres", **at))
    shutil.rmtree(wal)
    return make_conninfo("", dbname=DATABASE, **at)


def run(name: str, *words: str) -> None:
    """Run one of Postgres' programs; Trouble with what it complained of."""
    result = subprocess.run(
        [program(name), *words], capture_output=True, text=True, check=False
    )
    if result.returncode:
        why = " ".join(result.stderr.split()) or f"exit code {result.returncode}"
        raise Trouble(f"{name}: {why[:400]}")


def wait_until_received(place: str) -> None:
    """Wait until the receiver has flushed the WAL up to a place in it."""
    _wait_for_receiver("flush_lsn >= %s", [place], seconds=60)


def _recovery(wal: Path, until: datetime | str | None) -> str:
    target = {
        datetime: "recovery_target_time",
        str: "recovery_target_lsn",
    }
    lines = [f'restore_command = \'cp "{wal}/%f" "%p"\'']
    if until is not None:
        lines += [
            f"{target[type(until)]} = '{until}'",
            "recovery_target_action = promote",
        ]
    return "\n".join(["", *lines, ""])


def _wait_for_receiver(
    condition: str,
    values: list[str],
    *,
    seconds: float,
    receiver: "subprocess.Popen[str] | None" = None,
) -> None:
    deadline = time.monotonic() + seconds
    with psycopg.connect(replicating(), autocommit=True) as server:
        while time.monotonic() < deadline:
            if receiver is not None and receiver.poll() is not None:
                _, why = receiver.communicate()
                raise Trouble(f"pg_receivewal: {' '.join(why.split())[:400]}")
            found = server.execute(
                composed(
                    "select 1 from pg_stat_replication"
                    f" where application_name = 'pg_receivewal' and {condition}"
                ),
                values,
            )
            if found.fetchone():
                return
            time.sleep(0.02)
    raise Trouble(f"pg_receivewal did not get so far within {seconds:.0f} s")


def _wait_until_recovered(at: str) -> None:
    deadline = time.monotonic() + RECOVERED_WITHIN_SECONDS
    while time.monotonic() < deadline:
        try:
            with psycopg.connect(at, autocommit=True) as restored:
                found = restored.execute("select pg_is_in_recovery()").fetchone()
                if found == (False,):
                    return
        except psycopg.OperationalError as failure:
            why = " ".join(str(failure).split())
            if "starting up" not in why:
                raise Trouble(f"the backup does not reach that far: {why}") from None
        time.sleep(0.1)
    raise Trouble(f"the backup was not replayed within {RECOVERED_WITHIN_SECONDS} s")
