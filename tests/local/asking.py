"""What most tests of the laptop ask for."""

from datetime import date

from api.local.asked import By, Period


def august() -> Period:
    return Period(date(2026, 8, 1), date(2026, 8, 31))


def figures(by: str) -> By:
    return By(by)
