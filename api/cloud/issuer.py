"""The local issuer: signs sessions with a key of its own, where no Clerk is set up.

Its sessions take the same path as anybody else's: RS256, a `kid`, `iss`, `azp`,
`sid`, verified in api.cloud.sessions.
"""

import base64
import hashlib
import os
import secrets
import time
from functools import cache
from pathlib import Path
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from models.pairing import shown
from warehouse.settings import settings

ISSUER = "https://local.issuer.halton-meter"
PARTY = "hmc-dashboard"  # `azp`: who the session was made for
SESSION_SECONDS = 12 * 3600


@cache
def signing_key() -> rsa.RSAPrivateKey:
    """Return the issuer's key; made on first need, readable by its owner only."""
    path = settings().home / "local-issuer.pem"
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = _kept(
        path,
        made.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    key = serialization.load_pem_private_key(pem, password=None)
    assert isinstance(key, rsa.RSAPrivateKey)  # noqa: S101  we wrote it
    return key


@cache
def key_id() -> str:
    """Name the key by its public half."""
    public = signing_key().public_key()
    der = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()[:12]).decode()


@cache
def sign_in_code() -> str:
    """Return the code that proves whoever signs in can read this machine's terminal."""
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    fresh = "".join(secrets.choice(alphabet) for _ in range(8))
    return _kept(settings().home / "sign-in-code", shown(fresh).encode()).decode()


def session_token(subject: str, seconds: int = SESSION_SECONDS) -> str:
    """Sign a session for a subject."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "azp": PARTY,
        "sub": subject,
        "sid": f"sess_{uuid4().hex}",
        "iat": now,
        "nbf": now,
        "exp": now + seconds,
    }
    return jwt.encode(
        claims, signing_key(), algorithm="RS256", headers={"kid": key_id()}
    )


def _kept(path: Path, fresh: bytes) -> bytes:
    """Return what the file holds, or write it first; whoever is first wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(descriptor, "wb") as file:
        file.write(fresh)
    return fresh
