"""Which models a question's figures pass through, as `hmc.generate` wrote it down."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from api.questions import name_of
from models.answers.explaining import LineageStep

FOLDER = Path(__file__).with_name("lineage")


def steps_to(answer: type) -> list[LineageStep]:
    """Return the models behind an answer, each before what it reads."""
    known = _written()
    open_ends = list(known["questions"][name_of(answer)])
    steps: dict[str, LineageStep] = {}
    while open_ends:
        name = open_ends.pop(0)
        if name not in steps and name in known["models"]:
            steps[name] = LineageStep(name=name, **known["models"][name])
            open_ends += steps[name].reads
    return list(steps.values())


@cache
def _written() -> dict[str, Any]:
    return json.loads((FOLDER / "lineage.json").read_text("utf-8"))
