"""Signing in and out, who one is, and what the plans hold."""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from api.cloud.callers import memberships, restorable_until
from api.cloud.issuer import SESSION_SECONDS, session_token, sign_in_code
from api.cloud.limits import Budget, refuse_spent, spend
from api.cloud.sessions import (
    CSRF_COOKIE,
    SESSION_COOKIE,
    CurrentPerson,
    OpenDoors,
    address_of,
    has_clerk,
    is_this_machine,
    refuse_foreign_origin,
)
from models.answers.people import Me, Membership
from models.pairing import typed
from models.plans import Tier, plans
from models.refusals import NotSignedIn, NotThere

router = APIRouter(prefix="/v1", tags=["people"])


class SignIn(BaseModel):
    """A member's e-mail, and the code that `hmc up` printed."""

    model_config = ConfigDict(frozen=True)

    email: Annotated[str, StringConstraints(max_length=320, pattern=r"^[^\x00]+$")]
    code: Annotated[str, StringConstraints(max_length=64)]


@router.post("/sessions", status_code=204)
async def sign_in(
    asked: SignIn, request: Request, response: Response, doors: OpenDoors
) -> None:
    """Start a session of the local issuer; from this machine only."""
    refuse_foreign_origin(request)
    if has_clerk():
        raise NotThere("Sessions here are Clerk's; sign in there.")
    address = address_of(request)
    if not is_this_machine(request):
        raise NotSignedIn("The local sign-in works on this machine only.")
    refuse_spent(Budget.WRONG_SIGN_INS_OF_ADDRESS, address)
    async with doors.identifying() as warehouse:
        found = await warehouse.execute(
            "select app.local_subject_of(%s) as subject", [asked.email]
        )
        row = await found.fetchone()
    is_right = secrets.compare_digest(
        typed(asked.code).encode(), typed(sign_in_code()).encode()
    )
    if not is_right or row is None or row["subject"] is None:
        spend(Budget.WRONG_SIGN_INS_OF_ADDRESS, address)
        raise NotSignedIn("The e-mail or the sign-in code is wrong.")
    is_secure = request.url.scheme == "https"
    response.set_cookie(
        SESSION_COOKIE,
        session_token(row["subject"]),
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="lax",
        secure=is_secure,
    )
    response.set_cookie(
        CSRF_COOKIE,
        secrets.token_urlsafe(32),
        max_age=SESSION_SECONDS,
        samesite="lax",
        secure=is_secure,
    )


@router.delete("/sessions", status_code=204)
async def sign_out(_: CurrentPerson, response: Response) -> None:
    """Forget the session in this browser."""
    response.delete_cookie(SESSION_COOKIE)
    response.delete_cookie(CSRF_COOKIE)


@router.get("/me")
async def me(person: CurrentPerson, doors: OpenDoors) -> Me:
    """Who is signed in, and their workspaces."""
    mine = await memberships(doors, person)
    return Me(
        email=person.email,
        chosen=next(
            (
                row["slug"]
                for row in mine
                if row["organization_id"]
                and row["organization_id"] == person.organization_id
            ),
            None,
        ),
        workspaces=[
            Membership(
                slug=row["slug"],
                name=row["name"],
                tier=Tier(row["tier"]),
                tier_display=Tier(row["tier"]).display,
                role=row["role"],
                restorable_until=restorable_until(row),
            )
            for row in mine
        ],
    )


@router.get("/plans")
async def what_plans_hold() -> dict[str, Any]:
    """Tiers, surfaces, windows, retention and roles, as they are in force."""
    return plans()
