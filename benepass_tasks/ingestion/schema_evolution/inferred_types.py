"""The types that a source's text columns may have, as far as their values tell.

A type is inferred from all values of a column in a file. It is there for people, and to notice
that a file has changed; raw itself stays text.
"""

from collections.abc import Mapping

BIGINT = "BIGINT"
DECIMAL = "DECIMAL"
BOOLEAN = "BOOLEAN"
DATE = "DATE"
TIMESTAMP = "TIMESTAMP"
ZONED_TIMESTAMP = "TIMESTAMP WITH TIME ZONE"
TEXT = "VARCHAR"
UNKNOWN = "UNKNOWN"
"""The type of a column that never had a value."""

WIDER: Mapping[str, frozenset[str]] = {BIGINT: frozenset({DECIMAL}), DATE: frozenset({TIMESTAMP})}
"""Besides text, the types that hold every value of a type."""


def holds(wide: str, narrow: str) -> bool:
    """Whether every value of a type is one of the other type too."""
    return (
        wide in {narrow, TEXT}
        or UNKNOWN in {wide, narrow}
        or wide in WIDER.get(narrow, frozenset())
    )


def is_widening(before: str, after: str) -> bool:
    """Whether a change keeps to numbers or to dates, and every old value fits the new type."""
    return after != TEXT and holds(after, before)
