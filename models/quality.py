"""What is expected of fresh rows, read once from quality.toml."""

import tomllib
from functools import cache
from pathlib import Path

from models.tenancy import Frozen


class Expectation(Frozen):
    """One thing expected of every row of a profile: `observed` within its bounds.

    A bound is a number, or the name of the profile's column that holds it for each row;
    without one that side is open.
    """

    name: str
    says: str
    profile: str
    subject: tuple[str, ...]
    observed: str
    least: int | str | None = None
    most: int | str | None = None
    unit: str


@cache
def expectations() -> tuple[Expectation, ...]:
    """Return all of them, in the order of the file."""
    text = Path(__file__).with_name("quality.toml").read_text("utf-8")
    return tuple(
        Expectation(name=name, **fields) for name, fields in tomllib.loads(text).items()
    )
