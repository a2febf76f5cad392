"""Writes what is made of the dbt models and the questions and kept beside the code.

`api/local/sql/` is how the laptop reads them, `api/cloud/lineage.json` what each
question rests on.

    python -m hmc.generate            write both
    python -m hmc.generate --check    fail if one is stale

Runs on a maintainer's machine and in CI, never on a laptop: dbt compiles on a
warehouse, for which a throwaway Postgres is started.
"""

import os
import sys
import tempfile
from pathlib import Path

from api import questions


def main(words: list[str]) -> int:
    """Write both, or with --check only compare them; return an exit code."""
    from api.cloud import made
    from api.local import translate
    from hmc import lineage
    from ingest.rebuild.dbt import manifest

    if words not in ([], ["--check"]):
        sys.stderr.write("usage: python -m hmc.generate [--check]\n")
        return 2
    try:
        files = translate.generated(_compiled_apart(), _questions())
    except translate.NotPortable as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 1
    if words:
        stale = [f"api/local/sql/{name}" for name in translate.stale_files(files)]
        if lineage.stale(manifest()):
            stale.append("api/cloud/lineage.json")
        for name in stale:
            sys.stderr.write(f"stale: {name}\n")
        if stale:
            sys.stderr.write("run `python -m hmc.generate` and commit what it did\n")
        return 1 if stale else 0
    translate.write(files)
    lineage.write(manifest())
    sys.stdout.write(f"{len(files)} files in {translate.SQL}, and {made.FILE}\n")
    return 0


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


def _questions() -> dict[str, str]:
    return {
        file.stem: file.read_text("utf-8")
        for file in sorted(questions.HERE.glob("*.sql"))
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
