"""Writes down from which models each question comes, and each model from what.

From dbt's manifest when the SQL is generated, so that the API can say where a figure
comes from without knowing dbt.
"""

import json
from collections.abc import Iterator
from typing import Any

from hmc.as_known import READ

FILE = "lineage.json"
PROJECT = "dbt_project"


def generated(
    questions: dict[str, str], nodes: dict[str, dict[str, Any]]
) -> dict[str, str]:
    """Return the one file of the folder; `nodes` are the manifest's, by id."""
    models = {
        node["name"]: {
            "file": f"{PROJECT}/{node['original_file_path']}",
            "description": " ".join(node["description"].split()),
            "reads": sorted(_reads(node)),
        }
        for node in nodes.values()
        if node["resource_type"] == "model"
    }
    asked = {
        name: sorted(set(READ.findall(sql)) & set(models))
        for name, sql in questions.items()
    }
    written = {"questions": asked, "models": models}
    return {FILE: json.dumps(written, indent=1, sort_keys=True) + "\n"}


def _reads(node: dict[str, Any]) -> Iterator[str]:
    for dependency in node["depends_on"]["nodes"]:
        kind, _, *rest = dependency.split(".")
        if kind == "model":
            yield rest[-1]
        elif rest[0] != "standing":  # what it had published before is no origin
            yield f"{rest[0]}.{rest[1]}"
