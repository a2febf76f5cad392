"""Members, invitations and roles: who lets whom in, and who stays."""

import email
import socketserver
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from starlette.testclient import TestClient

from api.cloud.issuer import sign_in_code
from tests.factories import Workspace, member, session, workspace
from warehouse.settings import Settings, settings


@pytest.fixture
def home(owner: psycopg.Connection) -> Workspace:
    return workspace(owner, "team")


def path(home: Workspace, *rest: Any) -> str:
    return "/".join(["/v1/workspaces", home.slug, *map(str, rest)])


def token_of(sent: dict[str, Any]) -> dict[str, str]:
    return {"token": sent["link"].partition("#")[2]}


def invited(
    cloud: TestClient, owner: psycopg.Connection, home: Workspace, **asked: Any
) -> dict[str, Any]:
    asked = {"email": f"{uuid4().hex[:8]}@example.com"} | asked
    answer = cloud.post(
        path(home, "invitations"), json=asked, headers=session(owner, home.email)
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def signed_in(
    cloud: TestClient, owner: psycopg.Connection, address: str
) -> dict[str, str]:
    """Sign in for the first time, as somebody who was invited does."""
    asked = {"email": address, "code": sign_in_code()}
    assert cloud.post("/v1/sessions", json=asked).status_code == 204
    cloud.cookies.clear()
    return session(owner, address)


def test_somebody_who_is_invited_signs_in_looks_and_joins(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    sent = invited(cloud, owner, home, role="editor")
    address = sent["invitation"]["email"]
    theirs = signed_in(cloud, owner, address)
    held = token_of(sent)
    card = cloud.post("/v1/invitations/look", json=held, headers=theirs).json()
    assert (card["role"], card["email"]) == ("editor", address)
    assert cloud.get(path(home), headers=theirs).status_code == 404
    joined = cloud.post("/v1/invitations/accept", json=held, headers=theirs)
    assert joined.json()["slug"] == home.slug
    assert cloud.get(path(home), headers=theirs).json()["role"] == "editor"
    again = cloud.post("/v1/invitations/accept", json=held, headers=theirs)
    assert again.status_code == 404
    listed = cloud.get(
        path(home, "invitations"), headers=session(owner, home.email)
    ).json()
    assert [(each["state"], each["invited_by"]) for each in listed] == [
        ("accepted", home.email)
    ]


def test_a_link_that_was_passed_on_opens_nothing_for_somebody_else(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    held = token_of(invited(cloud, owner, home))
    other = session(owner, workspace(owner).email)
    for route in ("look", "accept"):
        answer = cloud.post(f"/v1/invitations/{route}", json=held, headers=other)
        assert answer.status_code == 404


def test_an_invitation_ends_when_it_is_revoked_sent_again_or_seven_days_old(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    boss = session(owner, home.email)

    def opens(sent: dict[str, Any]) -> bool:
        theirs = session(owner, sent["invitation"]["email"])
        look = cloud.post("/v1/invitations/look", json=token_of(sent), headers=theirs)
        return look.status_code == 200

    sent = invited(cloud, owner, home)
    signed_in(cloud, owner, sent["invitation"]["email"])
    assert opens(sent)
    one = path(home, "invitations", sent["invitation"]["invitation_id"])
    again = cloud.post(f"{one}/resend", headers=boss).json()
    assert opens(again)
    assert not opens(sent)
    owner.execute(
        """
        update app.invitations set
            created_at = created_at - interval '7 days',
            expires_at = expires_at - interval '7 days'
        where workspace_id = %s
        """,
        [home.workspace_id],
    )
    assert not opens(again)
    late = cloud.post(f"{one}/resend", headers=boss).json()
    assert opens(late)
    assert cloud.delete(one, headers=boss).status_code == 204
    assert not opens(late)
    assert cloud.post(f"{one}/resend", headers=boss).status_code == 409
    assert cloud.delete(one, headers=boss).status_code == 409


def test_a_member_or_somebody_invited_is_not_invited_twice(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    boss = session(owner, home.email)
    known = member(owner, home, "viewer")
    asked = invited(cloud, owner, home)["invitation"]["email"]
    for address in (known, asked, asked.upper()):
        answer = cloud.post(
            path(home, "invitations"), json={"email": address}, headers=boss
        )
        assert answer.status_code == 409


def test_no_token_is_kept_and_no_letter_is_lost_without_a_mail_server(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    sent = invited(cloud, owner, home)
    token = token_of(sent)["token"]
    assert sent["is_mailed"] is False
    kept = owner.execute(
        "select invitations::text from app.invitations where workspace_id = %s",
        [home.workspace_id],
    ).fetchall()
    assert token not in str(kept)
    letters = [
        email.message_from_bytes(file.read_bytes())
        for file in (settings().home / "mail").glob("*.eml")
    ]
    (ours,) = (each for each in letters if each["To"] == sent["invitation"]["email"])
    assert token in str(ours.get_payload(decode=True))


class _MailServer(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs to hand one letter over."""

    received: list[str] = []  # noqa: RUF012  of the class: one server at a time

    def handle(self) -> None:
        self.wfile.write(b"220 mail\r\n")
        while line := self.rfile.readline():
            match line[:4].upper():
                case b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    letter = b""
                    while (part := self.rfile.readline()) != b".\r\n":
                        letter += part
                    self.received.append(letter.decode())
                case b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
            self.wfile.write(b"250 well\r\n")


@pytest.fixture
def mail_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _MailServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"smtp://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setattr("api.cloud.mail.settings", lambda: Settings(smtp_url=url))
        yield _MailServer.received
        server.shutdown()


def test_with_a_mail_server_the_letter_goes_there(
    mail_server: list[str],
    home: Workspace,
    owner: psycopg.Connection,
    cloud: TestClient,
) -> None:
    sent = invited(cloud, owner, home)
    assert sent["is_mailed"] is True
    assert any(sent["invitation"]["email"] in letter for letter in mail_server)


def test_a_mail_server_that_is_away_undoes_no_invitation(
    home: Workspace,
    owner: psycopg.Connection,
    cloud: TestClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "api.cloud.mail.settings", lambda: Settings(smtp_url="smtp://127.0.0.1:1")
    )
    sent = invited(cloud, owner, home)
    assert sent["is_mailed"] is False
    assert sent["invitation"]["state"] == "open"


def test_a_solo_workspace_is_one_persons(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner, "solo")
    answer = cloud.post(
        path(home, "invitations"),
        json={"email": "x@example.com"},
        headers=session(owner, home.email),
    )
    assert answer.status_code == 403
    assert answer.json() == {
        "error": "tier_locked",
        "feature": "invitations",
        "min_tier": "team",
        "current_tier": "solo",
    }


def user_id(owner: psycopg.Connection, address: str) -> str:
    found = owner.execute("select user_id from app.users where email = %s", [address])
    return str((found.fetchone() or [None])[0])


def test_a_role_is_changed_and_a_member_removed_from_the_next_request_on(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    boss = session(owner, home.email)
    address = member(owner, home, "viewer")
    theirs, them = session(owner, address), user_id(owner, address)
    overview = path(home, "overview")
    for _ in range(20):
        for role, status in (("billing", 403), ("viewer", 200)):
            changed = cloud.patch(
                path(home, "members", them), json={"role": role}, headers=boss
            )
            assert changed.json()["role"] == role
            assert cloud.get(overview, headers=theirs).status_code == status
    removed = cloud.delete(path(home, "members", them), headers=boss)
    assert removed.status_code == 204
    assert cloud.get(overview, headers=theirs).status_code == 404
    assert cloud.delete(path(home, "members", them), headers=boss).status_code == 404


def test_only_an_owner_makes_or_unmakes_an_owner(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    address = member(owner, home, "admin")
    admin, themselves = session(owner, address), user_id(owner, address)
    boss = user_id(owner, home.email)
    refused = [
        cloud.patch(
            path(home, "members", themselves), json={"role": "owner"}, headers=admin
        ),
        cloud.patch(
            path(home, "members", boss), json={"role": "viewer"}, headers=admin
        ),
        cloud.delete(path(home, "members", boss), headers=admin),
        cloud.post(
            path(home, "invitations"),
            json={"email": "x@example.com", "role": "owner"},
            headers=admin,
        ),
    ]
    for answer in refused:
        assert answer.status_code == 403
        assert answer.json()["permission"] == "own_workspace"


def test_the_last_owner_stays_and_one_who_is_not_the_last_may_go(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    boss, me = session(owner, home.email), user_id(owner, home.email)
    demote = {"json": {"role": "viewer"}, "headers": boss}
    assert cloud.patch(path(home, "members", me), **demote).status_code == 409
    assert cloud.delete(path(home, "members", me), headers=boss).status_code == 409
    assert cloud.delete(path(home, "membership"), headers=boss).status_code == 409
    member(owner, home, "owner")
    assert cloud.delete(path(home, "membership"), headers=boss).status_code == 204
    assert cloud.get(path(home), headers=boss).status_code == 404


def test_two_owners_who_leave_at_once_leave_one(
    home: Workspace, owner: psycopg.Connection, cloud: TestClient
) -> None:
    for _ in range(5):
        owner.execute(
            "update app.members set role = 'owner' where workspace_id = %s",
            [home.workspace_id],
        )
        both = [home.email, member(owner, home, "owner")]
        with ThreadPoolExecutor(2) as pool:
            answers = list(
                pool.map(
                    lambda address: (
                        cloud.delete(
                            path(home, "membership"), headers=session(owner, address)
                        ).status_code
                    ),
                    both,
                )
            )
        assert sorted(answers) == [204, 409]
        owner.execute(
            """
            insert into app.members (workspace_id, user_id, role)
            select %s, user_id, 'owner' from app.users where email = %s
            on conflict do nothing
            """,
            [home.workspace_id, home.email],
        )
        owner.execute(
            """
            delete from app.members using app.users
            where
                members.user_id = users.user_id
                and members.workspace_id = %s
                and users.email = %s
            """,
            [home.workspace_id, both[1]],
        )
