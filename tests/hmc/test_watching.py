"""What an operator sees: counts, freshness, and logs that give nobody away."""

import io
import json
import logging

import psycopg
import pytest
from starlette.testclient import TestClient

from hmc.logs import JsonLines
from tests.factories import session, workspace


def test_metrics_count_answers_by_route_and_say_how_fresh_it_is(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    cloud.get(
        f"/v1/workspaces/{home.slug}/overview", headers=session(owner, home.email)
    )
    told = cloud.get("/metrics")
    assert told.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = dict(line.rsplit(" ", 1) for line in told.text.splitlines())
    labels = 'method="GET",route="/v1/workspaces/{slug}/overview",status="200"'
    assert int(lines[f"hmc_answers_total{{{labels}}}"]) >= 1
    assert float(lines["hmc_oldest_unpublished_change_seconds"]) >= 0
    assert (
        lines["hmc_answer_seconds_count"]
        == lines['hmc_answer_seconds_bucket{le="+Inf"}']
    )
    assert home.slug not in told.text


def test_metrics_are_for_this_machine_alone(
    cloud: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.cloud.sessions.address_of", lambda _: "192.0.2.7")
    assert cloud.get("/metrics").status_code == 404


def test_a_log_line_has_the_requests_id_and_nothing_that_was_sent(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    home = workspace(owner)
    signed_in = session(owner, home.email)
    file = io.StringIO()
    handler = logging.StreamHandler(file)
    handler.setFormatter(JsonLines())
    log = logging.getLogger("hmc")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        answer = cloud.post(
            f"/v1/workspaces/{home.slug}/departments?canary=in-the-query",
            json={"name": "canary in the body"},
            headers=signed_in,
        )
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)
    (line,) = file.getvalue().splitlines()
    said = json.loads(line)
    assert said["request_id"] == answer.headers["x-request-id"]
    assert said["route"] == "/v1/workspaces/{slug}/departments"
    assert said["status"] == 201
    token = signed_in["authorization"].removeprefix("Bearer ")
    for secret in ("canary", token, home.email, home.slug):
        assert secret not in line
