"""The OpenAPI says of the daemons' routes all that can happen on them."""

from typing import Any

import pytest
from starlette.testclient import TestClient

# Every status of the wire's contract, and those of this server's own limits.
POSTED = {"401", "403", "413", "415", "429", "503"}
ASKED = {"200", "401", "403", "422", "503"}
STATUSES = {
    ("post", "/v1/pairing/start"): {"200", "422", "429", "503"},
    ("post", "/v1/pairing/poll"): {"200", "404", "422", "503"},
    ("get", "/v1/daemon/whoami"): {"200", "401", "403", "503"},
    ("delete", "/v1/daemon/disconnect"): {"204", "401", "403", "503"},
    ("post", "/v1/requests/batch"): POSTED | {"200", "422"},
    ("post", "/v1/requests/{request_id}/body"): POSTED
    | {"200", "204", "400", "404", "422", "425"},
    ("get", "/v1/reconciliation/daemon-totals"): ASKED | {"404"},
    ("get", "/v1/pricing/rates"): ASKED | {"304"},
}


@pytest.fixture(scope="module")
def document(cloud: TestClient) -> dict[str, Any]:
    return cloud.get("/v1/openapi.json").json()


@pytest.mark.parametrize("route", STATUSES)
def test_every_status_of_a_route_is_documented_and_no_other(
    route: tuple[str, str], document: dict[str, Any]
) -> None:
    method, path = route
    assert set(document["paths"][path][method]["responses"]) == STATUSES[route]


def test_all_but_the_pairing_calls_ask_for_a_sync_key(document: dict[str, Any]) -> None:
    for method, path in STATUSES:
        asks = bool(document["paths"][path][method].get("security"))
        assert asks != path.startswith("/v1/pairing/"), path
    assert document["components"]["securitySchemes"]["sync_key"]["scheme"] == "bearer"


def test_a_refusal_that_passes_says_when_to_come_back(document: dict[str, Any]) -> None:
    for method, path in STATUSES:
        answers = document["paths"][path][method]["responses"]
        for status in {"429", "503"} & set(answers):
            assert "Retry-After" in answers[status]["headers"], (path, status)


def test_headers_that_a_daemon_may_use_are_documented(document: dict[str, Any]) -> None:
    paths = document["paths"]
    for path in ("/v1/requests/batch", "/v1/requests/{request_id}/body"):
        sent = {one["name"]: one for one in paths[path]["post"]["parameters"]}
        assert "gzip" in sent["content-encoding"]["schema"]["enum"], path
    rates = paths["/v1/pricing/rates"]["get"]
    assert "if-none-match" in {one["name"] for one in rates["parameters"]}
    for status in ("200", "304"):
        assert "ETag" in rates["responses"][status]["headers"]


def test_what_a_batch_holds_is_documented_to_the_last_key(
    document: dict[str, Any],
) -> None:
    content = document["paths"]["/v1/requests/batch"]["post"]["requestBody"]["content"]
    schema = content["application/json"]["schema"]
    record = schema["properties"]["records"]["items"]
    assert set(record["required"]) == {
        "id",
        "provider",
        "model",
        "requested_at",
        "recorded_at",
    }
    assert "$ref" not in str(schema)
