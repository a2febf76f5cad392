"""How figures are made, as `python -m hmc.generate` wrote it down."""

import json
from functools import cache
from pathlib import Path

from api.questions import name_of
from models.answers.explaining import LineageStep
from models.lineage import Lineage

LINEAGE = Path(__file__).with_name("lineage")


@cache
def lineage() -> Lineage:
    """Return what every question rests on."""
    return Lineage.model_validate(
        {
            kind: json.loads((LINEAGE / f"{kind}.json").read_text("utf-8"))
            for kind in Lineage.model_fields
        }
    )


def steps_to(answer: type) -> list[LineageStep]:
    """Return what an answer's figures pass through, each before what it reads."""
    known = lineage()
    return [
        LineageStep(
            name=name,
            description=(known.models.get(name) or known.sources[name]).description,
            reads=known.models[name].reads if name in known.models else [],
        )
        for name in known.behind(name_of(answer))
    ]
