"""Which plan and which role reach what, and how the others are turned away."""

from uuid import uuid4

import psycopg
import pytest
from starlette.testclient import TestClient

from api.cloud.issuer import sign_in_code
from models.plans import Permission, Role, Surface, Tier
from tests.factories import daemon, member, session, workspace

SURFACES = {
    "overview": (Surface.OVERVIEW, Permission.READ_USAGE),
    "projects": (Surface.PROJECTS, Permission.READ_USAGE),
    "traces": (Surface.TRACES, Permission.READ_USAGE),
    "reconciliation": (Surface.RECONCILIATION, Permission.READ_FINANCE),
    "departments": (Surface.EXECUTIVE, Permission.READ_FINANCE),
}


@pytest.mark.parametrize("tier", list(Tier))
@pytest.mark.parametrize("role", list(Role))
def test_plan_and_role_decide_and_a_lock_is_shown(
    tier: Tier, role: Role, owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner, tier)
    signed_in = session(owner, member(owner, home, role))
    for name, (surface, permission) in SURFACES.items():
        answer = cloud.get(f"/v1/workspaces/{home.slug}/{name}", headers=signed_in)
        if not tier.covers(surface.lowest_tier):
            assert answer.status_code == 403
            assert answer.json() == {
                "error": "tier_locked",
                "feature": surface.value,
                "min_tier": surface.lowest_tier.value,
                "current_tier": tier.value,
            }
        elif not role.may(permission):
            assert answer.status_code == 403
            assert answer.json()["error"] == "not_permitted"
        else:
            assert answer.status_code == 200, answer.text


def test_another_workspace_is_not_there_and_neither_is_none(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    mine, theirs = workspace(owner), workspace(owner)
    signed_in = session(owner, mine.email)
    for name in SURFACES:
        foreign, missing = (
            cloud.get(f"/v1/workspaces/{slug}/{name}", headers=signed_in)
            for slug in (theirs.slug, f"no-{uuid4().hex}")
        )
        assert foreign.status_code == missing.status_code == 404
        assert foreign.json()["message"] == missing.json()["message"]


def test_a_sync_key_opens_no_route_of_people_and_a_session_none_of_daemons(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    laptop = daemon(owner, cloud, home)
    overview = f"/v1/workspaces/{home.slug}/overview"
    assert cloud.get(overview, headers=laptop.headers).status_code == 401
    signed_in = session(owner, home.email)
    assert cloud.get("/v1/daemon/whoami", headers=signed_in).status_code == 401


def test_a_role_that_is_taken_away_counts_from_the_next_request(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    email = member(owner, home, "viewer")
    signed_in = session(owner, email)
    overview = f"/v1/workspaces/{home.slug}/overview"
    assert cloud.get(overview, headers=signed_in).status_code == 200
    owner.execute("update app.members set role = 'billing' where role = 'viewer'")
    assert cloud.get(overview, headers=signed_in).status_code == 403
    owner.execute("delete from app.members where role = 'billing'")
    assert cloud.get(overview, headers=signed_in).status_code == 404


def test_a_browser_signs_in_with_the_code_and_changes_only_with_our_own_token(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    wrong = cloud.post("/v1/sessions", json={"email": home.email, "code": "NOPE"})
    assert wrong.status_code == 401
    asked = {"email": home.email.upper(), "code": sign_in_code().lower()}
    try:
        assert cloud.post("/v1/sessions", json=asked).status_code == 204
        assert cloud.get("/v1/me").json()["email"] == home.email
        departments = f"/v1/workspaces/{home.slug}/departments"
        refused = cloud.post(departments, json={"name": "R&D"})
        assert refused.json()["error"] == "cross_site"
        ours = {"x-hmc-csrf": cloud.cookies["hmc_csrf"]}
        foreign = ours | {"origin": "https://elsewhere.example"}
        assert (
            cloud.post(departments, json={"name": "R&D"}, headers=foreign).json()[
                "error"
            ]
            == "cross_site"
        )
        made = cloud.post(departments, json={"name": "R&D"}, headers=ours)
        assert made.status_code == 201
        assert cloud.delete("/v1/sessions", headers=ours).status_code == 204
        assert cloud.get("/v1/me").status_code == 401
    finally:
        cloud.cookies.clear()


def test_a_period_beyond_the_plan_is_refused_or_clamped(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner, "team")
    signed_in = session(owner, home.email)
    base = f"/v1/workspaces/{home.slug}"
    refused = cloud.get(f"{base}/traces?from=2020-01-01", headers=signed_in)
    assert refused.status_code == 400
    assert refused.json()["floor"]
    assert cloud.get(f"{base}/traces", headers=signed_in).status_code == 200
    clamped = cloud.get(f"{base}/projects?from=2020-01-01", headers=signed_in).json()
    assert clamped["period"]["is_clamped"]
    assert clamped["period"]["since"] > "2020-01-01"
