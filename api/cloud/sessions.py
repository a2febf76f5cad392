"""Who is signed in: a session token is verified, then looked up in our own tables.

Nothing in a token is believed but its subject; roles and plans come from the tables,
on every request.
"""

import ipaddress
import secrets
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from fastapi import Depends, Request

from api.cloud import clerk
from api.cloud.issuer import ISSUER, PARTY, key_id, signing_key
from api.cloud.limits import Budget, spend
from models.refusals import CrossSite, NotSignedIn, Refusal, TooMany
from models.tenancy import Person
from warehouse.doors import Doors
from warehouse.settings import settings

API_KEY_PREFIX = "hm_api_"
SESSION_COOKIE = "hmc_session"
CSRF_COOKIE = "hmc_csrf"
CSRF_HEADER = "x-hmc-csrf"
SAFE = {"GET", "HEAD", "OPTIONS"}
LEEWAY_SECONDS = 5
LONGEST_TOKEN = 8_192


def doors_of(request: Request) -> Doors:
    """Return the doors that this process opened at its start."""
    return request.app.state.doors


OpenDoors = Annotated[Doors, Depends(doors_of)]


class Session(NamedTuple):
    """What is believed of a session: who it is of, and a hint at where they are."""

    subject: str
    organization_id: str | None


async def verified_session(token: str) -> Session:
    """Verify a session token of Clerk, or of the local issuer where there is none.

    Raises NotSignedIn for anything that is not a current RS256 session of that
    issuer, made for our own pages.
    """
    if len(token) > LONGEST_TOKEN:
        raise NotSignedIn
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        claims: dict[str, Any] = jwt.decode(
            token,
            await _public_key(kid),
            algorithms=["RS256"],
            issuer=_issuer(),
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "nbf", "iat", "iss", "sub"]},
        )
    except (jwt.PyJWTError, ValueError, TypeError):
        raise NotSignedIn("This session does not hold; sign in again.") from None
    if not _is_ours(claims):
        raise NotSignedIn("This session does not hold; sign in again.")
    return Session(claims["sub"], _organization(claims))


def _is_ours(claims: dict[str, Any]) -> bool:
    """Say whether a session that is signed is a whole one, made for our own pages."""
    party, subject = claims.get("azp"), claims["sub"]
    return (
        isinstance(party, str)
        and party in _parties()
        and bool(claims.get("sid"))
        and claims.get("sts") != "pending"
        and type(claims["exp"]) is int
        and isinstance(subject, str)
        and subject.isprintable()
    )


def has_clerk() -> bool:
    """Say whether Clerk vouches for sessions here."""
    return settings().clerk_issuer is not None


def _issuer() -> str:
    return settings().clerk_issuer or ISSUER


def _parties() -> set[str]:
    if not has_clerk():
        return {PARTY}
    listed = settings().clerk_parties or settings().public_url
    return {party.strip() for party in listed.split(",")}


async def _public_key(kid: Any) -> RSAPublicKey:
    if not isinstance(kid, str):
        raise jwt.InvalidKeyError("no key is named")
    if has_clerk():
        return await clerk.key_of(kid)
    if kid != key_id():
        raise jwt.InvalidKeyError("no such key")
    return signing_key().public_key()


def _organization(claims: dict[str, Any]) -> str | None:
    """Read which organisation a session is in, as either version of Clerk says it."""
    of_v2 = claims.get("o")
    found = of_v2.get("id") if isinstance(of_v2, dict) else claims.get("org_id")
    return found if isinstance(found, str) else None


async def current_person(request: Request, doors: OpenDoors) -> Person:
    """Name the person whose session came as a bearer token or as our cookie.

    A cookie alone changes nothing: other sites can make a browser send it.
    """
    token = bearer_of(request)
    if token.startswith("hm_"):
        raise wrong_credential(request, "A key does not open what is a person's.")
    if not token:
        token = request.cookies.get(SESSION_COOKIE, "")
        if not token:
            raise NotSignedIn
        refuse_cross_site(request)
    try:
        session = await verified_session(token)
    except NotSignedIn as refusal:
        raise wrong_credential(request, str(refusal)) from None
    async with doors.identifying() as warehouse:
        found = await warehouse.execute(
            "select * from app.person_of_subject(%s)", [session.subject]
        )
        row = await found.fetchone()
    if row is None:
        raise wrong_credential(request, "Nobody here is known by this session.")
    spend(Budget.REQUESTS_OF_CREDENTIAL, session.subject)
    return Person(
        user_id=row["user_id"],
        email=row["email"],
        subject=session.subject,
        organization_id=session.organization_id,
    )


def bearer_of(request: Request) -> str:
    """Return what came as a bearer token, empty when nothing did."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if bearer and scheme.lower() != "bearer":
        raise wrong_credential(request, "Only bearer tokens are understood.")
    return bearer.strip()


def wrong_credential(request: Request, why: str) -> Refusal:
    """Return the refusal of a credential that does not hold; TooMany after a while."""
    try:
        spend(Budget.WRONG_CREDENTIALS_OF_ADDRESS, address_of(request))
    except TooMany as refusal:
        return refusal
    return NotSignedIn(why)


def address_of(request: Request) -> str:
    """Say where a request comes from."""
    return request.client.host if request.client else "unknown"


def is_this_machine(request: Request) -> bool:
    """Say whether a request comes from the machine that it is answered on."""
    try:
        return ipaddress.ip_address(address_of(request)).is_loopback
    except ValueError:
        return False


def within_limits(request: Request) -> None:
    """Raise TooMany when an address asks too often, whoever it says it is."""
    spend(Budget.REQUESTS_OF_ADDRESS, address_of(request))


def refuse_cross_site(request: Request) -> None:
    """Refuse a change that does not carry the token of our own pages."""
    if request.method in SAFE:
        return
    refuse_foreign_origin(request)
    ours = request.cookies.get(CSRF_COOKIE, "")
    theirs = request.headers.get(CSRF_HEADER, "")
    if not ours or not secrets.compare_digest(ours.encode(), theirs.encode()):
        raise CrossSite


def refuse_foreign_origin(request: Request) -> None:
    """Refuse a change that a page of another origin asks for."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise CrossSite


CurrentPerson = Annotated[Person, Depends(current_person)]
