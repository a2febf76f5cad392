"""Clerk's keys: fetched when a session names one that is not known, and kept."""

import asyncio
import logging
import time
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from models.refusals import IssuerUnreachable
from warehouse.settings import settings

# A flood of made-up key ids asks Clerk once in a while, not once each.
REFRESH_FLOOR_SECONDS = 60
RETRY_FLOOR_SECONDS = 5
TIMEOUT_SECONDS = 5

log = logging.getLogger("api.clerk")


class Keys:
    """The signing keys of one issuer, as of its last answer."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: dict[str, RSAPublicKey] = {}
        self._next_refresh_at = 0.0
        self._is_reachable = True
        self._refreshing: asyncio.Task[None] | None = None

    async def key_of(self, kid: str) -> RSAPublicKey:
        """Return the key of that id.

        Raises jwt.InvalidKeyError where the issuer has none, and IssuerUnreachable
        where it cannot be asked: nobody is told that their session is bad.
        """
        if kid not in self._keys:
            await self._refresh()
        if kid in self._keys:
            return self._keys[kid]
        if not self._is_reachable:
            raise IssuerUnreachable
        raise jwt.InvalidKeyError("no such key")

    async def _refresh(self) -> None:
        if self._refreshing is None or self._refreshing.done():
            if time.monotonic() < self._next_refresh_at:
                return
            self._refreshing = asyncio.create_task(self._fetch())
        await asyncio.shield(self._refreshing)

    async def _fetch(self) -> None:
        try:
            async with httpx.AsyncClient(
                timeout=TIMEOUT_SECONDS, follow_redirects=False
            ) as client:
                answer = await client.get(self._url)
                answer.raise_for_status()
                self._keys = _read(answer.json())
            self._is_reachable = True
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as failure:
            log.warning("no keys from %s: %s", self._url, type(failure).__name__)
            self._is_reachable = False
        floor = REFRESH_FLOOR_SECONDS if self._is_reachable else RETRY_FLOOR_SECONDS
        self._next_refresh_at = time.monotonic() + floor


_keys: dict[str, Keys] = {}


async def key_of(kid: str) -> RSAPublicKey:
    """Return the key that Clerk signs with under that id."""
    issuer = str(settings().clerk_issuer).rstrip("/")
    if issuer not in _keys:
        _keys[issuer] = Keys(f"{issuer}/.well-known/jwks.json")
    return await _keys[issuer].key_of(kid)


def _read(answer: dict[str, Any]) -> dict[str, RSAPublicKey]:
    keys: dict[str, RSAPublicKey] = {}
    for each in answer["keys"]:
        if each.get("kty") == "RSA" and each.get("alg", "RS256") == "RS256":
            key = jwt.PyJWK(each, algorithm="RS256").key
            if isinstance(key, RSAPublicKey):
                keys[each["kid"]] = key
    return keys
