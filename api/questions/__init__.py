"""What can be asked: one portable .sql file per answer, found by the answer's name.

Those in `cloud/` are about what only a cloud has (a ledger of beliefs, departments,
budgets), so the laptop is not asked them.
"""

import re
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


def name_of(answer: type) -> str:
    """Turn `UsageDay` into `usage_day`, the name of its question."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", answer.__name__).lower()


def question(answer: type) -> str:
    """Return the SQL whose rows are answers of this type."""
    return question_named(name_of(answer))


@cache
def question_named(name: str) -> str:
    """Return the SQL of a question by its name."""
    shared = HERE / f"{name}.sql"
    return (shared if shared.exists() else HERE / "cloud" / f"{name}.sql").read_text(
        "utf-8"
    )
