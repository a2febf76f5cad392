"""Runs the notebooks and writes them with what they showed.

    python -m notebooks.refresh            every notebook
    python -m notebooks.refresh 01         those whose names start so

The source is the `.py`; the `.ipynb` beside it holds the same cells and their outputs.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SECONDS = 300


def main(words: list[str]) -> int:
    """Run and write the notebooks; return an exit code."""
    found = [
        source for start in words or [""] for source in sorted(sources_named(start))
    ]
    for source in found:
        write(executed(source), source.with_suffix(".ipynb"))
        sys.stdout.write(f"{source.with_suffix('.ipynb').name} is up to date\n")
    if not found:
        sys.stderr.write(f"no notebook starts with {' or '.join(words)}\n")
    return 0 if found else 2


def sources_named(start: str) -> Iterator[Path]:
    """Yield the sources of the notebooks whose names start so."""
    return (one for one in HERE.glob("[0-9]*.py") if one.name.startswith(start))


def executed(source: Path) -> Any:
    """Return a source as a notebook that has been run; raises where a cell does."""
    import jupytext
    from nbclient import NotebookClient

    notebook = jupytext.read(source)
    for at, cell in enumerate(notebook.cells, 1):
        cell["id"] = f"cell-{at:02}"  # jupytext draws lots, and every run would differ
    resources = {"metadata": {"path": str(source.parent)}}
    NotebookClient(
        notebook,
        timeout=SECONDS,
        resources=resources,
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],  # it would warn of its loopback port
    ).execute()
    return notebook


def write(notebook: Any, path: Path) -> None:
    """Write a notebook as Jupyter would."""
    import nbformat

    path.write_text(nbformat.writes(notebook) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
