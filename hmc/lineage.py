"""Makes the lineage of every question out of what dbt and the questions say."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from api import questions
from models.lineage import (
    HeldBy,
    Lineage,
    ModelOfLineage,
    QuestionOfLineage,
    SourceOfLineage,
)

MART = re.compile(r"\b(?:fct|dim)_[a-z_]+")

# The standing marts are the marts, read as a source so that dbt sees no circle.
STANDING = "standing"


def generated(manifest: Any) -> dict[str, str]:
    """Return the files of the folder that the API reads, one per kind of thing."""
    made = lineage(manifest)
    return {
        f"{kind}.json": json.dumps(things, indent=1, ensure_ascii=False) + "\n"
        for kind, things in made.model_dump(mode="json").items()
    }


def lineage(manifest: Any) -> Lineage:
    """Read dbt's manifest, the questions, and the exposures that name them."""
    models = [each for each in manifest.nodes.values() if each.resource_type == "model"]
    sources = [
        each for each in manifest.sources.values() if each.source_name != STANDING
    ]
    names = {each.unique_id: each.name for each in models} | {
        each.unique_id: f"{each.schema}.{each.identifier}" for each in sources
    }
    held = list(_held(manifest))
    return Lineage(
        questions={
            file.stem: QuestionOfLineage(
                reads=sorted(set(MART.findall(file.read_text("utf-8")))),
                asked_by=sorted(
                    exposure.label
                    for exposure in manifest.exposures.values()
                    if file.stem in exposure.config.meta["questions"]
                ),
            )
            for file in sorted(
                questions.HERE.rglob("*.sql"), key=lambda file: file.stem
            )
        },
        models={
            each.name: ModelOfLineage(
                layer=each.config.schema,
                description=_one_line(each.description),
                reads=sorted(
                    names[node] for node in set(each.depends_on.nodes) if node in names
                ),
                held_by=[by for model, by in held if model == each.unique_id],
            )
            for each in sorted(models, key=lambda model: model.name)
        },
        sources={
            names[each.unique_id]: SourceOfLineage(
                description=_one_line(each.description), stale_after=_stale_after(each)
            )
            for each in sorted(sources, key=lambda source: source.unique_id)
        },
    )


def _held(manifest: Any) -> Iterator[tuple[str, HeldBy]]:
    """Yield every test with the id of each model that it is of."""
    for rule in sorted(manifest.unit_tests.values(), key=lambda each: each.name):
        says = ". ".join(
            filter(None, [_sentence(rule.name), _one_line(rule.description)])
        )
        by = HeldBy(test=rule.name, says=says.removesuffix("."), kind="rule")
        yield rule.depends_on.nodes[0], by
    tests = [each for each in manifest.nodes.values() if each.resource_type == "test"]
    for test in sorted(tests, key=lambda each: each.name):
        by = HeldBy(test=test.name, says=_kept(test), kind="data")
        for model in dict.fromkeys(test.depends_on.nodes):
            yield model, by


def _kept(test: Any) -> str:
    """Say what a data test keeps: a generic one by its kind, another by its name."""
    generic = getattr(test, "test_metadata", None)
    if generic is None:
        return _sentence(test.name.removeprefix("test_"))
    column = generic.kwargs.get("column_name")
    match generic.name:
        case "not_null":
            return f"{column} is never null"
        case "unique":
            return f"{column} is there once"
        case "accepted_values":
            return f"{column} is one of {', '.join(generic.kwargs['values'])}"
        case "one_row_per":
            return f"One row per {', '.join(generic.kwargs['columns'])}"
        case _:
            return _sentence(test.name)


def _stale_after(source: Any) -> timedelta | None:
    after = getattr(source.freshness, "warn_after", None)
    if not after or not after.count:
        return None
    return timedelta(**{f"{after.period}s": after.count})


def _sentence(name: str) -> str:
    words = name.replace("_", " ")
    return words[0].upper() + words[1:]


def _one_line(text: str) -> str:
    return " ".join(text.split())
