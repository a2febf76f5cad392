"""Pairing codes as people see and type them: Crockford base32, XXXX-XXXX."""

from datetime import timedelta

EXPIRES_AFTER = timedelta(minutes=10)
_MISTAKEN = str.maketrans("ILO", "110")


def shown(code: str) -> str:
    """Write a code as it is sent and shown."""
    return f"{code[:4]}-{code[4:]}"


def typed(text: str) -> str:
    """Read a code as somebody typed it: any case, with or without the dash."""
    return text.replace("-", "").replace(" ", "").upper().translate(_MISTAKEN)
