"""The canonical text of values that a file holds as numbers, dates and the like.

Raw is text. What a sheet or a column of Parquet means by a value is written in the one form that
the models read without being told: plain decimals, ISO dates, ISO date-times.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

EXACT_DIGITS: Final = 15
"""Digits of a floating-point number that are meant; what follows is how it is stored."""

_ZEROS = re.compile(r"(\.\d*?)0+(?!\d)")
_MIDNIGHT = time()


def plain(number: Decimal) -> str:
    """A number without an exponent, and without zeros at the end of its decimals."""
    text = f"{number or abs(number):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def float_text(number: float) -> str:
    """A number as it is meant: 12.1 for what is stored as 12.0999999999999996."""
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else f"{'-' if number < 0 else ''}Infinity"
    return plain(Decimal(f"{number:.{EXACT_DIGITS}g}"))


def datetime_text(value: datetime) -> str:
    """ISO, with as many decimals of a second as there are, and Z for UTC.

    A whole day without a zone is written as a date: many programs keep dates as the first instant
    of a day, and an instant may be written as a date, too.
    """
    if value.tzinfo is None and value.time() == _MIDNIGHT:
        return value.date().isoformat()
    return _without_zeros(value.isoformat()).replace("+00:00", "Z")


def duration_text(value: timedelta) -> str:
    """Hours, which may be many, minutes and seconds: 30:05:00."""
    minutes, seconds = divmod(abs(value), timedelta(minutes=1))
    clock = time(minute=minutes % 60, second=seconds.seconds, microsecond=seconds.microseconds)
    sign = "-" if value < timedelta() else ""
    return f"{sign}{minutes // 60:02}{_without_zeros(clock.isoformat()[2:])}"


def _without_zeros(text: str) -> str:
    """A time without zeros at the end of the decimals of its seconds."""
    return _ZEROS.sub(r"\1", text)


_WRITTEN_BY: Final[Mapping[type, Callable[[Any], str]]] = MappingProxyType(
    {
        str: str,
        bool: lambda value: str(value).upper(),
        int: str,
        float: float_text,
        Decimal: plain,
        datetime: datetime_text,
        date: date.isoformat,
        time: lambda value: _without_zeros(value.isoformat()),
        timedelta: duration_text,
    }
)


def text_of(value: object) -> str | None:
    """The canonical text of a value of one of these types; None of an empty cell.

    Raises:
        KeyError: values of the type have none.
    """
    return None if value is None or value == "" else _WRITTEN_BY[type(value)](value)
