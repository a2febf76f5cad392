"""An embedded Postgres that was killed is started again, whatever it left behind."""

import subprocess
import sys
from pathlib import Path

# As in a container whose process 1 is the product: what dies stays until it is waited
# for, and nobody does.
NOBODY_BURIES = """
import ctypes, os, signal, sys, time
from pathlib import Path
from warehouse.embedded import embedded_socket, leave
from warehouse.remains import is_alive

PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
home = Path(sys.argv[1])
pgdata = home / "postgres"
embedded_socket(home)
postmaster = int((pgdata / "postmaster.pid").read_text().split()[0])
os.kill(postmaster, signal.SIGKILL)
while Path(f"/proc/{postmaster}/stat").read_text().split()[2] != "Z":
    time.sleep(0.01)
before = is_alive(pgdata)
embedded_socket(home)
another = int((pgdata / "postmaster.pid").read_text().split()[0])
print(before, is_alive(pgdata), another != postmaster)
leave(home)
"""
SOMEBODY_ELSES = """
import os, sys
from pathlib import Path
from warehouse.embedded import embedded_socket, leave
from warehouse.remains import is_alive

home = Path(sys.argv[1])
pgdata = home / "postgres"
embedded_socket(home)
leave(home)
# What a crash leaves when, after a restart, the number is another process's.
lines = [str(os.getpid()), str(pgdata), "0", "5432", "", "", "0 0", "ready", ""]
(pgdata / "postmaster.pid").write_text("\\n".join(lines))
before = is_alive(pgdata)
embedded_socket(home)
print(before, is_alive(pgdata))
leave(home)
"""


def said_by(script: str, home: Path) -> str:
    # A folder of its own, reachable for the user whom Postgres runs as.
    for folder in (home, *home.parents[:3]):
        folder.chmod(0o711)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(home)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout.strip()


def test_a_postgres_that_is_dead_and_not_buried_is_started_again(
    tmp_path: Path,
) -> None:
    assert said_by(NOBODY_BURIES, tmp_path) == "False True True"


def test_a_pid_file_that_names_somebody_else_keeps_no_postgres_from_starting(
    tmp_path: Path,
) -> None:
    assert said_by(SOMEBODY_ELSES, tmp_path) == "False True"
