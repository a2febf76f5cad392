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


@cache
def question(answer: type) -> str:
    """Return the SQL whose rows are answers of this type."""
    name = f"{name_of(answer)}.sql"
    shared = HERE / name
    return (shared if shared.exists() else HERE / "cloud" / name).read_text("utf-8")
