"""How often somebody may ask: a bucket per budget and asker, kept by each process.

A bucket holds as many requests as its budget says and fills up again evenly, so a
burst passes and a flood does not.
"""

import math
import time
from collections import OrderedDict
from enum import StrEnum

from models.plans import plans
from models.refusals import TooMany

MOST_BUCKETS = 100_000  # the one that was used longest ago goes first


class Budget(StrEnum):
    """What is counted; how many in how many seconds stands in plans.toml."""

    REQUESTS_OF_CREDENTIAL = "requests_of_credential"
    REQUESTS_OF_ADDRESS = "requests_of_address"
    WRONG_CREDENTIALS_OF_ADDRESS = "wrong_credentials_of_address"
    WRONG_SIGN_INS_OF_ADDRESS = "wrong_sign_ins_of_address"


_spent: OrderedDict[tuple[Budget, str], tuple[float, float]] = OrderedDict()


def refuse_spent(budget: Budget, asker: str) -> None:
    """Raise TooMany when nothing is left of the asker's budget."""
    limit = plans()["limits"][budget]
    spent = _spent_now(budget, asker)
    if spent + 1 > limit["count"]:
        wait = (spent + 1 - limit["count"]) * limit["seconds"] / limit["count"]
        raise TooMany("Too many requests; wait a little.", max(1, math.ceil(wait)))


def spend(budget: Budget, asker: str) -> None:
    """Take one of the asker's budget; TooMany when nothing is left of it."""
    refuse_spent(budget, asker)
    _spent[budget, asker] = (_spent_now(budget, asker) + 1, time.monotonic())
    _spent.move_to_end((budget, asker))
    if len(_spent) > MOST_BUCKETS:
        _spent.popitem(last=False)


def forget_all() -> None:
    """Give everybody a full budget again."""
    _spent.clear()


def _spent_now(budget: Budget, asker: str) -> float:
    spent, at = _spent.get((budget, asker), (0.0, 0.0))
    limit = plans()["limits"][budget]
    filled = (time.monotonic() - at) * limit["count"] / limit["seconds"]
    return max(0.0, spent - filled)
