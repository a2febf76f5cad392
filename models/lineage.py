"""How a figure is made: from its question through the models to the raw tables.

Written from dbt's manifest by `python -m hmc.generate`, so that nothing that serves has
to know dbt.
"""

from datetime import timedelta
from typing import Literal

from models.tenancy import Frozen

Layer = Literal["staging", "intermediate", "marts"]


class HeldBy(Frozen):
    """A test that a model is held to: a rule with given rows, or over the real ones."""

    test: str
    says: str
    kind: Literal["rule", "data"]


class ModelOfLineage(Frozen):
    """A model: what a row of it is, what it reads, and what it is held to."""

    layer: Layer
    description: str
    reads: list[str]
    held_by: list[HeldBy]


class QuestionOfLineage(Frozen):
    """A named question: which marts it reads, and which surfaces ask it."""

    reads: list[str]
    asked_by: list[str]


class SourceOfLineage(Frozen):
    """A raw table, and after how long without a new row it counts as stale."""

    description: str
    stale_after: timedelta | None


class Lineage(Frozen):
    """All of it, by name; a name with a dot is a raw table."""

    questions: dict[str, QuestionOfLineage]
    models: dict[str, ModelOfLineage]
    sources: dict[str, SourceOfLineage]

    def behind(self, question: str) -> list[str]:
        """Name what a question rests on, each once and before what it reads."""
        found: dict[str, int] = {}
        waiting = [(name, 0) for name in self.questions[question].reads]
        while waiting:
            name, depth = waiting.pop()
            if found.get(name, -1) >= depth:
                continue
            found[name] = depth
            read = self.models[name].reads if name in self.models else []
            waiting += [(each, depth + 1) for each in read]
        return sorted(found, key=lambda name: (found[name], name))
