"""dbt in this process: imported once, its project parsed once, run every cycle."""

import hashlib
import os
import tempfile
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
    node = manifest().nodes["model.halton.fct_priced_requests"]
    return list(node.columns)


def made_by_cycles() -> list[str]:
    """Name the tables that a full refresh does not make."""
    return [
        node.name
        for node in manifest().nodes.values()
        if {"cycle_only", "compares"} & set(node.tags)
    ]


def run_models(*, full_refresh: bool, compared: bool = False) -> None:
    """Prepare the marts of the frozen cycle; BuildFailed if any model fails.

    A full refresh can be compared with the marts that stand, row by row, so that what
    it changes is remembered.
    """
    whole = COMPARED if compared else WHOLE
    invoke(["run", *(whole if full_refresh else CYCLE)])


def invoke(words: list[str]) -> None:
    """Run one dbt command against the warehouse, quietly."""
    _check(_run(words))


def tested() -> dict[str, str]:
    """Run every test of the project; return how each one went, by its name."""
    return _went(["test"])


def freshness() -> dict[str, str]:
    """Ask every source whether it is fresh; return what it is, by its table."""
    return _went(["source", "freshness"])


def documentation() -> str:
    """Return the project's documentation, a page that needs nothing beside it."""
    with tempfile.TemporaryDirectory(prefix="hmc-docs-") as target:
        words = ["docs", "generate", "--static", "--target-path", target]
        _check(_run([*words, "--write-json"]))
        return Path(target, "static_index.html").read_text("utf-8")


def _run(words: list[str]) -> "dbtRunnerResult":
    from dbt.cli.main import dbtRunner

    # A copy, because a run leaves its compiled models in what it was given.
    return dbtRunner(manifest=manifest().deepcopy()).invoke(
        [*words, *QUIETLY, *([] if "--write-json" in words else ["--no-write-json"])]
    )


def _went(words: list[str]) -> dict[str, str]:
    target = _run(words)
    if target.exception is not None:
        _check(target)
    results = getattr(target.result, "results", [])
    return {_name(result.node): str(result.status) for result in results}


def _name(node: Any) -> str:
    is_source = node.resource_type == "source"
    return f"{node.schema}.{node.identifier}" if is_source else str(node.name)


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
def manifest() -> "Manifest":
    """Parse once: reading the project again would be half of every cycle."""
    _name_the_warehouse()

    from dbt.cli.main import dbtRunner

    parsed = dbtRunner().invoke(["parse", *QUIETLY, "--no-write-json"])
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
