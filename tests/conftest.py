"""A real Postgres for every test: one embedded cluster, migrated and built once.

Tests keep apart as customers do, each in workspaces of its own; what is global
(catalogue rates) each test names for itself.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from starlette.testclient import TestClient

HOME = Path(tempfile.mkdtemp(prefix="hmc-test-", dir="/tmp"))
os.environ["HMC_DATA_DIR"] = str(HOME)
os.environ["HMC_CACHE_DIR"] = str(HOME / "cache")
os.environ.pop("DATABASE_URL", None)

LONGEST = ("faults", "load", "test_rebuild", "test_beliefs")  # folders and files


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with what takes longest, so that two processes end at the same time."""

    def place(item: pytest.Item) -> int:
        names = (item.path.parent.name, item.path.stem)
        return min(
            (LONGEST.index(name) for name in names if name in LONGEST),
            default=len(LONGEST),
        )

    items.sort(key=place)


@pytest.fixture(scope="session")
def warehouse() -> Iterator[None]:
    """A migrated cluster with the catalogue's rates and marts built once."""
    from hmc.running import load_rates_if_none
    from ingest.rebuild.cycle import rebuild, rebuilding
    from warehouse.embedded import leave
    from warehouse.migrate import migrate

    migrate()
    load_rates_if_none()
    with rebuilding() as owner:
        rebuild(owner)
    yield
    leave(HOME)
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture
def owner(warehouse: None) -> Iterator[psycopg.Connection]:
    """The owner's connection: sees every workspace."""
    from warehouse.cluster import Role, connect

    with connect(Role.OWNER) as connection:
        yield connection


@pytest.fixture(scope="session")
def cloud(warehouse: None) -> Iterator[TestClient]:
    """The whole server in this process, called as from this machine."""
    from hmc.server import create_app

    with TestClient(
        create_app(),
        base_url="http://127.0.0.1:8000",
        client=("127.0.0.1", 50000),
        raise_server_exceptions=False,
        follow_redirects=False,
    ) as client:
        yield client


@pytest.fixture(autouse=True)
def _full_budgets() -> None:
    """Let no test ask on what another has left of the address's budget."""
    from api.cloud.limits import forget_all

    forget_all()
