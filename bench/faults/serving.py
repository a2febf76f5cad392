"""How a bench starts an API process that it will kill.

Started as an operator does, every start imports everything: over a second of each
cycle. Forked from a process that has imported it all, a start takes a tenth of that,
and what is killed is the same process running the same server.

    python -m bench.faults.serving     forks an API for each port that it reads
"""

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

import psutil

API = ("-m", "hmc", "api")


class Serving(Protocol):
    """Something that serves on a port until it is killed, and can be started again."""

    def start(self, port: int) -> None:
        """Start it, without waiting for it."""
        ...

    @property
    def process_id(self) -> int:
        """Return the process that serves, or served last."""
        ...

    def has_ended(self) -> bool:
        """Say whether it is gone, or was never there."""
        ...

    def kill(self) -> None:
        """Kill it as `kill -9` does."""
        ...

    def close(self) -> None:
        """End it for good."""
        ...


class Started:
    """One process, started as an operator would."""

    def __init__(
        self,
        home: Path,
        log: IO[bytes],
        words: Sequence[str] = API,
        **settings: str,
    ) -> None:
        self._words = words
        self._environment = os.environ | {"HMC_DATA_DIR": str(home)} | settings
        self._log = log
        self._api: subprocess.Popen[bytes] | None = None

    def start(self, port: int) -> None:
        """Start it, without waiting for it."""
        self._api = subprocess.Popen(
            [sys.executable, *self._words, "--port", str(port)],
            env=self._environment,
            stdout=self._log,
            stderr=self._log,
        )

    @property
    def process_id(self) -> int:
        """Return the process that serves, or served last."""
        return self._api.pid if self._api else 0

    def has_ended(self) -> bool:
        """Say whether it is gone, or was never there."""
        return self._api is None or self._api.poll() is not None

    def kill(self) -> None:
        """Kill it as `kill -9` does."""
        if self._api is not None:
            self._api.kill()
            self._api.wait()

    close = kill


class Forked:
    """One process, forked from another that has all of the product in memory."""

    def __init__(self, home: Path, log: IO[bytes]) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "bench.faults.serving"],
            env=os.environ | {"HMC_DATA_DIR": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        self._api: psutil.Process | None = None

    def start(self, port: int) -> None:
        """Start it, without waiting for it."""
        asked, told = self._parent.stdin, self._parent.stdout
        assert asked is not None  # noqa: S101  both are pipes
        assert told is not None  # noqa: S101
        asked.write(f"{port}\n")
        asked.flush()
        with suppress(psutil.NoSuchProcess):  # it may have ended already
            self._api = psutil.Process(int(told.readline()))

    @property
    def process_id(self) -> int:
        """Return the process that serves, or served last."""
        return self._api.pid if self._api else 0

    def has_ended(self) -> bool:
        """Say whether it is gone, or was never there."""
        return self._api is None or not self._api.is_running()

    def kill(self) -> None:
        """Kill it as `kill -9` does."""
        if self._api is not None:
            with suppress(psutil.NoSuchProcess):
                self._api.kill()
                self._api.wait(10)

    def close(self) -> None:
        """End it for good."""
        self.kill()
        self._parent.kill()
        self._parent.wait()
        for pipe in (self._parent.stdin, self._parent.stdout):
            if pipe is not None:
                pipe.close()


def main() -> None:
    """Fork an API for each port that comes in, and say which process it is."""
    from hmc.running import run_api
    from hmc.server import create_app

    create_app()  # what it imports stays; the app is made anew by each child
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(2, 1)
            run_api("127.0.0.1", int(line))
            os._exit(1)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
