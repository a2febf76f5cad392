"""The documents name what there is, and only what there is."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from api.cloud.limits import Budget
from hmc.__main__ import app as command_line
from models.plans import Feature, Permission, Role, Surface, Tier, plans
from warehouse.settings import Settings

ROOT = Path(__file__).parents[2]
ROOMS = (
    "models",
    "warehouse",
    "ingest",
    "dbt_project",
    "api",
    "hmc",
    "web",
    "notebooks",
    "bench",
    "tests",
    "docs",
)


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_says_what_lives_in_it_and_is_named_in_the_readme(room: str) -> None:
    assert (ROOT / room / "README.md").read_text("utf-8").startswith("# ")
    assert f"`{room}/`" in (ROOT / "README.md").read_text("utf-8")


def commands(group: Any, prefix: str = "hmc") -> list[str]:
    found: list[str] = []
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found += commands(command, f"{prefix} {name}")
        else:
            found.append(f"{prefix} {name}")
    return found


def test_every_command_is_documented() -> None:
    text = (ROOT / "hmc/README.md").read_text("utf-8")
    for command in commands(typer.main.get_command(command_line)):
        assert f"`{command}" in text, command


def test_every_route_is_documented(cloud: TestClient) -> None:
    text = (ROOT / "docs/API.md").read_text("utf-8")
    routes = {
        (method, context.path)
        for context in iter_route_contexts(cloud.app.routes)  # type: ignore[attr-defined]
        if context.path and context.path.startswith("/v1/")
        for method in context.methods or ()
        if method not in {"HEAD", "OPTIONS"}
    }
    assert len(routes) >= 20
    for method, path in sorted(routes):
        assert f"| {method} `{path}` |" in text, (method, path)


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs/OPERATING.md").read_text("utf-8")
    for name, field in Settings.model_fields.items():
        assert f"`{field.validation_alias or f'HMC_{name.upper()}'}`" in text


def test_the_table_of_plans_names_exactly_what_the_code_knows() -> None:
    assert set(plans()["tiers"]) == set(Tier)
    assert set(plans()["surfaces"]) == set(Surface)
    assert set(plans()["features"]) == set(Feature)
    assert set(plans()["roles"]) == set(Role)
    assert set(plans()["limits"]) == set(Budget)
    assert set(plans()["keys"]["scopes"]) <= set(Permission)
    granted = {name for names in plans()["roles"].values() for name in names}
    assert granted == set(Permission)


def test_every_decision_says_why_what_it_costs_and_what_keeps_it() -> None:
    text = (ROOT / "docs/DECISIONS.md").read_text("utf-8")
    decisions = text.split("\n## ")[1:]
    assert len(decisions) >= 8
    for decision in decisions:
        for part in ("**Why**", "**Costs**", "**Kept by**"):
            assert part in decision, decision.splitlines()[0]


@pytest.mark.parametrize("page", ["DECISIONS.md", "SECURITY.md"])
def test_every_test_that_a_page_rests_on_exists(page: str) -> None:
    text = (ROOT / "docs" / page).read_text("utf-8")
    tests = "\n".join(p.read_text("utf-8") for p in (ROOT / "tests").rglob("*.py"))
    for name in re.findall(r"`(test_\w+|Test\w+)`", text):
        assert f" {name}(" in tests, name


def test_help_comes_within_three_tenths_of_a_second_of_cpu() -> None:
    script = (
        "import resource, subprocess, sys;"
        "subprocess.run([sys.executable, '-m', 'hmc', '--help'], check=True,"
        " stdout=subprocess.DEVNULL);"
        "spent = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(spent.ru_utime + spent.ru_stime)"
    )
    spent = min(
        float(
            subprocess.run(
                [sys.executable, "-c", script],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for _ in range(3)
    )
    assert spent < 0.3


def test_no_package_is_fetched_from_an_address() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    assert "://" not in lock
    assert "--index" not in lock
    assert tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
