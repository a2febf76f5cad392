"""The laptop's half installs and runs without the other half."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.local.daemon_file import daemon_file, rate, request

ROOT = Path(__file__).parents[2]
OURS = ("api", "hmc", "models", "web", "ingest", "warehouse", "dbt_project")
NEVER = re.compile(
    r"dbt|psycopg|pixeltable|great.expectations|pandas|polars|sqlglot|alembic|pyarrow"
)
MOST_MEGABYTES = 150


def installed(extra: str) -> dict[str, Distribution]:
    """Return what `pip install .[extra]` brings, as it is installed here."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(f"halton-meter-cloud[{extra}]")]
    while waiting:
        wanted = waiting.pop()
        try:
            package = distribution(wanted.name)
        except PackageNotFoundError:
            continue  # for another platform
        extras = {"", *wanted.extras}
        if wanted.name != "halton-meter-cloud":
            if wanted.name in found and not wanted.extras:
                continue
            found[wanted.name] = package
        for line in package.requires or []:
            needed = Requirement(line)
            if not needed.marker or any(
                needed.marker.evaluate({"extra": each}) for each in extras
            ):
                waiting.append(needed)
    return found


@pytest.fixture(scope="module")
def laptop_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with those of [local] and ours, and nothing else."""
    folder = tmp_path_factory.mktemp("packages")
    for package in installed("local").values():
        for file in package.files or []:
            top = file.parts[0]
            link, target = folder / top, Path(str(package.locate_file(top)))
            if top != ".." and not link.exists() and target.exists():
                link.symlink_to(target)
    for room in OURS:
        (folder / room).symlink_to(ROOT / room)
    (metadata,) = Path(str(distribution("halton-meter-cloud").locate_file(""))).glob(
        "halton_meter_cloud-*.dist-info"
    )
    (folder / metadata.name).symlink_to(metadata)
    return folder


def test_the_laptop_needs_nothing_of_the_server() -> None:
    names = set(installed("local"))
    assert {"duckdb", "duckdb-extension-sqlite-scanner"} <= names
    assert [name for name in sorted(names) if NEVER.search(name)] == []


def test_it_takes_up_little_room() -> None:
    size = sum(
        Path(str(package.locate_file(file))).stat().st_size
        for package in installed("local").values()
        for file in package.files or []
        if Path(str(package.locate_file(file))).is_file()
    )
    assert size / 1_000_000 < MOST_MEGABYTES


@pytest.mark.parametrize("words", [["report"], ["top"], ["calls"], ["unpriced"]])
def test_its_commands_run_with_that_alone(
    words: list[str], laptop_alone: Path, tmp_path: Path
) -> None:
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    file = daemon_file(tmp_path / "db.sqlite", [request(now)], [rate()])
    made = alone(laptop_alone, "-m", "hmc", *words, "--db", str(file))
    assert made.returncode == 0, made.stderr
    assert made.stdout


def test_so_do_its_api_and_its_pages(laptop_alone: Path) -> None:
    made = alone(
        laptop_alone,
        "-c",
        "import api.local.loopback, web.laptop.pages, uvicorn, hmc.local;"
        "web.laptop.pages.create_pages(3000, 8765)",
    )
    assert made.returncode == 0, made.stderr


def alone(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-S", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
