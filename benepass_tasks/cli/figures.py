"""How times, amounts and sizes are said."""

from datetime import UTC, datetime
from decimal import Decimal


def instant(moment: datetime | None) -> str:
    """An instant in UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z" if moment else ""


def count(number: int | None) -> str:
    """A whole number with separators."""
    return "" if number is None else f"{number:,}"


def seconds(spent: float | None) -> str:
    """Seconds, for people."""
    return "" if spent is None else f"{spent:.2f}"


def rate(part: float | None) -> str:
    """A part of a whole as a percentage."""
    return "" if part is None else f"{part:.1%}"


def money(amount: Decimal | None, *, is_change: bool = True) -> str:
    """An amount of money, or by how much one is more than another."""
    if amount is None:
        return ""
    return f"{amount:+,.2f}" if is_change else f"{amount:,.2f}"


def size(number: int | None) -> str:
    """Bytes, for people."""
    return "" if number is None else f"{number / 2**20:,.2f} MB"
