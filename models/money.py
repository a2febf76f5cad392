"""Money is an integer of picodollars inside, and becomes text or millicents once."""

from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

PICO_PER_USD = 10**12
PICO_PER_MILLICENT = 10**7
MICRO_PER_USD = 10**6

# A rate above $1,000 per million tokens, or a call of a billion tokens, is a
# mistake. Within both bounds five products fit a bigint: 5 x 10^9 x 10^9 < 2^63.
HIGHEST_RATE = 1_000 * MICRO_PER_USD
MOST_TOKENS = 10**9


def usd_text(pico: int) -> str:
    """Write picodollars as dollars with every digit that is there, at least two.

    `10_500_000_000` -> `"0.0105"`, `160_000` -> `"0.00000016"`, `0` -> `"0.00"`.
    """
    whole, rest = divmod(abs(pico), PICO_PER_USD)
    decimals = f"{rest:012d}".rstrip("0").ljust(2, "0")
    return f"{'-' if pico < 0 else ''}{whole}.{decimals}"


def pico_from_usd(text: str) -> int:
    """Read a decimal string of dollars; ValueError beyond twelve decimals."""
    sign = -1 if text.startswith("-") else 1
    whole, _, decimals = text.removeprefix("-").partition(".")
    if not (whole + decimals).isascii() or not (whole + decimals).isdigit():
        raise ValueError("must be a decimal number of dollars, such as 1234.56")
    if len(decimals) > 12 or len(whole) > 15:  # noqa: PLR2004  a picodollar, a trillion
        raise ValueError("has more digits than an amount of dollars can have")
    return sign * (int(whole or "0") * PICO_PER_USD + int(decimals.ljust(12, "0")))


def millicents(pico: int) -> int:
    """Round an exact sum to millicents, half to even: the wire's unit of money."""
    whole, rest = divmod(pico, PICO_PER_MILLICENT)
    half = PICO_PER_MILLICENT // 2
    return whole + (rest > half or (rest == half and whole % 2 == 1))


def floor_millicents(pico: int) -> int:
    """Round one row down to millicents, as the daemon does; for drift alone."""
    return pico // PICO_PER_MILLICENT


def micro_from_usd(text: str) -> int:
    """Read a price in dollars per million tokens; ValueError beyond six decimals."""
    micro, rest = divmod(pico_from_usd(text), MICRO_PER_USD)
    if rest:
        raise ValueError("has more than six decimals")
    return micro


Pico = Annotated[
    int,
    BeforeValidator(int),  # drivers hand numeric(38, 0) out as Decimal
    PlainSerializer(usd_text, return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^-?\d+\.\d{2,12}$",
            "description": "US dollars, exact, as a decimal string.",
        }
    ),
]

# A rate: microdollars per million tokens here, dollars per million tokens outside.
UsdPerMtok = Annotated[
    int,
    PlainSerializer(
        lambda micro: usd_text(micro * MICRO_PER_USD),
        return_type=str,
        when_used="json",
    ),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^\d+\.\d{2,6}$",
            "description": "US dollars per million tokens, exact, as a decimal string.",
        }
    ),
]
