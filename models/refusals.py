"""Why a request is refused: one noun per situation, with what its answer needs."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from models.plans import Feature, Permission, Role, Surface, Tier


class Refusal(Exception):
    """Something that a client may not do, or did wrong; `status` is its HTTP status."""

    status = 400
    error = "refused"
    retry_after: int | None = None
    location: str | None = None

    def body(self) -> dict[str, Any]:
        """Return the answer's body. The message comes first: daemons show 200 chars."""
        return {"message": str(self), "error": self.error}


class Refused(BaseModel):
    """The body of a refusal: what to tell a person, and what a program may test."""

    model_config = ConfigDict(frozen=True, extra="allow")

    message: str
    error: str
    request_id: str | None


def refusing(*situations: type[Refusal]) -> dict[int | str, dict[str, Any]]:
    """Document on a route the refusals that it answers with, one entry per status."""
    documented: dict[int | str, dict[str, Any]] = {}
    for situation in situations:
        says = (situation.__doc__ or "").partition("\n")[0]
        entry = documented.setdefault(
            situation.status, {"model": Refused, "description": ""}
        )
        entry["description"] = f"{entry['description']} {says}".strip()
        if issubclass(situation, TooMany | Unavailable):
            entry["headers"] = {
                "Retry-After": {
                    "description": "Seconds until another try makes sense.",
                    "schema": {"type": "integer", "minimum": 1, "maximum": 300},
                }
            }
    return documented


# ── whoever calls ────────────────────────────────────────────────────────────


class Malformed(Refusal):
    """What was sent cannot be read as what the route takes."""

    status = 422
    error = "malformed"


class TooLarge(Refusal):
    """The body is over the route's limit."""

    status = 413
    error = "too_large"


class TooMany(Refusal):
    """More requests than the limit allows; again after `retry_after` seconds."""

    status = 429
    error = "too_many_requests"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EncodingUnknown(Refusal):
    """The body is compressed in a way that is not read here; gzip is."""

    status = 415
    error = "encoding_unknown"

    def __init__(self) -> None:
        super().__init__("Content-Encoding may be gzip, or left out.")


class Unavailable(Refusal):
    """Something behind this process does not answer now; nothing was kept."""

    status = 503
    error = "unavailable"
    retry_after: int | None = 5

    def __init__(self, message: str = "The warehouse is busy; try again soon.") -> None:
        super().__init__(message)


class NotRemembered(Refusal):
    """Figures were asked as known at a moment that this warehouse does not remember."""

    status = 400
    error = "not_remembered"

    def __init__(self) -> None:
        super().__init__("Nothing is remembered of what was known at `known_at`.")


class NotThere(Refusal):
    """Nothing by that name, or nothing that this caller may know of."""

    status = 404
    error = "not_found"


# ── daemons ──────────────────────────────────────────────────────────────────


class KeyUnknown(Refusal):
    """No such sync key, or it was revoked: the daemon stops until a person acts."""

    status = 401
    error = "sync_key_unknown"

    def __init__(self) -> None:
        super().__init__(
            "This machine is not connected any more: its sync key is unknown or was "
            "revoked. Pair it again."
        )


class WorkspaceGone(Refusal):
    """The key is good, its workspace is not: the daemon stops until a person acts."""

    status = 403
    error = "workspace_gone"

    def __init__(self) -> None:
        super().__init__("The workspace that this machine was paired to is gone.")


class MembershipGone(Refusal):
    """The key is good, who approved it has left: the daemon stops for a person."""

    status = 403
    error = "membership_gone"

    def __init__(self) -> None:
        super().__init__(
            "Whoever paired this machine has left the workspace. A member has to pair "
            "it again."
        )


class BodyUnreadable(Refusal):
    """A captured body that cannot be read as one, or is said to be of another call."""

    status = 400
    error = "body_unreadable"


class NotYet(Refusal):
    """The call that this body belongs to has not come yet; try again later."""

    status = 425
    error = "not_ingested_yet"

    def __init__(self) -> None:
        super().__init__("The request of this body has not been ingested yet.")


# ── people ───────────────────────────────────────────────────────────────────


class NotSignedIn(Refusal):
    """No session, or one that does not hold."""

    status = 401
    error = "not_signed_in"

    def __init__(self, why: str = "Sign in first.") -> None:
        super().__init__(why)


class Moved(Refusal):
    """The workspace goes by another slug now; people are sent there, daemons never."""

    status = 308
    error = "moved"

    def __init__(self, location: str) -> None:
        super().__init__("This workspace has another address now.")
        self.location = location


class IssuerUnreachable(Unavailable):
    """Who vouches for sessions cannot be asked; the session may be good."""

    def __init__(self) -> None:
        super().__init__("Sessions cannot be verified just now; try again soon.")


class BadSignature(Refusal):
    """A webhook that is not signed by who it says, or not now."""

    status = 401
    error = "bad_signature"

    def __init__(self) -> None:
        super().__init__("The signature does not hold.")


class CrossSite(Refusal):
    """A change that was asked for without the token of our own pages."""

    status = 403
    error = "cross_site"

    def __init__(self) -> None:
        super().__init__("This change was not asked for by one of our own pages.")


class NotPermitted(Refusal):
    """The role that the caller holds here does not include this."""

    status = 403
    error = "not_permitted"

    def __init__(self, permission: Permission, role: Role) -> None:
        super().__init__(
            f"Your role here, {role}, may not {permission.replace('_', ' ')}."
        )
        self._permission, self._role = permission, role

    def body(self) -> dict[str, Any]:
        """Add the permission that is missing and the role that lacks it."""
        return super().body() | {"permission": self._permission, "role": self._role}


class NotInScope(Refusal):
    """Nobody gives a key, and no key has, what its maker may not do."""

    status = 403
    error = "not_in_scope"

    def __init__(self, permission: Permission | None) -> None:
        missing = permission.replace("_", " ") if permission else "act as a person"
        super().__init__(f"This key may not {missing}.")
        self._permission = permission

    def body(self) -> dict[str, Any]:
        """Add the permission that is missing."""
        return super().body() | {"permission": self._permission}


class TierLocked(Refusal):
    """The workspace's plan does not include it. Exactly these four keys."""

    status = 403
    error = "tier_locked"

    def __init__(self, feature: Surface | Feature, current: Tier) -> None:
        super().__init__(f"{feature} needs {feature.lowest_tier.display}")
        self._feature, self._current = feature, current

    def body(self) -> dict[str, Any]:
        """Return the lock as every client of this product knows it."""
        return {
            "error": self.error,
            "feature": self._feature,
            "min_tier": self._feature.lowest_tier,
            "current_tier": self._current,
        }


class BeyondFloor(Refusal):
    """The period reaches further back than the plan's window or the retention."""

    status = 400
    error = "beyond_floor"

    def __init__(self, surface: Surface, floor: str) -> None:
        super().__init__(f"{surface} reaches back to {floor} on this plan.")
        self._floor = floor

    def body(self) -> dict[str, Any]:
        """Name the floor."""
        return super().body() | {"floor": self._floor}


class OwnPreparation(Refusal):
    """Whoever prepared a month does not review it as well."""

    status = 403
    error = "own_preparation"

    def __init__(self) -> None:
        super().__init__(
            "You prepared this month yourself: somebody else has to close it."
        )


class Conflict(Refusal):
    """It contradicts what is already there."""

    status = 409
    error = "conflict"


class SlugTaken(Conflict):
    """Another workspace goes by that slug, or once did."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"The slug {slug} is taken; choose another.")
