"""Master keys: what data keys are wrapped with; Postgres never sees one.

They come from the environment, or from a file that only this user can read, made on
first need. The first one wraps; the others are there to unwrap what they had wrapped.
"""

import base64
import binascii
import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from models.trouble import Trouble
from warehouse.settings import settings

KEY_BYTES = 32
NONCE_BYTES = 12


class MasterKeyUnusable(Trouble):
    """A master key is missing, malformed, or not the one that wrapped a data key."""


@dataclass(frozen=True)
class MasterKey:
    """256 secret bits, and the fingerprint by which a data key names them."""

    secret: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """A name for the key that gives nothing of it away."""
        return hashlib.sha256(b"halton master key" + self.secret).hexdigest()[:16]


def new_master_key() -> MasterKey:
    """Draw a key."""
    return MasterKey(secrets.token_bytes(KEY_BYTES))


def master_keys() -> list[MasterKey]:
    """Return the keys in force, the wrapping one first."""
    given = settings().master_keys
    if given is not None:
        return _read(given.get_secret_value().split(","), "HMC_MASTER_KEYS")
    path = key_file()
    try:
        if path.stat().st_mode & 0o077:
            raise MasterKeyUnusable(f"{path} is open to others; chmod 600 {path}")
        return _read(path.read_text("ascii").split(), str(path))
    except FileNotFoundError:
        _write(path, [new_master_key()], replacing=False)
        return master_keys()
    except (OSError, ValueError) as failure:
        raise MasterKeyUnusable(f"cannot read {path}: {failure}") from None


def keep_master_keys(keys: list[MasterKey]) -> None:
    """Write the file anew, durably, in one step."""
    _write(key_file(), keys, replacing=True)


def key_file() -> Path:
    """Where master keys lie when the environment gives none."""
    return settings().home / "master.keys"


def wrap(data_key: bytes, bound_to: bytes) -> tuple[bytes, str]:
    """Wrap a data key; return it with the fingerprint of the master key."""
    master = master_keys()[0]
    nonce = secrets.token_bytes(NONCE_BYTES)
    wrapped = AESGCM(master.secret).encrypt(nonce, data_key, bound_to)
    return nonce + wrapped, master.fingerprint


def unwrap(wrapped: bytes, fingerprint: str, bound_to: bytes) -> bytes:
    """Return the data key; MasterKeyUnusable when its master key is not at hand."""
    nonce, sealed = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
    for master in master_keys():
        if master.fingerprint == fingerprint:
            try:
                return AESGCM(master.secret).decrypt(nonce, sealed, bound_to)
            except InvalidTag:
                raise MasterKeyUnusable("a wrapped data key was altered") from None
    raise MasterKeyUnusable(
        f"the master key {fingerprint} is not at hand; add it to HMC_MASTER_KEYS"
        f" or bring {key_file()} back"
    )


def _read(texts: list[str], source: str) -> list[MasterKey]:
    try:
        secret_bytes = [
            base64.b64decode(text.strip(), validate=True) for text in texts if text
        ]
    except (binascii.Error, ValueError):
        raise MasterKeyUnusable(f"{source}: a key is no base64") from None
    if not secret_bytes or any(len(key) != KEY_BYTES for key in secret_bytes):
        raise MasterKeyUnusable(f"{source}: a key is base64 of {KEY_BYTES} bytes")
    return [MasterKey(key) for key in secret_bytes]


def _write(path: Path, keys: list[MasterKey], *, replacing: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for key in keys:
            file.write(base64.b64encode(key.secret) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        if replacing:
            beside.replace(path)
        else:
            _link_if_first(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _link_if_first(beside: Path, path: Path) -> None:
    try:
        path.hardlink_to(beside)
    except FileExistsError:
        return  # another process was first; its key is the one in force
