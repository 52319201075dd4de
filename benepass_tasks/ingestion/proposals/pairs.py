"""Columns that only together are one of ours, such as a debit beside a credit."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time as time_of_day
from decimal import Decimal
from typing import Final, Literal

from benepass_tasks.catalog.datasets import DeclaredSource
from benepass_tasks.catalog.wording import printable
from benepass_tasks.catalog.words import folded, is_period, words
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.ingestion.proposals.meanings import is_called, period_labels
from benepass_tasks.ingestion.proposals.profile import ColumnProfile, FileProfile, of_all
from benepass_tasks.ingestion.proposals.question import Answers, Question, answered

_MOST: Final = 0.9
_HALF: Final = 0.5
_PART_OF_DAY: Final = r"0|0?[.,][0-9]{1,15}"
_TIME_OF_DAY: Final = re.compile(
    r"[0-9]{1,2}[:.h][0-9]{2}([:.][0-9]{2}([.,][0-9]+)?)?"
    r"([ \u00a0\u202f]?[AaPp]\.?[ \u00a0\u202f]?[Mm]\.?)?( ?(Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?"
    rf"|[0-2]?[0-9][0-5][0-9]([0-5][0-9])?|{_PART_OF_DAY}"
)
_DAYS: Final = re.compile(r"[1-9][0-9]{4}")
_SHORT_CLOCK: Final = re.compile(r"[0-9]{3}|[0-9]{5}")
_NO_TIME: Final = re.compile(r"[^:]*")
_SIGNED: Final = re.compile(r"[-\u2212\u2013(]")
_NOTHING: Final = re.compile(r"[^1-9]*")
_DIGIT: Final = re.compile(r"[0-9]")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two columns of a file that are one of ours.

    Attributes:
        column: Our name for it.
        holds: What it holds.
        parts: The places of the two, by what they are of it, as in `PARTS`.
        why: The evidence, in words without values.
        rivals: The places of other columns that could as well be the date.
    """

    column: str
    holds: Literal["amount", "instant"]
    parts: Mapping[str, int]
    why: str
    rivals: Sequence[int] = ()

    def profile(self, file: FileProfile) -> ColumnProfile:
        """What the two say together, record by record.

        A credit is below zero, unless it is debits that the file writes so; what came back of a
        charge does not turn its sign.
        """
        first, second = (file.columns[place] for place in self.parts.values())
        if self.holds == "amount" and "debit" not in self.parts:
            return first
        pairs = zip(first.values, second.values, strict=True)
        if self.holds == "instant":
            values = [_moment(*it) for it in pairs]
        else:
            is_signed = first.matching(_SIGNED.match) > _HALF * first.matching(_says)
            values = [_signed(*it, sign="" if is_signed else "-") for it in pairs]
        return ColumnProfile(f"{first.header} + {second.header}", values)

    def written(self, file: FileProfile) -> ColumnProfile:
        """The values that tell how both are written."""
        if self.holds == "instant":
            return self.profile(file)
        first, second = (file.columns[place] for place in self.parts.values())
        values = [*first.values] if "every" in self.parts else [*first.values, *second.values]
        return ColumnProfile(f"{first.header} + {second.header}", values)


def find_pairs(
    source: DeclaredSource, file: FileProfile, named: Mapping[str, Mapping[int, int]]
) -> Iterator[Pair]:
    """The pairs that a file has instead of single columns of a source.

    Args:
        source: The source.
        file: The file.
        named: For each column of the source that nobody has declared to be a single one, the
            places of those that may be it, and how sure that is.
    """
    is_of_money = source.reconciliation is not None and source.reconciliation.amount is not None
    for column in source.columns.values():
        if column.form.holds == "amount" and is_of_money and column.name in named:
            yield from _debit_and_credit(column.name, file)
        elif column.form.holds == "instant" and column.name in named:
            yield from _date_and_time(column.name, file, named[column.name])


@dataclass(frozen=True, slots=True)
class _Asked:
    """A second part of an amount, which is one where somebody says so.

    Attributes:
        part: What it is of the amount, and what the question is called.
        first: What the amount is then.
        asks: The question, with room for the header.
        answers: What the answers are called, and mean; the first says that it is a part.
    """

    part: str
    first: str
    asks: str
    answers: Mapping[str, str]

    def question(self, columns: Sequence[ColumnProfile]) -> Question | None:
        """Ask which of some columns is the part; None where none may be."""
        found = {printable(it.header): self._said(it) for it in columns if self._may_be(it)}
        if not found:
            return None
        (yes, means), (no, means_not) = self.answers.items()
        choices = {yes: means} if len(found) == 1 else dict.fromkeys(found, means)
        asks = f"{self.asks.format(' or '.join(found))} {', '.join(found.values())}"
        return Question(self.part, asks, {**choices, no: means_not})

    def answered(self, columns: Sequence[ColumnProfile], answers: Answers) -> str | None:
        """The header of the column of which somebody has said that it is the part."""
        question = self.question(columns)
        answer = answered(question, answers) if question else None
        yes, no = self.answers
        if answer != yes:
            return None if answer == no else answer
        return next(printable(it.header) for it in columns if self._may_be(it))

    def _may_be(self, column: ColumnProfile) -> bool:
        if self.part == "every":
            return is_period(column.header, column.counts)
        return is_called(column, self.part) and any(map(_DIGIT.search, column.counts))

    def _said(self, column: ColumnProfile) -> str:
        if self.part != "every":
            return of_all(column.matching(_says), column.filled, "records have one")
        months = period_labels(column).meant.get("month", ())
        return of_all(
            column.matching(lambda it: it.lower() in months), column.filled, "say a month"
        )


_ASKED: Final[Mapping[str, Sequence[_Asked]]] = {
    "amount": (
        _Asked(
            "refunded",
            "charged",
            "does {} lower the amount?",
            {
                "net": "yes: the amount is what was charged, and this came back or is off it",
                "apart": "no: the amount is what is left, or refunds are records of their own",
            },
        ),
        _Asked(
            "added",
            "charged",
            "does {} come on top of the amount?",
            {
                "plus": "yes: the amount is without it",
                "within": "no: the amount has it in it, or it is not part of the charge",
            },
        ),
        _Asked(
            "corrected",
            "charged",
            "does {} count in place of the amount?",
            {
                "counts": "yes, and the amount where a record has none",
                "aside": "no: the amount counts",
            },
        ),
    ),
    "monthly_allowance": (
        _Asked(
            "every",
            "each",
            "is the allowance for as long as {} says?",
            {
                "each": "yes: it is divided by the months, unknown where these cannot be told",
                "month": "no: it is what may be spent in a month",
            },
        ),
    ),
}
"""What an amount is made of where somebody says so."""


def amount_questions(
    name: str, made_of: Collection[str], columns: Sequence[ColumnProfile], answers: Answers
) -> Iterator[Question]:
    """What to ask of columns that may make something else of an amount, and nobody has answered.

    Args:
        name: Our name for the amount.
        made_of: The parts that it is made of already.
        columns: The columns of the file that are none of the source's, nor such a part.
        answers: What was answered.

    Raises:
        ProjectError: an answer is none of the choices, or it would be of three columns.
    """
    for asked in _ASKED.get(name, ()):
        question = asked.question(columns) if asked.part not in made_of else None
        if question and answered(question, answers) is None:
            yield question
        elif question and (header := asked.answered(columns, answers)):
            raise _too_many(name, [*made_of, header])


def _too_many(name: str, parts: Sequence[str]) -> ProjectError:
    return ProjectError(
        f"{name} can be made of two columns, and not of {' and '.join(parts)} together; have one "
        "exported that says what they come to"
    )


def answered_pairs(file: FileProfile, named: Mapping[str, int], answers: Answers) -> Iterator[Pair]:
    """The amounts of which another column makes something else, where that was answered.

    Args:
        file: The file.
        named: The places of the source's columns.
        answers: What was answered.

    Raises:
        ProjectError: an answer is none of the choices, or an amount would be made of three columns.
    """
    others = [it for place, it in enumerate(file.columns) if place not in named.values()]
    places = {printable(it.header): place for place, it in enumerate(file.columns)}
    for name in sorted(named.keys() & _ASKED.keys()):
        parts = [(it, header) for it in _ASKED[name] if (header := it.answered(others, answers))]
        if len(parts) > 1:
            raise _too_many(name, [parts[0][0].first, *(header for _, header in parts)])
        for it, header in parts:
            pair = {it.first: named[name], it.part: places[header]}
            yield Pair(name, "amount", pair, "as answered")


def _debit_and_credit(name: str, file: FileProfile) -> Iterator[Pair]:
    debits, credits_ = _called("debit", file), _called("credit", file)
    if len(debits) != 1 or len(credits_) != 1:
        return
    parts = {"debit": debits[0], "credit": credits_[0]}
    both = list(zip(*(file.columns[it].values for it in parts.values()), strict=True))
    said = sum(any(map(_says, it)) for it in both)
    alone = sum(_says(debit) != _says(credit) for debit, credit in both)
    if not all(any(letter.isdigit() for letter in _text(file, it)) for it in parts.values()):
        return
    if said and alone >= _HALF * said:
        many = of_all(alone, said, "records have one of the two")
        yield Pair(name, "amount", parts, f"a debit beside a credit: {many}")


def _date_and_time(name: str, file: FileProfile, places: Mapping[int, int]) -> Iterator[Pair]:
    times = [it for it in _called("time", file) if _are(file.columns[it], _TIME_OF_DAY)]
    found = [it for it in places if it not in times and _is_day(file.columns[it])]
    days = sorted(it for it in found if places[it] == max(places[other] for other in found))
    if len(times) == 1 and days:
        column = file.columns[times[0]]
        many = of_all(column.matching(_TIME_OF_DAY.fullmatch), column.filled, "are times of day")
        parts = {"date": days[0], "time": times[0]}
        yield Pair(name, "instant", parts, f"a date beside a time: {many}", days[1:])


def _called(part: str, file: FileProfile) -> list[int]:
    """The columns that are called as a part is; the words of several languages are names."""
    names = words().parts[part]
    return [place for place, it in enumerate(file.columns) if folded(it.header) in names]


def _are(column: ColumnProfile, pattern: re.Pattern[str]) -> bool:
    return bool(column.counts) and column.matching(pattern.fullmatch) >= _MOST * column.filled


def _is_day(column: ColumnProfile) -> bool:
    has_digits = any(letter.isdigit() for value in column.counts for letter in value)
    midnights = {"00:00", "00:00:00", "0:00", "0:00:00"}
    is_day = all(_NO_TIME.fullmatch(it) or it.split()[-1] in midnights for it in column.counts)
    return has_digits and is_day


def _says(value: str | None) -> bool:
    """Whether a field says an amount; zero beside another says nothing."""
    return value is not None and not _NOTHING.fullmatch(value)


def _text(file: FileProfile, place: int) -> str:
    return "".join(file.columns[place].counts) or "0"


def _signed(debit: str | None, credit: str | None, *, sign: str) -> str | None:
    return f"{sign}{(credit or '').strip()}" if _says(credit) and not _says(debit) else debit


def _moment(day: str | None, time: str | None) -> str | None:
    # As the macros `day_and_clock` and `full_clock` do.
    said = [it.strip() for it in (day, time) if it and it.strip()]
    if len(said) < len(("day", "time")):
        return said[0] if said else None
    day, time = said
    if not re.fullmatch(_PART_OF_DAY, time):
        return f"{day} {f'0{time}' if _SHORT_CLOCK.fullmatch(time) else time}"
    part = time.replace(",", ".").lstrip("0")
    if _DAYS.fullmatch(day):
        return f"{day}{part}"
    milliseconds = round(Decimal(part or 0) * 86_400_000)
    seconds, milliseconds = divmod(min(milliseconds, 86_399_999), 1000)
    clock = time_of_day(seconds // 3600, seconds // 60 % 60, seconds % 60, milliseconds * 1000)
    return f"{day} {clock.isoformat()}"
