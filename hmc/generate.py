"""Writes what is made from the dbt models and the questions.

    python -m hmc.generate            write it
    python -m hmc.generate --check    fail if it is stale

`api/local/sql/` is how the laptop reads them, `api/cloud/as_known/` how they are asked
as known at an earlier moment, `api/cloud/lineage/` what each question rests on.

Runs on a maintainer's machine and in CI, never on a laptop: dbt compiles on a
warehouse, for which a throwaway Postgres is started.
"""

import os
import sys
import tempfile
from pathlib import Path

from api import questions
from api.cloud.books import AS_KNOWN

ROOT = Path(__file__).parents[1]


def main(words: list[str]) -> int:
    """Write the folders, or with --check only compare them; return an exit code."""
    from api.local import translate

    if words not in ([], ["--check"]):
        sys.stderr.write("usage: python -m hmc.generate [--check]\n")
        return 2
    try:
        folders = _folders()
    except translate.NotPortable as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 1
    is_stale = False
    for folder, files in folders.items():
        if words:
            for name in translate.stale_files(files, folder):
                is_stale = True
                sys.stderr.write(f"stale: {folder.relative_to(ROOT)}/{name}\n")
        else:
            translate.write(files, folder)
            sys.stdout.write(f"{len(files)} files in {folder}\n")
    if is_stale:
        sys.stderr.write("run `python -m hmc.generate` and commit what it did\n")
    return int(is_stale)


def _folders() -> dict[Path, dict[str, str]]:
    """Make every folder of what is generated: its files by name."""
    from api.cloud import made
    from api.local import translate
    from hmc import as_known, lineage
    from ingest.rebuild.dbt import fact_columns, manifest

    models, asked = _compiled_apart(), _questions(questions.HERE)
    of_finance = {
        name: sql
        for name, sql in _questions(questions.HERE / "cloud").items()
        if name in as_known.OF_FINANCE
    }
    return {
        translate.SQL: translate.generated(models, asked),
        AS_KNOWN: as_known.generated(asked | of_finance, models, fact_columns()),
        made.LINEAGE: lineage.generated(manifest()),
    }


def compiled_models() -> dict[str, str]:
    """Compile the dbt project for a full refresh, in the names of Postgres.

    Needs a migrated warehouse to ask for its catalogue; nothing has to be built in it.
    """
    from ingest.rebuild.dbt import invoke

    with tempfile.TemporaryDirectory() as target:
        invoke(["compile", "--full-refresh", "--target-path", target])
        return {
            file.stem: file.read_text("utf-8")
            for file in sorted(Path(target, "compiled").rglob("*.sql"))
        }


def _compiled_apart() -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix="hmc-generate-") as home:
        os.environ["HMC_DATA_DIR"] = home
        os.environ.pop("DATABASE_URL", None)

        from warehouse.embedded import leave
        from warehouse.migrate import migrate

        migrate()
        try:
            return compiled_models()
        finally:
            leave(Path(home).resolve())


def _questions(folder: Path) -> dict[str, str]:
    return {file.stem: file.read_text("utf-8") for file in sorted(folder.glob("*.sql"))}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
