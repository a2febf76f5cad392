"""What can be asked: one portable .sql file per answer, found by the answer's name."""

import re
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


def name_of(answer: type) -> str:
    """Turn `UsageDay` into `usage_day`, the name of its question."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", answer.__name__).lower()


@cache
def question(answer: type) -> str:
    """Return the SQL whose rows are answers of this type."""
    return (HERE / f"{name_of(answer)}.sql").read_text("utf-8")
