"""What values are that can be declared in no form, and what to do about them instead."""

import re
from collections.abc import Collection
from typing import Final

from benepass_tasks.ingestion.proposals.reading import Holds

_MOMENTS: Final = ("date", "instant")

KINDS: Final = tuple(
    (holds, re.compile(pattern), told)
    for holds, pattern, told in (
        (
            ("amount",),
            r"[+-]?[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]+",
            (
                "They have exponents, as spreadsheets write what is too wide: digits may be lost. "
                "Format the column as numbers with two decimals, and export it again"
            ),
        ),
        (
            _MOMENTS,
            r"[0-9]{1,2}[./-][0-9]{1,2}[./-]?|[0-9]{3,4}",
            "They have no year, as days of DATEV have none (0103): export the whole date",
        ),
        (
            _MOMENTS,
            r"0{4}([/.-]?0{2}){2}.*|0{2}[/.-]0{2}[/.-]0{4}.*",
            "Zeros stand for no date: list them as na_values under load_args",
        ),
        (
            _MOMENTS,
            r"[0-9]{4}-?W[0-9]{2}(-?[1-7])?|[0-9]{4}-[0-9]{3}",
            "They are weeks, or days of a year: export year, month and day",
        ),
        (
            _MOMENTS,
            r"1[34][0-9]{2}([/.-][0-9]{1,2}){2}.*",
            "They are of the Persian or the Islamic calendar: export dates of the Gregorian one",
        ),
        (
            _MOMENTS,
            r"[0-9]{16}|[0-9]{19}|[0-9]{10}[.][0-9]+|[0-9.]+[eE][+-]?[0-9]+",
            "They are not whole seconds or milliseconds since 1970: export these, or ISO 8601",
        ),
        (
            _MOMENTS,
            r".*\[[A-Za-z_]+/[A-Za-z_/]+\]",
            "They name a zone in brackets: export the offset from UTC alone",
        ),
    )
)
"""Which values of columns that hold what, as a pattern, are of a kind, and what is said of it."""

OTHERWISE: Final = (
    "If you know how they are written, say so as its written_as in catalog.yaml; docs/catalog.md "
    "has the words"
)


def told_of(holds: Holds, values: Collection[str]) -> str:
    """What is said of values that no form reads: of their kind, where they are of one."""
    for of, pattern, told in KINDS:
        if holds in of and values and all(map(pattern.fullmatch, values)):
            return told
    return OTHERWISE
