"""Session tokens that are as they should be, but for one thing."""

import base64
import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from api.cloud.issuer import ISSUER, PARTY, key_id, signing_key

LEAVE_OUT: Any = ...
FAR = 2**33


def claims(subject: str, **odd: Any) -> dict[str, Any]:
    """What a session of the local issuer claims, with something odd about it."""
    now = int(time.time())
    return {
        "iss": ISSUER,
        "azp": PARTY,
        "sub": subject,
        "sid": "s",
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
    } | odd


def signed(body: dict[str, Any], **how: Any) -> str:
    """Sign claims with the issuer's key, or in another way; leave `...` out."""
    kept = {key: value for key, value in body.items() if value is not LEAVE_OUT}
    how = {"key": signing_key(), "algorithm": "RS256", "headers": {}} | how
    headers = {"kid": key_id()} | how.pop("headers")
    said = {key: value for key, value in headers.items() if value is not LEAVE_OUT}
    # Not jwt.encode, which refuses to write what no issuer would.
    packed = json.dumps(kept).encode()
    return jwt.api_jws.encode(packed, how["key"], how["algorithm"], headers=said)


ODD_CLAIMS: dict[str, dict[str, Any]] = {
    "expired": {"exp": 1},
    "expired just past the leeway": {"exp": int(time.time()) - 6},
    "no expiry": {"exp": LEAVE_OUT},
    "an expiry that is null": {"exp": None},
    "an expiry that is text": {"exp": "tomorrow"},
    "an expiry that is a number in text": {"exp": str(FAR)},
    "a fractional expiry": {"exp": FAR + 0.5},
    "an expiry that is true": {"exp": True},
    "an expiry that is a list": {"exp": [FAR]},
    "not yet": {"nbf": FAR},
    "a start that is text": {"nbf": "yesterday"},
    "no start": {"nbf": LEAVE_OUT},
    "issued in the future": {"iat": FAR},
    "issued in words": {"iat": "now"},
    "another issuer": {"iss": "https://elsewhere"},
    "an issuer that begins like ours": {"iss": f"{ISSUER}.evil.example"},
    "an issuer among others": {"iss": [ISSUER, "https://elsewhere"]},
    "no issuer": {"iss": LEAVE_OUT},
    "made for another site": {"azp": "https://elsewhere"},
    "made for a site that begins like ours": {"azp": f"{PARTY}.evil.example"},
    "made for many sites": {"azp": [PARTY]},
    "made for a site that is an object": {"azp": {"id": PARTY}},
    "made for nobody": {"azp": None},
    "no party": {"azp": LEAVE_OUT},
    "no session": {"sid": LEAVE_OUT},
    "an empty session": {"sid": ""},
    "pending": {"sts": "pending"},
    "nobody": {"sub": "nobody"},
    "no subject": {"sub": LEAVE_OUT},
    "an empty subject": {"sub": ""},
    "a subject that is a number": {"sub": 7},
    "a subject that is a list": {"sub": ["nobody"]},
    "a subject that no column holds": {"sub": "user\x00"},
    "half a character for a subject": {"sub": "\ud800"},
}


def odd_tokens(subject: str) -> dict[str, str]:
    """Tokens by what is wrong with them, none of which opens anything."""
    body = claims(subject)
    good = signed(body)
    head, payload, signature = good.split(".")
    stranger = rsa.generate_private_key(65537, 2048)
    public = signing_key().public_key()
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    theirs = jwt.algorithms.RSAAlgorithm.to_jwk(stranger.public_key(), as_dict=True)
    return {
        name: signed(claims(subject, **odd)) for name, odd in ODD_CLAIMS.items()
    } | {
        "a stranger's key": signed(body, key=stranger),
        "a stranger's key brought along": signed(
            body, key=stranger, headers={"jwk": theirs}
        ),
        "a stranger's key to be fetched": signed(
            body, key=stranger, headers={"jku": "https://elsewhere/jwks.json"}
        ),
        "a key that is not there": signed(body, headers={"kid": "other"}),
        "a key that is a path": signed(body, headers={"kid": "../../dev/null"}),
        "no key named": signed(body, headers={"kid": LEAVE_OUT}),
        "RS512": signed(body, algorithm="RS512"),
        "PS256": signed(body, algorithm="PS256"),
        "ES256": signed(
            body, key=ec.generate_private_key(ec.SECP256R1()), algorithm="ES256"
        ),
        "HS256 under the public key": _hs256(body, pem),
        "unsigned": jwt.encode(body, None, "none", headers={"kid": key_id()}),
        "unsigned, but for the word": _spelled(body, {"alg": "nOnE"}),
        "something critical that nobody knows": signed(
            body, headers={"crit": ["exp"], "exp": 1}
        ),
        "the signature cut off": f"{head}.{payload}.",
        "the signature turned around": f"{head}.{payload}.{signature[::-1]}",
        "another's claims": f"{head}.{_part(claims('nobody'))}.{signature}",
        "claims that are a list": f"{head}.{_part([body])}.{signature}",
        "a head that is a list": f"{_part([1])}.{payload}.{signature}",
        "two parts": f"{head}.{payload}",
        "four parts": f"{good}.{signature}",
        "no base64": f"{head}.{payload}.!!!",
        "words": "not.a.token",
        "a lot": "x" * 10_000,
        "dots": "." * 100,
        "a key's beginning": f"hm_api_{good}",
        "a daemon's key": f"hm_sync_{good[:43]}",
    }


def _part(content: Any) -> str:
    packed = base64.urlsafe_b64encode(json.dumps(content).encode())
    return packed.rstrip(b"=").decode()


def _spelled(body: dict[str, Any], head: dict[str, Any]) -> str:
    return f"{_part({'typ': 'JWT', 'kid': key_id()} | head)}.{_part(body)}."


def _hs256(body: dict[str, Any], secret: bytes) -> str:
    """As PyJWT would not: it knows a public key when it sees one."""
    import hashlib
    import hmac

    signing = _spelled(body, {"alg": "HS256"}).rstrip(".")
    mac = hmac.new(secret, signing.encode(), hashlib.sha256).digest()
    return f"{signing}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
