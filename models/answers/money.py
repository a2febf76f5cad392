"""Money and rates as fields: picodollars in Python, dollars, exact, in JSON."""

from typing import Annotated, Any

from pydantic import AliasChoices, Field

from models.money import Pico

Cost = Annotated[
    Pico | None,
    Field(
        validation_alias=AliasChoices("cost_pico", "cost"),
        serialization_alias="cost_usd",
    ),
]


Submitted = Annotated[
    int,
    Field(description="What the daemons said, in millicents; for drift audit only."),
]


Drift = Annotated[
    int,
    Field(
        description="Submitted minus recomputed, row by row in whole millicents,"
        " where both are known."
    ),
]


def money(name: str) -> Any:
    """Read `<name>_pico` from a question's row, write `<name>_usd`."""
    return Field(
        validation_alias=AliasChoices(f"{name}_pico", name),
        serialization_alias=f"{name}_usd",
    )


def rate(name: str) -> Any:
    """Read `<name>_rate` from a question's row, write `<name>_usd_per_mtok`."""
    return Field(
        validation_alias=AliasChoices(f"{name}_rate", name),
        serialization_alias=f"{name}_usd_per_mtok",
    )
