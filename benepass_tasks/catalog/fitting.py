"""Whether a value in a test is one that a column of a type can have."""

import math
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.datasets import Scalar

INTEGERS = MappingProxyType({"INTEGER": 2**31, "BIGINT": 2**63, "HUGEINT": 2**127})
NOT_IN_ORDER = "must not be below min"
ORDERED = (*INTEGERS, "DOUBLE", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")

_DAY = r"\d{4}-\d\d-\d\d"
_INSTANT = rf"{_DAY}([ T]\d\d:\d\d:\d\d(\.\d{{1,6}})?)?"
_ZONED = rf"{_DAY}[ T]\d\d:\d\d:\d\d(\.\d{{1,6}})?(Z|[+-]\d\d:\d\d)"


def is_ordered(type_: str) -> bool:
    """Whether a range of the type's values makes sense: numbers, dates and instants."""
    return type_ in ORDERED or (type_.startswith("DECIMAL") and not type_.endswith("[]"))


def misfit(value: object, type_: str) -> str | None:
    """Say what a value should be, or nothing if it fits.

    Args:
        value: What the catalog gives.
        type_: A DuckDB type, no list.
    """
    valid, fits = _rule(type_)
    return None if fits(value) else f"must be {valid}, not {wording.shown(value)}"


def _rule(type_: str) -> tuple[str, Callable[[object], bool]]:
    if type_ in INTEGERS:
        return f"a whole number that {type_} holds", lambda value: _is_integer(value, type_)
    if type_.startswith("DECIMAL"):
        return f"a number that {type_} holds", lambda value: _is_decimal(value, type_)
    return _RULES.get(type_, ("left out: such values cannot be listed", lambda _: False))


def _is_integer(value: object, type_: str) -> bool:
    return type(value) is int and -INTEGERS[type_] <= value < INTEGERS[type_]


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def _is_decimal(value: object, type_: str) -> bool:
    if not _is_number(value):
        return False
    precision, scale = map(int, re.findall(r"\d+", type_))
    number = Decimal(str(value)).normalize()
    places = -int(number.as_tuple().exponent)
    return places <= scale and number.adjusted() < precision - scale


def _is_text(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value


def _reads(read: Callable[[str], object], pattern: str = ".*") -> Callable[[object], bool]:
    def is_read(value: object) -> bool:
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII | re.DOTALL):
            return False
        try:
            read(value)
        except ValueError:
            return False
        return True

    return is_read


_RULES: Mapping[str, tuple[str, Callable[[object], bool]]] = MappingProxyType(
    {
        "VARCHAR": ("text: put it in quotes", _is_text),
        "BOOLEAN": ("true or false", lambda value: isinstance(value, bool)),
        "DOUBLE": ("a number", _is_number),
        "DATE": ("a date such as '2026-01-31'", _reads(date.fromisoformat, _DAY)),
        "TIMESTAMP": (
            "an instant such as '2026-01-31 09:30:00'",
            _reads(datetime.fromisoformat, _INSTANT),
        ),
        "TIMESTAMP WITH TIME ZONE": (
            "an instant with its zone such as '2026-01-31 09:30:00+00:00'",
            _reads(datetime.fromisoformat, _ZONED),
        ),
        "UUID": ("a UUID", _reads(uuid.UUID)),
    }
)


def in_order(smaller: Scalar, larger: Scalar) -> bool:
    """Whether two values of one type are in order, as bounds of a range have to be."""
    if isinstance(smaller, str) and isinstance(larger, str):
        one, other = (datetime.fromisoformat(text) for text in (smaller, larger))
        return one <= other
    return not isinstance(smaller, str) and not isinstance(larger, str) and smaller <= larger
