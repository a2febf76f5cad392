"""How figures are made, as `python -m hmc.generate` wrote it down."""

from functools import cache
from pathlib import Path

from models.lineage import Lineage

FILE = Path(__file__).with_name("lineage.json")


@cache
def lineage() -> Lineage:
    """Return what every question rests on."""
    return Lineage.model_validate_json(FILE.read_bytes())
