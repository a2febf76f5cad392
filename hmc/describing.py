"""The description of the API: what every route may refuse, from the rule it has."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.cloud.callers import Gate
from hmc.rules import Ruled, ruled_routes
from models.refusals import Refused

REFUSED: dict[int, str] = {
    308: "The workspace goes by another slug now; `Location` says where.",
    400: "The period starts before the plan's window; `floor` names it.",
    401: "No credential, or one that does not hold.",
    403: "Known, and not allowed: plan, role or scope do not include it.",
    404: "Not there, or not the caller's: the two are not told apart.",
    409: "It contradicts what is there.",
    413: "The body is over the limit.",
    422: "It cannot be read as what the route takes.",
    429: "Too many; again after `Retry-After` seconds.",
    503: "Not now; again after `Retry-After` seconds.",
}
# Routes that say at their own place what they refuse: their contract is fixed.
DESCRIBED_THERE = "daemons"
ANYWHERE = {422, 429, 503}
CHANGING = {"POST", "PUT", "PATCH", "DELETE"}

SCHEMAS: dict[str, Any] = {
    "Refused": Refused.model_json_schema(),
    "TierLock": {
        "type": "object",
        "required": ["error", "feature", "min_tier", "current_tier"],
        "additionalProperties": False,
        "properties": {
            "error": {"const": "tier_locked"},
            "feature": {"type": "string"},
            "min_tier": {"type": "string"},
            "current_tier": {"type": "string"},
        },
    },
}
SECURITY: dict[str, Any] = {
    "session": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "api_key": {"type": "http", "scheme": "bearer", "bearerFormat": "hm_api_…"},
}


def describe(app: FastAPI) -> None:
    """Have the description of the API say what each route may refuse, and to whom."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _description(app)
        return app.openapi_schema

    app.openapi = described


def _description(app: FastAPI) -> dict[str, Any]:
    description = get_openapi(title=app.title, version=app.version, routes=app.routes)
    components = description.setdefault("components", {})
    components.setdefault("schemas", {}).update(SCHEMAS)
    components.setdefault("securitySchemes", {}).update(SECURITY)
    for ruled in ruled_routes(app):
        said = description["paths"].get(ruled.path, {}).get(ruled.method.lower())
        if said is None or DESCRIBED_THERE in said.get("tags", ()):
            continue
        # What the framework says of 422 is not how it is answered here.
        said["responses"].pop("422", None)
        for status in sorted(_refused_by(ruled)):
            said["responses"].setdefault(str(status), _answer(status))
        said["security"] = _opened_by(ruled)
    return description


def _refused_by(ruled: Ruled) -> set[int]:
    statuses = set(ANYWHERE)
    if ruled.rule != "open" or "sessions" in ruled.path or "webhooks" in ruled.path:
        statuses |= {401}
    if ruled.rule != "open" or ruled.method in CHANGING:
        statuses |= {403, 404}
    if isinstance(ruled.rule, Gate):
        statuses |= {308} if ruled.method in CHANGING else {308, 400}
    if ruled.method in CHANGING:
        statuses |= {409, 413}
    return statuses


def _answer(status: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"$ref": "#/components/schemas/Refused"}
    if status == 403:  # noqa: PLR2004
        schema = {"anyOf": [{"$ref": "#/components/schemas/TierLock"}, schema]}
    return {
        "description": REFUSED[status],
        "content": {"application/json": {"schema": schema}},
    }


def _opened_by(ruled: Ruled) -> list[dict[str, list[str]]]:
    match ruled.rule:
        case Gate():
            return [{"session": []}, {"api_key": []}]
        case "person":
            return [{"session": []}]
        case _:
            return []
