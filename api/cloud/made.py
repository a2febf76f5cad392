"""How figures are made, as `python -m hmc.generate` wrote it down."""

import json
from functools import cache
from pathlib import Path

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
