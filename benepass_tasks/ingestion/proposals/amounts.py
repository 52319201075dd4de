"""How amounts are written: signs, currencies, what separates decimals and groups of digits."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from benepass_tasks.catalog.forms import LETTERED
from benepass_tasks.catalog.units import CURRENCY_NAMES
from benepass_tasks.catalog.words import (
    CURRENCIES,
    SIGNS,
    currency_of,
    unit_of,
)
from benepass_tasks.ingestion.proposals.profile import ColumnProfile, of_all
from benepass_tasks.ingestion.proposals.question import Question
from benepass_tasks.ingestion.proposals.reading import Reading, WrittenAs

CURRENCY: Final = "currency"
"""How the name of a question ends that asks for the currency of the reports."""

_TOKEN: Final = re.compile(r"[^\W\d_]+\$?|[$€£¥￥₹₩₽₺¢]")
_CODE: Final = re.compile(r"[A-Z]{3}")
_CODES: Final = frozenset(
    {*CURRENCIES, *CURRENCY_NAMES, "us$", "r$", "kr", "zł", "kč", "fr", "rs", "lei", "ft"}
)
_ALIKE: Final = {" ": " \u00a0\u202f\u2009", "'": "'\u2019"}
"""Signs between groups of digits that are one and the same to a declaration."""
_MEANING: Final = {
    ".": "with a decimal point, so that 1.200 is 1.20",
    ",": "with a decimal comma, so that 1.200 is 1200",
}
_NEGATIVE: Final = {
    "parentheses": re.compile(r"\(.*\)"),
    "trailing_minus": re.compile(r".*[0-9]\s*-"),
    "unicode_minus": re.compile(r"[\u2212\u2013].*"),
}
_MINUS: Final = re.compile(r"\W*-")
_INDIAN: Final = re.compile(r"[0-9]\D[0-9]{2}\D[0-9]{3}(?![0-9])")
_WHOLE: Final = re.compile(r"[-+]?[0-9]+")


CREDIT: Final = "credit"
"""What is below zero in files of charges, where words say what is a credit and what a debit."""


def is_credit(amount: str) -> bool:
    """Whether a word beside an amount says that it is a credit."""
    return bool({it.upper() for it in _TOKEN.findall(amount)} & {*LETTERED["credit"]})


def lettered_question(name: str, column: ColumnProfile) -> Question | None:
    """Which of credits and debits are below zero; None where it is clear.

    A charge is a debit, and its refund a credit; of balances and allowances nobody can tell.
    """
    lettered = column.matching(_has_letters)
    if name == "amount" or not lettered:
        return None
    many = of_all(lettered, column.filled, "values")
    return Question(
        f"{name}.negative",
        f"which are below zero in {name}? {many} have a word such as CR or DR",
        {CREDIT: "those with CR or the like", "debit": "those with DR or the like"},
    )


def _has_letters(amount: str) -> bool:
    words = {word for it in LETTERED.values() for word in it}
    return bool({it.upper() for it in _TOKEN.findall(amount)} & words)


def amount_readings(column: ColumnProfile, below_zero: str = CREDIT) -> Iterator[Reading]:
    """The ways in which the amounts of a column may be written.

    Args:
        column: The column.
        below_zero: Which are below zero where words say so: `credit` or `debit`.
    """
    common = _decorations(column, below_zero)
    yield Reading("", "a plain decimal number", [{}])
    for name, decimal, thousands in (
        ("decimal_point", ".", (",", *_ALIKE)),
        ("decimal_comma", ",", (".", *_ALIKE)),
    ):
        seen = [it for it in thousands if _stands_in(it, column)]
        forms: list[WrittenAs] = [common | {"decimal": decimal}]
        forms += [common | {"decimal": decimal, "thousands": it} for it in seen]
        forms += [
            common | {"decimal": decimal, "thousands": it, "grouping": "indian"}
            for it in seen
            if any(map(_INDIAN.search, column.counts))
        ]
        if decimal == "." and common:
            forms.insert(0, common)
        yield Reading(name, _MEANING[decimal], forms)


def _stands_in(sign: str, column: ColumnProfile) -> bool:
    alike = set(_ALIKE.get(sign, sign))
    return any(alike & set(value) for value in column.counts)


def _decorations(column: ColumnProfile, below_zero: str) -> WrittenAs:
    """Currencies and signs of amounts below zero, as the values have them."""
    currencies = _currencies(column)
    negative = [
        name for name, pattern in _NEGATIVE.items() if any(map(pattern.fullmatch, column.counts))
    ]
    negative += [below_zero] if any(map(_has_letters, column.counts)) else []
    said: WrittenAs = {}
    if currencies:
        said["currency"] = currencies
    if negative:
        minus = ["minus"] if any(map(_MINUS.match, column.counts)) else []
        said["negative"] = [*minus, *negative]
    return said


def _currencies(column: ColumnProfile) -> list[str]:
    """The signs and codes of the currency that most amounts are in; those of others are left."""
    counts: dict[str, int] = {}
    named: dict[str, set[str]] = {}
    for value, count in column.counts.items():
        for token in _TOKEN.findall(value):
            if token.casefold() in _CODES or token in SIGNS:
                code = _code_of(token)
                counts[code] = counts.get(code, 0) + count
                named.setdefault(code, set()).add(token)
    return sorted(named[max(counts, key=lambda it: counts[it])]) if counts else []


def _code_of(token: str) -> str:
    known = {"us$": "USD", "r$": "BRL", "zł": "PLN", "kč": "CZK", "ft": "HUF", "lei": "RON"}
    named = SIGNS.get(token) or CURRENCY_NAMES.get(token) or known.get(token.casefold())
    return named or token.upper()


def currency_question(
    name: str, column: ColumnProfile, named: Sequence[str], reporting: str
) -> Question | None:
    """The question whether amounts of another currency than that of the reports are meant.

    Args:
        name: Our name for the column.
        column: The column, whose header may name a currency.
        named: The signs and codes that its values have.
        reporting: The currency of the reports.
    """
    codes = dict.fromkeys(filter(None, [*map(_code_of, named), currency_of(column.header)]))
    if not set(codes) - {reporting}:
        return None
    return Question(
        f"{name}.{CURRENCY}",
        f"{name} is in {' and '.join(codes)}, and the reports are in {reporting}. Is it to be read "
        "all the same? Nothing is converted",
        {it: f"yes: all amounts are in {it}, and so are the reports" for it in codes}
        # Kronor are those of several countries, so that the code has to be said.
        if all(_CODE.fullmatch(it) for it in codes)
        else {},
        "SEK",
    )


def header_says(column: ColumnProfile) -> dict[str, Any]:
    """What the header says of the amounts: that they are in minor units."""
    said: dict[str, Any] = {}
    if unit_of(column.header):
        said["unit"] = "cents"
    return said


def unit_question(name: str, column: ColumnProfile) -> Question | None:
    """The question whether amounts are in minor units; None where they say so themselves."""
    is_whole = all(map(_WHOLE.fullmatch, column.counts))
    if is_whole == bool(unit_of(column.header)) or (is_whole and name != "amount"):
        return None
    doubt = "no value has decimals" if is_whole else "its header says so, and values have decimals"
    return Question(
        f"{name}.unit",
        f"is {name} in minor units, such as cents? {doubt[:1].upper()}{doubt[1:]}",
        {"cents": "yes: 1200 is 12.00", "units": "no: 1200 is 1,200.00"},
    )
