"""How the values of a source's column are written: what they hold, in which form, in which words.

The form that the SQL reads is canonical: plain decimals, ISO 8601, one label for each meaning.
Whatever a column declares beyond that is converted in the source's base view.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import combinations
from types import MappingProxyType
from typing import Literal, TypeAlias

Holds: TypeAlias = Literal["text", "amount", "date", "instant"]
Negative: TypeAlias = Literal[
    "minus", "trailing_minus", "parentheses", "unicode_minus", "credit", "debit"
]
Era: TypeAlias = Literal["buddhist", "minguo", "japanese"]
Epoch: TypeAlias = Literal["days", "seconds", "milliseconds", "microseconds"]
Order: TypeAlias = Literal["DMY", "MDY", "YMD"]

OF = MappingProxyType(
    {
        "amount": (
            "decimal",
            "thousands",
            "grouping",
            "currency",
            "negative",
            "unit",
            "sign",
            "width",
            "digits",
        ),
        "date": ("formats", "order", "excel_serial", "epoch", "language", "width", "digits", "era"),
        "instant": (
            "formats",
            "order",
            "excel_serial",
            "epoch",
            "zone",
            "language",
            "zones",
            "width",
            "digits",
            "era",
        ),
    }
)
"""The words that say how a value of each kind is written."""

DOUBT = "_doubt"
"""How the name of a base view's column ends that says what is doubtful about an instant."""

MISSING = "_is_missing"
"""How the name of a base view's column ends that says whether a typed value is not there at all."""

LETTERED: Mapping[Negative, tuple[str, ...]] = MappingProxyType(
    {
        "credit": ("CR", "C", "CREDIT", "HABEN", "H"),
        "debit": ("DR", "DB", "D", "DEBIT", "SOLL", "S"),
    }
)
"""The words beside an amount that say that it is a credit or a debit, whatever their case."""

UTC_NAMES = ("UTC", "GMT", "Z")
"""The abbreviations of zones that mean the same everywhere."""

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"}
"""The signs of some currencies, by their codes."""

DIRECTIVES = {
    "d": r"[0-9]{1,2}",
    "m": r"[0-9]{1,2}",
    "Y": r"[1-9][0-9]{3}",
    "y": r"[0-9]{2}",
    "b": r"[A-Za-z]{3}",
    "B": r"[A-Za-z]{3,9}",
    "a": r"[A-Za-z]{3}",
    "A": r"[A-Za-z]{6,9}",
    "H": r"[0-9]{1,2}",
    "I": r"[0-9]{1,2}",
    "M": r"[0-9]{2}",
    "S": r"[0-9]{2}",
    "f": r"[0-9]{1,6}",
    "p": r"[AaPp][Mm]",
    "z": r"[+-][0-9]{2}:?[0-9]{2}",
    "Z": r"[A-Z]{1,5}",
}
"""The directives that a format may have, and the texts that each stands for."""

_NAMES = frozenset("abABp")
"""The directives that write no number."""

_DAY = ({"d"}, {"m", "b", "B"}, {"Y", "y"})
_DIRECTIVE = re.compile(r"%(.)", re.DOTALL)
_SEPARATORS = "/.-"
_TIMES = ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
# Each day of them can be read as another one, in some order of its parts; one cannot.
_SAMPLES = (
    datetime(2003, 4, 5, 10, 11, 12, tzinfo=UTC),
    datetime(2011, 10, 12, 1, 2, 3, tzinfo=UTC),
    datetime(2012, 12, 10, 13, 14, 15, tzinfo=UTC),
    datetime(2001, 2, 23, 0, 0, 0, tzinfo=UTC),
)


@dataclass(frozen=True, slots=True)
class WrittenAs:
    """A form of a column's values.

    Attributes:
        decimal: What stands before the decimals of an amount; None where nothing is said.
        thousands: What stands between groups of its digits.
        grouping: Whether the groups are of three digits, or of two before the last three.
        currency: Signs and codes that may stand before or after the number, all of one currency.
        negative: How an amount below zero is marked.
        unit: `cents` where the numbers are hundredths.
        sign: `spend_is_negative` where charges are below zero and refunds above.
        formats: The formats of dates or instants, in Python's directives.
        order: The order of a date's parts, whatever separates them.
        excel_serial: The year from which they count days, as Excel does; None where they do not.
        epoch: What they count since 1970, in UTC where they are instants.
        zone: The time zone of instants that say none, by its name in the tz database.
        language: The languages in which the formats name months; none where it is English.
        zones: What abbreviations of zones stand for, as offsets such as `-05:00`.
        width: `full` where letters and digits may be of full width, as in East Asian texts.
        digits: `any` where digits may be those of other scripts, such as Arabic or Thai.
        era: What the years count from, where that is not the common era: the Buddha, the Republic
            of China, or the accession of Japan's emperors, whose eras are named.
        is_canonical: Whether it is the form that needs no word, beside others that do.
    """

    decimal: str | None = None
    thousands: str | None = None
    grouping: Literal["thousands", "indian"] = "thousands"
    currency: tuple[str, ...] = ()
    negative: tuple[Negative, ...] = ("minus",)
    unit: Literal["cents"] | None = None
    sign: Literal["spend_is_negative"] | None = None
    formats: tuple[str, ...] = ()
    order: Order | None = None
    excel_serial: Literal[1900, 1904] | None = None
    epoch: Epoch | None = None
    zone: str | None = None
    language: tuple[str, ...] = ()
    zones: tuple[tuple[str, str], ...] = ()
    width: Literal["full"] | None = None
    digits: Literal["any"] | None = None
    era: Era | None = None
    is_canonical: bool = False

    @property
    def names_moments(self) -> bool:
        """Whether it says how dates or instants are written, and not their zone alone."""
        return bool(self.all_formats or self.excel_serial or self.epoch)

    @property
    def all_formats(self) -> tuple[str, ...]:
        """The formats, those that the order stands for among them."""
        if self.order is None:
            return self.formats
        letters = [f"%{'Y' if it == 'Y' else it.lower()}" for it in self.order]
        days = [separator.join(letters) for separator in _SEPARATORS]
        ordered = [day + time for time in _TIMES for day in days]
        return tuple(dict.fromkeys([*self.formats, *ordered]))


@dataclass(frozen=True, slots=True)
class ColumnForm:
    """What a source says of the values of one column.

    Attributes:
        holds: What they are.
        written_as: Their forms, of which exactly one fits each value; none where it is canonical.
        synonyms: For a label, what else the files call it.
        na_values: The texts that mean NULL.
    """

    holds: Holds = "text"
    written_as: tuple[WrittenAs, ...] = ()
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    na_values: tuple[str, ...] = ()

    @property
    def is_canonical(self) -> bool:
        """Whether the values stand in the files as the SQL reads them."""
        return not (self.written_as or self.synonyms or self.na_values)


@dataclass(frozen=True, slots=True)
class Currency:
    """The currency of a source's amounts.

    Attributes:
        column: The column that says it of each record; None where all are in the one reported.
        reporting: The code of the one that is reported.
    """

    column: str | None = None
    reporting: str = "USD"


def wrong_with_format(text: str, holds: Holds) -> str | None:
    """Say why a format cannot be used; None where it can."""
    letters = _DIRECTIVE.findall(text)
    known = ", ".join(f"%{it}" for it in DIRECTIVES)
    there = set(letters)
    wrong = {
        f"has a directive that is not known (allowed: {known})": (
            not there <= DIRECTIVES.keys() or text.count("%") != len(letters)
        ),
        "names a part twice": len(there) < len(letters) or {"z", "Z"} <= there,
        "must name day, month and year, each once: such as %d.%m.%Y": any(
            len(part & there) != 1 for part in _DAY
        ),
        "must have %I with %p, or %H alone": (
            ("I" in there) != ("p" in there) or {"H", "I"} <= there
        ),
        "leaves out a part of the time before another": (
            ("M" in there and not {"H", "I"} & there)
            or ("S" in there and "M" not in there)
            or ("f" in there and "S" not in there)
        ),
        "has a zone, and a day has none; remove it": holds == "date" and bool(there & {"z", "Z"}),
    }
    message = next((it for it, is_so in wrong.items() if is_so), None)
    return message and f"{text!r} {message}"


def directives_in(text: str) -> list[str]:
    """The letters of a format's directives, in their order."""
    return _DIRECTIVE.findall(text)


def pattern_of(text: str, shapes: Mapping[str, str] = DIRECTIVES) -> str:
    """The regular expression that what is written in a format matches as a whole.

    Args:
        text: The format.
        shapes: The regular expression of each directive.
    """
    parts = _DIRECTIVE.split(text)
    literals, letters = parts[::2], parts[1::2]
    made = [escaped(literals[0])]
    for place, (letter, after) in enumerate(zip(letters, literals[1:], strict=True)):
        before = "" if literals[place] else "".join(letters[:place][-1:])
        behind = "" if after else "".join(letters[place + 1 :][:1])
        touches = set(before + behind) - _NAMES
        shape = shapes[letter]
        # Where nothing stands between two numbers, each has all its digits.
        made += [shape.replace("{1,2}", "{2}") if touches else shape, escaped(after)]
    return "".join(made)


def escaped(literal: str) -> str:
    """A text as a regular expression that matches it and nothing else."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", literal)


def differently_read(formats: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    """Formats of which some text is written in two, and is another day or time in each.

    Yields:
        The two formats and such a text.
    """
    for first, second in combinations(formats, 2):
        texts = (it for one in (first, second) for it in _written(one))
        text = next((it for it in texts if _is_told_twice(it, first, second)), None)
        if text is not None:
            yield first, second, text


def _written(text: str) -> Iterator[str]:
    for sample in _SAMPLES:
        yield sample.strftime(text)


def _is_told_twice(text: str, first: str, second: str) -> bool:
    found = [_read(text, it) for it in (first, second)]
    return None not in found and found[0] != found[1]


def _read(text: str, one: str) -> datetime | None:
    if not re.fullmatch(pattern_of(one), text):
        return None
    try:
        return datetime.strptime(text, one).replace(tzinfo=UTC)
    except ValueError:
        return None


def shares_numbers(one: str) -> bool:
    """Whether a format writes whole numbers that could be days of Excel's calendar."""
    return any(re.fullmatch(r"[0-9]{1,7}", text) for text in _written(one))
