"""Secrets that are handed out once: 256 random bits, of which only a hash is kept."""

import hashlib
import secrets


def fresh_secret(prefix: str = "") -> str:
    """Make a secret that nobody can guess; its prefix says what it opens."""
    return prefix + secrets.token_urlsafe(32)


def hash_of(secret: str) -> bytes:
    """Hash a secret for keeping. It is random through and through: SHA-256 does."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
