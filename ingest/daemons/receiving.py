"""Receive a body: counted while it comes, inflated if it is gzip, within a limit."""

import zlib
from collections.abc import Iterator

from starlette.requests import ClientDisconnect

from ingest.daemons.admission import Post
from models.refusals import EncodingUnknown, Malformed, TooLarge, Unavailable

GZIP = 16 + zlib.MAX_WBITS
STEP = 64 * 1024  # a bomb is noticed one step past the limit


async def received(post: Post, most: int) -> bytes:
    """Return the body as it was before compression, of at most `most` bytes.

    Raises TooLarge past the limit, before or after inflating; Malformed for gzip that
    is none; TooMany when this process holds too much already.
    """
    request = post.request
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said[:20]) > most:
        raise _too_large(most)
    pieces = _Pieces(request.headers.get("content-encoding", "identity"), most)
    kept: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            for piece in pieces.of(part):
                size += len(piece)
                if size > most:
                    raise _too_large(most)
                post.hold(len(piece))
                kept.append(piece)
    except ClientDisconnect:
        raise Unavailable("The connection ended before the body did.") from None
    pieces.finish()
    return b"".join(kept)


class _Pieces:
    """The readable pieces of what comes, inflated a bounded piece at a time."""

    def __init__(self, encoding: str, most: int) -> None:
        encoding = encoding.strip().lower()
        if encoding not in {"", "identity", "gzip", "x-gzip"}:
            raise EncodingUnknown
        self._inflating = zlib.decompressobj(GZIP) if "gzip" in encoding else None
        self._most = most
        self._came = 0

    def of(self, part: bytes) -> Iterator[bytes]:
        self._came += len(part)
        if self._came > self._most:
            raise _too_large(self._most)
        if self._inflating is None:
            yield part
            return
        while True:
            if self._inflating.eof and part:  # gzip may go on with another member
                self._inflating = zlib.decompressobj(GZIP)
            try:
                piece = self._inflating.decompress(part, STEP)
            except zlib.error:
                raise Malformed("The body is no gzip.") from None
            yield piece
            part = self._inflating.unconsumed_tail or self._inflating.unused_data
            if not part and len(piece) < STEP:
                return

    def finish(self) -> None:
        if self._inflating is not None and self._came and not self._inflating.eof:
            raise Malformed("The body is gzip that ends too early.")


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The body is over {most} bytes.")
