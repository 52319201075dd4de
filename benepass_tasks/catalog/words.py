"""The words of other programs and countries for what the catalog's columns say: `words.yaml`."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

import yaml

from benepass_tasks.catalog.forms import SIGNS as BY_CODE
from benepass_tasks.catalog.units import CODES, CURRENCY_NAMES, HUNDREDTHS

CENTS = frozenset(it for it in HUNDREDTHS if it.isalpha())
CURRENCIES = CODES
SIGNS = MappingProxyType({sign: code for code, sign in BY_CODE.items()} | {"\uffe5": "JPY"})
"""Currencies by the sign that most files mean by it."""

_FILLERS = frozenset(
    {"in", "utc", "gmt", "local", "iso", "units", "yyyy", "mm", "dd", "dmy", "mdy"}
)
_SHORT = {
    "no": "n nr num number numero nummer",
    "transaction": "txn trx tran trans",
    "employee": "emp empl",
    "account": "acct",
    "amount": "amt",
    "date": "dt",
    "description": "desc",
    "reference": "ref",
}
_WRITTEN_OUT = MappingProxyType(
    {it: word for word, listed in _SHORT.items() for it in listed.split()}
)
"""What short words of names stand for."""

_ARTICLES = frozenset(
    ["of", "the", "de", "du", "des", "d", "la", "le", "l", "del", "der", "di", "da", "do", "van"]
)
_NO_NAMES = _FILLERS | _ARTICLES | CENTS | CURRENCIES | CURRENCY_NAMES.keys()
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_IS = frozenset({"is", "was", "flag", "indicator", "ind", "yn"})
"""What a column of yes and no is called besides what it says."""

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class PersonalKind:
    """A kind of personal value, and the names that columns of it have."""

    kind: str
    class_: str
    is_sensitive: bool
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Words:
    """Names of columns and values, folded.

    Attributes:
        columns: The names of each column of the catalog.
        seldom: Other names of them, which count where no column of a file has one of those.
        own_id: What the id may be called in the file of its own kind.
        deciding: The names of columns that decide whether and how a charge counts, by what they
            say: its `status`, `type` or `currency`, that it is `voided` or `confirmed`, when it was
            (`voided_on`), how much of it was `refunded`, what was `added` to it or what it was
            `corrected` to, or of which charge it is the `reversal`.
        parts: The names of columns that only with another one are one of the catalog's: `debit`,
            `credit` and `time`.
        every: The names of columns that say for how long an allowance is.
        periods: What their values mean; those that are not a number of months are `unknown`.
        status: What the values of an employee's status mean.
        status_flags: The status that a column says of an employee by yes and no, by its name.
        counts: What the values of a charge's status or type mean.
        voided: What the values of the mark of charges that do not count mean.
        nothing: Values that say that there is none, in lower case.
        totals: What a line begins with that is not a record.
        personal: The kinds of personal values, the first that fits counts.
    """

    columns: Mapping[str, frozenset[str]]
    seldom: Mapping[str, frozenset[str]]
    own_id: frozenset[str]
    deciding: Mapping[str, frozenset[str]]
    parts: Mapping[str, frozenset[str]]
    every: frozenset[str]
    periods: Mapping[str, str]
    status: Mapping[str, str]
    status_flags: Mapping[str, str]
    counts: Mapping[str, str]
    voided: Mapping[str, str]
    nothing: frozenset[str]
    totals: frozenset[str]
    personal: Sequence[PersonalKind]


@cache
def words() -> Words:
    """What `words.yaml` says."""
    text = resources.files(__package__).joinpath("words.yaml").read_text(encoding="utf-8")
    # All as text: `no` is the name of a column.
    said: dict[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - all is text
    return Words(
        columns={name: _names(listed) for name, listed in said["columns"].items()},
        seldom={name: _names(listed) for name, listed in said["seldom"].items()},
        own_id=_names(said["own_id"]),
        deciding={name: _names(listed) for name, listed in said["deciding"].items()},
        parts={name: _names(listed) for name, listed in said["parts"].items()},
        every=_names(said["every"]),
        periods=_meanings(said["periods"]),
        status=_meanings(said["status"]),
        status_flags=_meanings(said["status_flags"]),
        counts=_meanings(said["counts"]),
        voided=_meanings(said["voided"]),
        nothing=frozenset(it.lower() for it in said["nothing"]),
        totals=_names(said["totals"]),
        personal=[
            PersonalKind(
                it["kind"], it["class"], it.get("sensitive") == "true", _names(it["names"])
            )
            for it in said["personal"]
        ],
    )


def _names(listed: Sequence[str]) -> frozenset[str]:
    return frozenset(map(folded, listed))


def _meanings(said: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {folded(it): meaning for meaning, listed in said.items() for it in listed}


def folded(text: str) -> str:
    """A name or word as it is compared: words in lower case, without accents and punctuation.

    A unit is not a part of a name: `Betrag (EUR)`, `amount_cents`, `Date (UTC)`. Nor are
    articles, and a number is one by any of its names: `N° de compte`, `Account #`. What is
    short is written out: `Acct`, `Txn Dt`.
    """
    parted = _CAMEL.sub(" ", unicodedata.normalize("NFKC", text)).replace("#", " no ")
    plain = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", parted.casefold())
        if not unicodedata.combining(letter)
    )
    found = _WORD.findall(plain)
    kept = [it for it in found if it not in _NO_NAMES]
    return " ".join(_WRITTEN_OUT.get(it, it) for it in kept or found)


def decided_by(name: str, values: Collection[str]) -> str | None:
    """What a column decides about a charge, as in `Words.deciding`; None where it is nothing.

    Args:
        name: What the files call it.
        values: Its different values; none where they are many.
    """
    called, deciding = folded(name), words().deciding
    if not values:
        return next((it for it in _MAY_BE_MANY if called in deciding[it]), None)
    said = frozenset(map(folded, values))
    if _are_others(called, said):
        return None
    if said <= words().voided.keys() and (found := _marked_by(called)):
        return found
    for meaning, names in deciding.items():
        # `payment_status` is a status, while not every name with `test` in it is a mark.
        may_be_part = meaning in ("status", "type", "currency")
        if called in names or (may_be_part and names & {*called.split()}):
            return meaning
    if {it.strip().casefold() for it in values} <= CURRENCIES:
        return "currency"
    return "type" if words().counts.keys() >= said else None


def _marked_by(called: str) -> str | None:
    """What a column of yes and no decides, by what it says of a charge, such as `is_refund`."""
    named, bare = words().deciding, " ".join(it for it in called.split() if it not in _IS)
    found = next((it for it in ("voided", "confirmed") if {called, bare} & named[it]), None)
    return found or ("type" if bare in words().counts else None)


def _are_others(called: str, said: frozenset[str]) -> bool:
    """Whether values are none of what the name of their column says."""
    deciding = words().deciding
    if called in deciding["added"] | deciding["corrected"]:
        # Such as whether it is taxed.
        return not any(letter.isdigit() for it in said for letter in it)
    # The day of it, or who did it.
    return called in deciding["confirmed"] and not said <= words().voided.keys()


_MAY_BE_MANY = ("reversal", "voided_on", "refunded", "added", "corrected")
"""What columns decide whose values may be many."""


def is_period(name: str, values: Collection[str]) -> bool:
    """Whether a column says for how long an allowance is, and that is not always a month."""
    said = {words().periods.get(folded(it)) for it in values}
    return folded(name) in words().every and None not in said and not said <= {"month"}


def unit_of(header: str) -> str | None:
    """`cents` where a header says that amounts are in minor units."""
    found = _WORD.findall(_CAMEL.sub(" ", unicodedata.normalize("NFKC", header)).casefold())
    return "cents" if CENTS & set(found) or "¢" in header else None


def currency_of(header: str) -> str | None:
    """The currency that a header names by its code or sign; None where it names none."""
    found = _WORD.findall(header.casefold())
    named = CURRENCIES & set(found)
    others = [CURRENCY_NAMES[it] for it in found if it in CURRENCY_NAMES]
    signs = [code for sign, code in SIGNS.items() if sign in header]
    return min(named).upper() if named else next(iter([*others, *signs]), None)
