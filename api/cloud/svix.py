"""Whether a webhook is from who it says: Svix's signature over the raw body."""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping

from models.refusals import BadSignature

TOLERANCE_SECONDS = 300
PREFIX = "whsec_"


def verified_message_id(secret: str, headers: Mapping[str, str], body: bytes) -> str:
    """Verify a delivery and return its message's id.

    Raises BadSignature for a wrong signature and for a time more than five minutes
    from now.
    """
    message_id = headers.get("svix-id", "")
    timestamp = headers.get("svix-timestamp", "")
    if not message_id or not timestamp.isascii() or not timestamp.isdigit():
        raise BadSignature
    if abs(time.time() - int(timestamp[:20])) > TOLERANCE_SECONDS:
        raise BadSignature
    ours = signature(secret, message_id, timestamp, body)
    for one in headers.get("svix-signature", "").split():
        version, _, theirs = one.partition(",")
        if version == "v1" and hmac.compare_digest(theirs.encode(), ours.encode()):
            return message_id
    raise BadSignature


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Sign as Svix does: HMAC-SHA256 of id, time and body, in base64."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX))
    except binascii.Error:
        raise BadSignature from None
    signed = b".".join([message_id.encode(), timestamp.encode(), body])
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
