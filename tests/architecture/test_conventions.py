"""The conventions of the dbt project hold, and what watches over them would notice."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.cloud.made import lineage
from api.questions import HERE

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "dbt_project"
MAKE = shutil.which("make") or "make"
FROM_OUTSIDE = {"daemon": "requests", "catalog": "pricing_rates"} | {
    "billing": "billing_documents"
}


def read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text("utf-8"))


def exposures() -> list[dict[str, Any]]:
    return read(PROJECT / "models/exposures.yml")["exposures"]


def bounced(root: Path) -> subprocess.CompletedProcess[str]:
    """What `make conventions` says of the project in a folder."""
    return subprocess.run(
        [MAKE, "--no-print-directory", "conventions", f"VENV={ROOT / '.venv'}"],
        cwd=root,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_convention_holds() -> None:
    said = bounced(ROOT)
    assert said.returncode == 0, said.stdout + said.stderr


def test_a_model_that_keeps_none_of_them_is_refused(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    kept_out = shutil.ignore_patterns("target", "logs")
    shutil.copytree(PROJECT, tmp_path / "dbt_project", ignore=kept_out)
    (tmp_path / "dbt_project/models/marts/spend/spending.sql").write_text(
        "select 1.5 as cost from {{ source('daemon', 'requests') }}\n"
    )
    said = bounced(tmp_path)
    assert said.returncode != 0
    for check in (
        "check_model_names",
        "check_lineage_source_cannot_be_used",
        "check_model_has_exposure",
        "check_model_has_unit_tests",
    ):
        assert re.search(rf"{check}\S*spending", said.stdout), check


@pytest.mark.parametrize("exposure", exposures(), ids=lambda each: each["name"])
def test_an_exposure_rests_on_what_its_questions_read(exposure: dict[str, Any]) -> None:
    files = {file.stem: file for file in HERE.rglob("*.sql")}
    marts = {
        mart
        for name in exposure["config"]["meta"]["questions"]
        for mart in re.findall(r"\b(?:fct|dim)_\w+", files[name].read_text("utf-8"))
    }
    # A mart that no question reads belongs to whoever shows what is made of it.
    asked = {
        mart
        for file in files.values()
        for mart in re.findall(r"\b(?:fct|dim)_\w+", file.read_text("utf-8"))
    }
    made_of = {
        name
        for mart in marts
        for name in lineage().models[mart].reads
        if name.startswith(("fct_", "dim_")) and name not in asked
    }
    assert set(exposure["depends_on"]) == {f"ref('{mart}')" for mart in marts | made_of}


def test_every_question_is_asked_by_some_surface() -> None:
    asked = {
        name for each in exposures() for name in each["config"]["meta"]["questions"]
    }
    assert asked == {file.stem for file in HERE.rglob("*.sql")}


def test_every_notebook_is_an_exposure() -> None:
    named = " ".join(exposure["description"] for exposure in exposures())
    for notebook in (ROOT / "notebooks").glob("[0-9]*.py"):
        assert f"`notebooks/{notebook.name}`" in named


def test_what_comes_from_outside_is_asked_whether_it_is_fresh() -> None:
    sources = read(PROJECT / "models/staging/_staging__sources.yml")["sources"]
    asked = {
        source["name"]: table["name"]
        for source in sources
        for table in source["tables"]
        if "freshness" in table.get("config", {})
    }
    assert asked == FROM_OUTSIDE


def test_a_column_of_several_models_is_described_in_one_place() -> None:
    described: dict[str, set[str]] = {}
    for path in (PROJECT / "models/marts").rglob("_*__models.yml"):
        for model in read(path)["models"]:
            for column in model["columns"]:
                described.setdefault(column["name"], set()).add(column["description"])
    own = {"workspace_id", "status"}  # a rate's may be null; a bill has another status
    for name, descriptions in described.items():
        assert len(descriptions) == 1 or name in own, name
