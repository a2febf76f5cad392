"""Clerk's sessions and webhooks, with keys and messages made here."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.testclient import TestClient

from api.cloud.clerk import _keys as clerk_keys
from api.cloud.svix import signature
from tests.factories import session, workspace
from warehouse.settings import Settings

SECRET = "whsec_" + base64.b64encode(b"thirty-two bytes of a test secret").decode()
PARTY = "https://app.example.com"


@dataclass
class Clerk:
    """Who vouches for sessions: a key, its address, how often it was asked."""

    issuer: str = ""
    key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(65537, 2048)
    )
    kid: str = field(default_factory=lambda: uuid4().hex)
    asked: int = 0
    is_away: bool = False

    def jwks(self) -> dict[str, Any]:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [public | {"kid": self.kid, "alg": "RS256", "use": "sig"}]}

    def session(self, subject: str, **other: Any) -> dict[str, str]:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "azp": PARTY,
            "sub": subject,
            "sid": "sess_1",
            "iat": now,
            "nbf": now,
            "exp": now + 60,
        } | other
        kept = {name: value for name, value in claims.items() if value is not ...}
        token = jwt.encode(kept, self.key, "RS256", headers={"kid": self.kid})
        return {"authorization": f"Bearer {token}"}


@pytest.fixture
def clerk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clerk]:
    ours = Clerk()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ours.asked += 1
            self.send_response(500 if ours.is_away else 200)
            self.end_headers()
            self.wfile.write(json.dumps(ours.jwks()).encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ours.issuer = f"http://127.0.0.1:{server.server_address[1]}"
        chosen = Settings(
            clerk_issuer=ours.issuer,
            clerk_parties=f"https://other.example.com, {PARTY}",
            clerk_webhook_secret=SECRET,
        )
        for module in ("api.cloud.sessions", "api.cloud.clerk"):
            monkeypatch.setattr(f"{module}.settings", lambda: chosen)
        monkeypatch.setattr("api.cloud.routes.webhooks.settings", lambda: chosen)
        yield ours
        server.shutdown()


def delivered(cloud: TestClient, kind: str, data: dict[str, Any], **how: Any) -> int:
    """Deliver one event as Svix does; return the status of the answer."""
    body = json.dumps({"type": kind, "data": data, "object": "event"}).encode()
    message_id = how.get("message_id", f"msg_{uuid4().hex}")
    timestamp = str(int(time.time()) + how.get("late", 0))
    signed = signature(how.get("secret", SECRET), message_id, timestamp, body)
    return cloud.post(
        "/v1/webhooks/clerk",
        content=how.get("body", body),
        headers={
            "svix-id": message_id,
            "svix-timestamp": timestamp,
            "svix-signature": f"v1,AAAA v2,{signed} v1,{signed}",
        },
    ).status_code


def user(address: str, **other: Any) -> dict[str, Any]:
    return {
        "id": f"user_{uuid4().hex}",
        "primary_email_address_id": "idn_1",
        "email_addresses": [
            {
                "id": "idn_1",
                "email_address": address,
                "verification": {"status": other.pop("status", "verified")},
            }
        ],
    } | other


def organization(**other: Any) -> dict[str, Any]:
    unique = uuid4().hex[:10]
    return {"id": f"org_{unique}", "name": f"Org {unique}", "slug": unique} | other


def membership(
    of: dict[str, Any], who: dict[str, Any], role: str = "org:member"
) -> dict[str, Any]:
    return {
        "organization": of,
        "public_user_data": {"user_id": who["id"]},
        "role": role,
    }


def address() -> str:
    return f"{uuid4().hex[:10]}@example.com"


def test_a_session_of_clerk_is_somebody_whom_a_webhook_made_known(
    clerk: Clerk, cloud: TestClient, warehouse: None
) -> None:
    ada = user(address())
    assert cloud.get("/v1/me", headers=clerk.session(ada["id"])).status_code == 401
    assert delivered(cloud, "user.created", ada) == 204
    me = cloud.get("/v1/me", headers=clerk.session(ada["id"])).json()
    assert me["email"] == ada["email_addresses"][0]["email_address"]
    assert clerk.asked == 1


def test_an_organisation_is_a_workspace_and_claims_open_nothing(
    clerk: Clerk, cloud: TestClient, warehouse: None
) -> None:
    ada, bob, org = user(address()), user(address()), organization()
    for who in (ada, bob):
        delivered(cloud, "user.created", who)
    # Told out of order: the membership names the organisation too.
    assert (
        delivered(
            cloud, "organizationMembership.created", membership(org, ada, "org:admin")
        )
        == 204
    )
    assert delivered(cloud, "organization.created", org) == 204
    of_org = {"o": {"id": org["id"], "rol": "admin"}}
    me = cloud.get("/v1/me", headers=clerk.session(ada["id"], **of_org)).json()
    (mine,) = me["workspaces"]
    assert (mine["role"], mine["tier"], mine["name"]) == ("owner", "team", org["name"])
    assert me["chosen"] == mine["slug"]
    for claim in (of_org, {"org_id": org["id"], "org_role": "org:admin"}):
        stranger = clerk.session(bob["id"], **claim)
        assert cloud.get("/v1/me", headers=stranger).json()["chosen"] is None
        path = f"/v1/workspaces/{mine['slug']}/overview"
        assert cloud.get(path, headers=stranger).status_code == 404
    joined = membership(org, bob, "org:admin")
    assert delivered(cloud, "organizationMembership.created", joined) == 204
    (his,) = cloud.get("/v1/me", headers=clerk.session(bob["id"])).json()["workspaces"]
    assert his["role"] == "admin"
    assert delivered(cloud, "organizationMembership.deleted", joined) == 204
    assert cloud.get(path, headers=clerk.session(bob["id"])).status_code == 404


def test_plans_names_and_ends_follow_clerk(
    clerk: Clerk, cloud: TestClient, warehouse: None
) -> None:
    ada, org = user(address()), organization()
    delivered(cloud, "user.created", ada)
    delivered(
        cloud, "organizationMembership.created", membership(org, ada, "org:admin")
    )

    def mine() -> Any:
        me = cloud.get("/v1/me", headers=clerk.session(ada["id"])).json()
        return me["workspaces"][0]

    paid = {
        "payer": {"organization_id": org["id"]},
        "items": [
            {"status": "active", "plan": {"slug": "business"}},
            {"status": "ended", "plan": {"slug": "team"}},
            {"status": "active", "plan": {"slug": "unheard-of"}},
        ],
    }
    assert delivered(cloud, "subscription.updated", paid) == 204
    assert mine()["tier"] == "enterprise"
    chosen = cloud.put(
        f"/v1/workspaces/{mine()['slug']}/tier",
        json={"tier": "solo"},
        headers=clerk.session(ada["id"]),
    )
    assert chosen.status_code == 409
    delivered(cloud, "organization.updated", org | {"name": "Renamed"})
    assert mine()["name"] == "Renamed"
    left = membership(org, ada)
    assert delivered(cloud, "organizationMembership.deleted", left) == 204
    assert mine()["role"] == "owner"
    assert delivered(cloud, "organization.deleted", {"id": org["id"]}) == 204
    assert mine()["restorable_until"] is not None
    assert delivered(cloud, "user.deleted", {"id": ada["id"]}) == 204
    assert cloud.get("/v1/me", headers=clerk.session(ada["id"])).status_code == 401


def test_somebody_known_by_a_verified_address_is_linked_and_by_another_is_not(
    clerk: Clerk, owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    forged = user(home.email, status="unverified")
    assert delivered(cloud, "user.created", forged) == 204
    assert cloud.get("/v1/me", headers=clerk.session(forged["id"])).status_code == 401
    real = user(home.email.upper())
    assert delivered(cloud, "user.created", real) == 204
    me = cloud.get("/v1/me", headers=clerk.session(real["id"])).json()
    assert me["workspaces"][0]["slug"] == home.slug


def test_a_message_counts_once_and_only_with_its_signature_in_its_time(
    clerk: Clerk, cloud: TestClient, warehouse: None
) -> None:
    ada, org = user(address()), organization()
    delivered(cloud, "user.created", ada)
    once = {"message_id": f"msg_{uuid4().hex}"}
    join = membership(org, ada, "org:admin")
    assert delivered(cloud, "organizationMembership.created", join, **once) == 204
    assert delivered(cloud, "organization.deleted", org, **once) == 204
    me = cloud.get("/v1/me", headers=clerk.session(ada["id"])).json()
    assert me["workspaces"][0]["restorable_until"] is None
    other = "whsec_" + base64.b64encode(b"another secret").decode()
    for how in (
        {"secret": other},
        {"late": -400},
        {"late": 400},
        {"body": b'{"type":"user.deleted","data":{"id":"x"}}'},
        {"message_id": ""},
    ):
        assert delivered(cloud, "organization.deleted", org, **how) == 401
    assert delivered(cloud, "user.created", {"id": "x"}) == 422
    assert delivered(cloud, "something.new", {"id": "x"}) == 204
    unknown = membership(org, user(address()))
    assert delivered(cloud, "organizationMembership.created", unknown) == 409


def test_webhooks_are_not_there_where_none_are_expected(cloud: TestClient) -> None:
    assert delivered(cloud, "user.created", user(address())) == 404


BAD: dict[str, dict[str, Any]] = {
    "made for another site": {"azp": "https://evil.example.com"},
    "no party": {"azp": ...},
    "another issuer": {"iss": "https://elsewhere"},
    "no session": {"sid": ...},
    "pending": {"sts": "pending"},
    "expired": {"exp": 1},
    "not yet": {"nbf": 2**33},
    "a fractional end": {"exp": 2**33 + 0.5},
    "no end": {"exp": ...},
    "no subject": {"sub": ...},
    "a subject that is a number": {"sub": 7},
    "times that are words": {"iat": "now"},
}


@pytest.mark.parametrize("fault", BAD.values(), ids=BAD.keys())
def test_a_session_of_clerk_that_is_odd_is_401(
    fault: dict[str, Any], clerk: Clerk, cloud: TestClient, warehouse: None
) -> None:
    ada = user(address())
    delivered(cloud, "user.created", ada)
    headers = clerk.session(ada["id"], **fault)
    assert cloud.get("/v1/me", headers=headers).status_code == 401


def test_where_clerk_vouches_the_local_issuer_does_not(
    clerk: Clerk, owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    local = session(owner, home.email)
    assert cloud.get("/v1/me", headers=local).status_code == 401
    asked = {"email": home.email, "code": "ABCD-EFGH"}
    assert cloud.post("/v1/sessions", json=asked).status_code == 404


def test_a_new_key_is_fetched_and_made_up_ones_ask_clerk_only_once(
    clerk: Clerk, cloud: TestClient, warehouse: None
) -> None:
    ada = user(address())
    delivered(cloud, "user.created", ada)
    assert cloud.get("/v1/me", headers=clerk.session(ada["id"])).status_code == 200
    known = clerk.kid
    for _ in range(10):
        clerk.kid = uuid4().hex
        made_up = clerk.session(ada["id"])
        clerk.kid = known
        assert cloud.get("/v1/me", headers=made_up).status_code == 401
    assert clerk.asked == 1
    clerk_keys[clerk.issuer]._next_refresh_at = 0.0
    clerk.kid, clerk.key = uuid4().hex, rsa.generate_private_key(65537, 2048)
    assert cloud.get("/v1/me", headers=clerk.session(ada["id"])).status_code == 200
    assert clerk.asked == 2


def test_nobody_is_told_that_their_session_is_bad_while_clerk_is_away(
    clerk: Clerk, cloud: TestClient, warehouse: None
) -> None:
    clerk.is_away = True
    for _ in range(3):
        answer = cloud.get("/v1/me", headers=clerk.session("user_1"))
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
    assert clerk.asked == 1
