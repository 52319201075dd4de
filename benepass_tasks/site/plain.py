"""Values of the database as a page has them."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

from benepass_tasks.site.page import cut, instant


def plain(value: object) -> object:
    """A value as JSON has it: numbers, text cut to what a page shows, dates and instants as ISO."""
    for kind, convert in _PLAIN:
        if isinstance(value, kind):
            return convert(value)
    return value


# An instant is a date as well, and so comes before.
_PLAIN: tuple[tuple[type, Callable[[Any], object]], ...] = (
    (str, cut),
    (Decimal, float),
    # JSON has no other numbers.
    (float, lambda number: number if isfinite(number) else None),
    (datetime, instant),
    (date, date.isoformat),
    (list, lambda items: [plain(item) for item in items]),
)
