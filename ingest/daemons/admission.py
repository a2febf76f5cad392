"""Admission: a process takes in what it can land, and tells the rest when to come back.

Bounds, so that overload costs neither memory nor Postgres: posts inside, in all and of
one key, bytes held, and landings at once. Waiting for a landing is first come, first
served, and a daemon has one post at a time; so no key keeps others out.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
)
from typing import Annotated

from fastapi import Depends, Request

from models.refusals import TooMany

MOST_INSIDE = 256
MOST_INSIDE_OF_A_KEY = 8
MOST_BYTES_HELD = 96 * 1024 * 1024
LANDINGS_AT_ONCE = 4
LONGEST_WAIT_SECONDS = 20.0  # a daemon gives up at 60
# Daemons would heed up to 300: whoever is sent away that long while Postgres is gone
# stays away long after it is back.
LONGEST_RETRY_SECONDS = 20


class Admission:
    """What one process has taken in and not yet answered."""

    def __init__(
        self,
        *,
        most_inside: int = MOST_INSIDE,
        most_inside_of_a_key: int = MOST_INSIDE_OF_A_KEY,
        most_bytes_held: int = MOST_BYTES_HELD,
        landings_at_once: int = LANDINGS_AT_ONCE,
        longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
    ) -> None:
        self._most_inside = most_inside
        self._most_inside_of_a_key = most_inside_of_a_key
        self._most_bytes_held = most_bytes_held
        self._at_once = landings_at_once
        self._longest_wait_seconds = longest_wait_seconds
        self._turns = asyncio.Semaphore(landings_at_once)
        self._inside = 0
        self._inside_of: Counter[str] = Counter()
        self._bytes_held = 0
        self._usual_seconds = 0.05

    @contextmanager
    def entering(self, request: Request) -> Generator["Post"]:
        """Take one post in, before anything of it is read; TooMany when full."""
        key = request.headers.get("authorization", "")  # whether or not it is known
        if (
            self._inside >= self._most_inside
            or self._inside_of[key] >= self._most_inside_of_a_key
        ):
            raise self._too_many()
        post = Post(self, request)
        self._inside += 1
        self._inside_of[key] += 1
        try:
            yield post
        finally:
            self._inside -= 1
            self._inside_of[key] -= 1
            if not self._inside_of[key]:
                del self._inside_of[key]
            self._bytes_held -= post.size

    def hold(self, size: int) -> None:
        """Account for bytes that were read; TooMany when they are too many in all."""
        if self._bytes_held + size > self._most_bytes_held:
            raise self._too_many()
        self._bytes_held += size

    @asynccontextmanager
    async def landing(self) -> AsyncGenerator[None]:
        """Wait for a turn to work on the warehouse; TooMany when it takes too long."""
        try:
            async with asyncio.timeout(self._longest_wait_seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise self._too_many() from None
        started = time.monotonic()
        try:
            yield
            # What failed waited for something else, and says nothing of how long.
            seconds = time.monotonic() - started
            self._usual_seconds += (seconds - self._usual_seconds) / 16
        finally:
            self._turns.release()

    def _too_many(self) -> TooMany:
        """Say how long it takes to work off what is inside."""
        seconds = math.ceil(self._inside * self._usual_seconds / self._at_once)
        return TooMany(
            "More is coming in than can be stored right now; send it again soon.",
            retry_after=max(1, min(seconds, LONGEST_RETRY_SECONDS)),
        )


class Post:
    """One post that is inside."""

    def __init__(self, admission: Admission, request: Request) -> None:
        self._admission = admission
        self.request = request
        self.size = 0

    def hold(self, size: int) -> None:
        """Account for bytes of this post, until it is answered."""
        self._admission.hold(size)
        self.size += size

    def landing(self) -> AbstractAsyncContextManager[None]:
        """Wait for this post's turn."""
        return self._admission.landing()


async def admit(request: Request) -> AsyncGenerator[Post]:
    """Take the post in until it is answered, before its key is even looked up."""
    admission: Admission = request.app.state.admission
    with admission.entering(request) as post:
        yield post


Admitted = Annotated[Post, Depends(admit, scope="function")]
