"""dbt in this process: imported once, its project parsed once, run every cycle."""

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from psycopg.conninfo import conninfo_to_dict

from models.trouble import Trouble
from warehouse.cluster import Role, conninfo

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest

PROJECT = Path(__file__).parents[2] / "dbt_project"

# Views stand from one full refresh to the next; a cycle runs what holds rows. What
# compares with the marts that stand has no meaning before there are any.
CYCLE = ["--select", "config.materialized:table", "config.materialized:published"]
WHOLE = ["--full-refresh", "--exclude", "tag:cycle_only", "tag:compares"]
COMPARED = ["--full-refresh", "--exclude", "tag:cycle_only"]
QUIETLY = [
    *("--project-dir", str(PROJECT)),
    *("--profiles-dir", str(PROJECT)),
    *("--log-level", "none", "--log-level-file", "none"),
    "--quiet",
    "--no-write-json",
]


class BuildFailed(Trouble):
    """A model did not build; its text is dbt's first complaint."""


@cache
def build_version() -> str:
    """Name the SQL that makes the marts: another name means a full refresh."""
    digest = hashlib.sha256()
    for file in sorted([*PROJECT.glob("models/**/*"), *PROJECT.glob("macros/**/*")]):
        if file.is_file():
            digest.update(file.relative_to(PROJECT).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def fact_columns() -> list[str]:
    """Name the columns that the contract of the priced requests states, in order."""
    node = _manifest().nodes["model.halton.fct_priced_requests"]
    return list(node.columns)


def nodes() -> dict[str, dict[str, Any]]:
    """Return what dbt knows of every node of the project, by its id."""
    return {name: node.to_dict() for name, node in _manifest().nodes.items()}


def run_models(*, full_refresh: bool, compared: bool = False) -> None:
    """Prepare the marts of the frozen cycle; BuildFailed if any model fails.

    A full refresh can be compared with the marts that stand, row by row, so that what
    it changes is remembered.
    """
    whole = COMPARED if compared else WHOLE
    invoke(["run", *(whole if full_refresh else CYCLE)])


def invoke(words: list[str]) -> None:
    """Run one dbt command against the warehouse, quietly."""
    manifest = _manifest()
    from dbt.cli.main import dbtRunner

    # A copy, because a run leaves its compiled models in what it was given.
    _check(dbtRunner(manifest=manifest.deepcopy()).invoke([*words, *QUIETLY]))


def _check(target: "dbtRunnerResult") -> None:
    if target.success:
        return
    if target.exception is not None:
        raise BuildFailed(" ".join(str(target.exception).split()))
    complaints = [
        f"{result.node.name}: {' '.join(str(result.message).split())}"
        for result in getattr(target.result, "results", [])
        if result.status not in {"success", "pass", "skipped"}
    ]
    raise BuildFailed("; ".join(complaints) or "dbt failed without a word")


@cache
def _manifest() -> "Manifest":
    """Parse once: reading the project again would be half of every cycle."""
    _name_the_warehouse()

    from dbt.cli.main import dbtRunner

    parsed = dbtRunner().invoke(["parse", *QUIETLY])
    _check(parsed)
    return cast("Manifest", parsed.result)


def _name_the_warehouse() -> None:
    parts = conninfo_to_dict(conninfo(Role.OWNER))
    os.environ["HMC_DBT_HOST"] = str(parts.get("host", "localhost"))
    os.environ["HMC_DBT_PORT"] = str(parts.get("port", 5432))
    os.environ["HMC_DBT_USER"] = str(parts.get("user", ""))
    os.environ["HMC_DBT_PASSWORD"] = str(parts.get("password", ""))
    os.environ["HMC_DBT_DBNAME"] = str(parts.get("dbname", ""))
    os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
