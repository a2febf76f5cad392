"""Every route has a rule, or the application does not start."""

from collections.abc import Iterator
from typing import NamedTuple

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from api.cloud.callers import Gate
from api.cloud.sessions import current_person
from ingest.daemons.keys import current_machine

# Routes that nobody has to prove anything for, each with its reason.
OPEN = {
    ("POST", "/v1/pairing/start"): "a daemon has no key before it is paired",
    ("POST", "/v1/pairing/poll"): "the poll token in the body proves who asks",
    ("GET", "/v1/policies/resolved"): "answers 404 until it is built",
    ("POST", "/v1/policies/audit-ingest"): "answers 404 until it is built",
    ("POST", "/v1/sessions"): "the sign-in code in the body proves who asks",
    ("POST", "/v1/webhooks/clerk"): "the signature over the body proves who tells",
    ("GET", "/v1/plans"): "the price list is no secret",
}
WORKSPACES = "/v1/workspaces/{slug}"


class RouteWithoutRule(Exception):
    """A route that nobody has said who may call."""


class Ruled(NamedTuple):
    """A route and who may call it: a gate, `person`, `machine` or `open`."""

    method: str
    path: str
    rule: Gate | str


def ruled_routes(app: FastAPI) -> list[Ruled]:
    """Return every route of the API with its rule; RouteWithoutRule if one has none."""
    found: list[Ruled] = []
    for context in iter_route_contexts(app.routes):
        if not context.path or not context.path.startswith("/v1/"):
            continue
        if not isinstance(context.original_route, APIRoute):
            continue  # the description of the API itself
        calls = list(_calls(context.original_route.dependant))
        found += [
            Ruled(method, context.path, _rule(method, context.path, calls))
            for method in sorted(context.methods or ())
        ]
    return found


def _rule(method: str, path: str, calls: list[object]) -> Gate | str:
    for call in calls:
        if isinstance(call, Gate):
            return call
    if not path.startswith(WORKSPACES):
        if current_person in calls:
            return "person"
        if current_machine in calls:
            return "machine"
        if (method, path) in OPEN:
            return "open"
    raise RouteWithoutRule(f"{method} {path} says nowhere who may call it")


def _calls(dependant: Dependant) -> Iterator[object]:
    for each in dependant.dependencies:
        yield each.call
        yield from _calls(each)
