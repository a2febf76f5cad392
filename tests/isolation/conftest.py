"""What tests of isolation share: the table of routes, and no limit on asking."""

import pytest
from starlette.testclient import TestClient

from hmc.rules import Ruled, ruled_routes
from models.plans import plans


@pytest.fixture
def no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    much = {name: {"count": 10**9, "seconds": 1} for name in plans()["limits"]}
    monkeypatch.setitem(plans(), "limits", much)
    monkeypatch.setattr("api.cloud.routes.pairings.WRONG_CODES", 10**9)


@pytest.fixture(scope="session")
def rules(cloud: TestClient) -> list[Ruled]:
    return ruled_routes(cloud.app)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def routes(rules: list[Ruled]) -> list[str]:
    return [f"{each.method} {each.path}" for each in rules]
