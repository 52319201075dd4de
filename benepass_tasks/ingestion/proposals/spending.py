"""What the records of a source are: the same again, spend, refunds, in which currency."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benepass_tasks.catalog.wording import printable
from benepass_tasks.catalog.words import folded, words
from benepass_tasks.ingestion.proposals import meanings, repeats
from benepass_tasks.ingestion.proposals.amounts import CURRENCY, is_credit
from benepass_tasks.ingestion.proposals.columns import NAMED, Fit
from benepass_tasks.ingestion.proposals.dates import has_dates
from benepass_tasks.ingestion.proposals.pairs import amount_questions
from benepass_tasks.ingestion.proposals.profile import (
    ColumnProfile,
    FileProfile,
    of_all,
    plural,
    together,
)
from benepass_tasks.ingestion.proposals.question import Answers, Question, answered


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of some files.

    Attributes:
        fit: Which of their columns is which of the source's.
        profiles: The files.
        others: Their other columns, by the names that these get.
        answers: What was answered so far.
    """

    fit: Fit
    profiles: Sequence[FileProfile]
    others: Mapping[str, ColumnProfile]
    answers: Answers

    @property
    def own_id(self) -> str:
        """The source's own id."""
        return next(iter(self.fit.source.columns))

    @property
    def is_of_money(self) -> bool:
        """Whether its records are charges."""
        declared = self.fit.source.reconciliation
        return declared is not None and declared.amount is not None

    @property
    def holds_amounts(self) -> bool:
        """Whether its records have amounts, of charges or of allowances."""
        return any(it.form.holds == "amount" for it in self.fit.source.columns.values())

    def column(self, name: str) -> ColumnProfile | None:
        """One of the source's columns, if it was found."""
        match, profile = self.fit.matches.get(name), together(self.profiles)
        pair = next((it for it in self.fit.pairs if it.column == name), None)
        if pair is not None:
            return pair.profile(profile)
        return profile.columns[match.place] if match else None


@dataclass(frozen=True, slots=True)
class Said:
    """What `metadata` has to say of the records, what is left open, and what else to know."""

    records: Mapping[str, object] = field(default_factory=dict)
    questions: Sequence[Question] = ()
    notes: Sequence[str] = ()

    @property
    def deciding(self) -> set[str]:
        """The columns by whose values charges count, or are refunds; not since there are any."""
        by_column = (self.records.get(word) for word in ("counts_when", "refunds"))
        return {
            name
            for it in by_column
            if isinstance(it, Mapping)
            for name, listed in it.items()
            if any(listed)
        }


def say(found: Found) -> Said:
    """Tell what the records are.

    Raises:
        ProjectError: an answer is none of the choices.
    """
    parts = [*_repeats(found), *_currency(found)]
    if found.is_of_money:
        parts += _spend(found)
    parts += _made(found)
    records: dict[str, object] = {}
    for part in parts:
        records |= part.records
    return Said(
        records,
        [question for part in parts for question in part.questions],
        [note for part in parts for note in part.notes],
    )


def _repeats(found: Found) -> Iterator[Said]:
    again = repeats.repeats(found.fit, found.profiles)
    own = found.own_id
    dated = [name for name, column in found.others.items() if has_dates(column)]
    for question in repeats.questions(found.fit, again, dated):
        answer = answered(question, found.answers)
        if answer is None:
            yield Said(questions=[question])
        elif question.name == "key":
            yield Said({"key": [own, "_source_file"] if answer == "file" else [own]})
        else:
            yield Said({"ordered_by": answer})
    if again.again and not again.restart:
        many = of_all(again.alike, again.again, f"{own}s that are in more than one file")
        yield Said(notes=[f"{many} say the same there; {again.again - again.alike:,} are restated"])


def _made(found: Found) -> Iterator[Said]:
    """What to ask of columns that may say that an amount is something else."""
    made_of = {it.column: [*it.parts] for it in found.fit.pairs}
    for name in (*found.fit.matches, *made_of):
        # Once an answer says which amount counts, the others are not asked about.
        is_chosen = f"{name}{NAMED}" in found.answers
        others = [
            it
            for it in found.others.values()
            if not (is_chosen and meanings.is_called(it, "corrected"))
        ]
        questions = amount_questions(name, made_of.get(name, ()), others, found.answers)
        yield Said(questions=[*questions])


def _spend(found: Found) -> Iterator[Said]:
    """Which records are spend by their status, type or mark, and which give money back."""
    deciding = _deciding(found)
    named = {
        name: back
        for name, it in deciding.items()
        if (back := _listed(found.answers.get(f"refunds.{name}")) or it.labels.meant.get("refund"))
    }
    question = _refund_question(found, sum(deciding[name].count(named[name]) for name in named))
    answer = answered(question, found.answers) if question else None
    counts: dict[str, Sequence[str | None]] = {}
    for name, it in deciding.items():
        spent, unknown = _spent(name, it, found.answers)
        # Those that are not expected are kept with what does not count.
        spent += [] if answer == "quarantine" else named.get(name, [])
        if spent and it.count(spent) < it.column.filled:
            counts[name] = spent
        said = of_all(it.count(spent), it.column.filled, f"records are spend by their {name}")
        yield Said(questions=[unknown] if unknown else [], notes=[said])
    for name, whole in _wholes(found, _IsSpend(deciding, dict(counts), named)):
        is_part = answered(whole, found.answers)
        counts |= {name: [None]} if is_part == "whole" else {}
        yield Said(questions=[] if is_part else [whole])
    parts = _parts_question(found)
    if parts and answered(parts, found.answers) is None:
        yield Said(questions=[parts])
    counts |= {
        name: [None]
        for name, column in found.others.items()
        if column.counts and meanings.is_called(column, "voided_on")
    }
    if counts:
        yield Said({"counts_when": counts})
    if question and answer is None:
        yield Said(questions=[question])
    elif named and answer != "quarantine":
        yield Said({"refunds": named})
    elif answer in ("net", "spend_net", "quarantine"):
        yield Said({"refunds": answer.removeprefix("spend_")})


def _wholes(found: Found, is_spend: "_IsSpend") -> Iterator[tuple[str, Question]]:
    """The columns that name other records, as parts name their whole, with what to ask of them."""
    ids, amounts = found.column(found.own_id), found.column("amount")
    if ids is None or amounts is None:
        return
    places = {value.strip(): place for place, value in enumerate(ids.values) if value}
    for name, column in found.others.items():
        named = {it: places.get(value.strip()) for it, value in enumerate(column.values) if value}
        of = {
            it: place
            for it, place in named.items()
            if place not in (None, it) and is_spend.says(it)
        }
        alike = [
            it
            for it, place in of.items()
            if place is not None
            and is_spend.says(place)
            and _is_below_zero(amounts.values[it] or "")
            == _is_below_zero(amounts.values[place] or "")
        ]
        is_meant = meanings.is_called(column, "reversal") or not all(map(_SHORT, column.counts))
        if is_meant and len(alike) * 2 > len(of):
            many = of_all(len(alike), len(named), f"records with a {name}")
            yield name, Question(f"{name}.names", f"{_ASKS_WHOLE} {many} do", dict(_WHOLES))


def _parts_question(found: Found) -> Question | None:
    """What to ask of ids that are another one and a number or letter, as those of its parts are."""
    ids = found.column(found.own_id)
    known = ids.counts if ids else {}
    wholes = Counter(it[1] for it in map(_PART.fullmatch, known) if it and it[1] in known)
    several = {whole: count for whole, count in wholes.items() if count > 1}
    if not several:
        return None
    return Question(
        f"{found.own_id}.parts",
        f"are {sum(several.values()):,} records parts of {len(several):,} others? Their ids are "
        "that of the other and a number or letter. Were both counted, the money would be doubled: "
        "have the wholes exported or the parts, and not both",
        {"none": "no: they are charges of their own"},
    )


_PART = re.compile("(.+)[-/_.:][0-9A-Za-z]{1,2}")
"""An id of a part, with that of its whole."""

_SHORT = re.compile("[0-9]{1,5}").fullmatch
"""A number that may be an id by chance."""

_ASKS_WHOLE = (
    "is a record a part of the one that it names? Were both counted, the money would be doubled."
)
_WHOLES = {
    "whole": "yes: only the whole counts",
    "another": "no: it names another charge, and both count",
}


@dataclass(frozen=True, slots=True)
class _Deciding:
    """A column that decides whether and how a charge counts, and what its values say."""

    column: ColumnProfile
    labels: meanings.Labels

    def count(self, values: Sequence[str]) -> int:
        """How many records have one of some values."""
        return sum(n for value, n in self.column.counts.items() if value.lower() in values)


@dataclass(frozen=True, slots=True)
class _IsSpend:
    """Which records are spend, and no refunds, by the values of some columns."""

    deciding: Mapping[str, _Deciding]
    counts: Mapping[str, Sequence[str | None]]
    named: Mapping[str, Sequence[str]]

    def says(self, number: int) -> bool:
        """Whether a record is spend."""
        value = {
            name: (it.column.values[number] or "").strip().lower()
            for name, it in self.deciding.items()
        }
        return all(value[it] in listed for it, listed in self.counts.items()) and not any(
            value[it] in listed for it, listed in self.named.items()
        )


def _deciding(found: Found) -> dict[str, _Deciding]:
    return {
        name: _Deciding(it, meanings.counting_labels(it))
        for name, it in found.others.items()
        if meanings.decides(it) in ("status", "type", "voided", "confirmed")
    }


def _spent(name: str, it: _Deciding, answers: Answers) -> tuple[list[str], Question | None]:
    """The values that say that money was spent, and the question where some are not known."""
    meant = it.labels.meant
    spent, payments = list(meant.get("spent", ())), meant.get("payment", ())
    # Beside charges that are called so, a payment may be what somebody paid on the account.
    doubtful = it.labels.unknown + (it.count(payments) if spent else 0)
    question = Question(
        f"counts_when.{name}",
        f"which values of {name} say that money was spent? Name them all, with commas: "
        f"{plural(doubtful, 'record')} have others than the usual words. If some say that "
        f"money came back, name these as --answer refunds.{name}=...",
        {},
        "posted,settled",
    )
    answer = answered(question, answers)
    if answer is not None:
        return _listed(answer), None
    return [*spent, *payments], question if doubtful else None


def _listed(answer: str | None) -> list[str]:
    return [it.strip().lower() for it in (answer or "").split(",") if it.strip()]


def reporting_in(answers: Answers, declared: str) -> str:
    """The currency of the reports: as it was answered, or as it is declared."""
    named = [answers[name] for name in answers if name.endswith(CURRENCY)]
    return next(iter(named), declared).upper()


def _currency(found: Found) -> Iterator[Said]:
    named = {
        name: it
        for name, it in found.others.items()
        if meanings.decides(it) == "currency" and not _is_of_another_amount(found, it.header)
    }
    declared = found.fit.source.currency.reporting
    reporting = reporting_in(found.answers, declared)
    if not named:
        if reporting != declared and found.holds_amounts:
            yield Said({"currency": {"reporting": reporting}})
        return
    likely = [it for it in named if reporting in map(str.upper, named[it].counts)]
    name = _of_amounts(found, list(named), likely)
    if isinstance(name, Question):
        yield Said(questions=[name])
        return
    column = named[name]
    if name in likely:
        counted = column.matching(lambda value: value.upper() == reporting)
        said = of_all(counted, column.filled, f"records are in {reporting} by their {name}")
        yield Said({"currency": {"column": name, "reporting": reporting}}, notes=[said])
    else:
        question = Question(
            CURRENCY,
            f"which is the currency of the reports? No record is in {reporting}. If {name} is not "
            f"that of the amounts, say --answer {name}.ignored=yes",
            {it.upper(): "the currency of the reports" for it in sorted(column.counts)},
        )
        yield Said(questions=[question])


def _is_of_another_amount(found: Found, header: str) -> bool:
    """Whether a currency is that of another amount than ours, such as `Original Amount`."""
    match, profile = found.fit.matches.get("amount"), together(found.profiles)
    own = {*folded(profile.columns[match.place].header).split()} if match else set()
    which = [it for it in folded(header).split() if it not in words().deciding["currency"]]
    others = {folded(it.header) for it in found.others.values()}
    return bool(which) and not own & {*which} and " ".join([*which, "amount"]) in others


def _of_amounts(found: Found, named: Sequence[str], likely: Sequence[str]) -> str | Question:
    """The column with the currency of the amounts: beside it there may be that of the shop."""
    profile, place = together(found.profiles), found.fit.matches.get("amount")
    header = profile.columns[place.place].header if place else "amount"
    called = set(folded(header).split())
    nearest = [it for it in named if called & set(folded(it).split())]
    for alone in (nearest, named, likely):
        if len(alone) == 1:
            return alone[0]
    question = Question(
        "currency.column",
        f"which column says the currency of {printable(header)}?",
        dict.fromkeys(named, ""),
    )
    return answered(question, found.answers) or question


def _refund_question(found: Found, named: int) -> Question | None:
    """What to ask of records that give money back: by their sign, or so many by their type."""
    column = found.column("amount")
    below = column.matching(_is_below_zero) if column else 0
    if column is None or not (below or named):
        return None
    is_net = found.fit.source.records.refunds == "net"
    if is_net and not named and below * 2 <= column.filled:
        return None
    choices = {
        "net": "refunds, which lower the spend",
        "quarantine": "not expected: they are kept out, and shown",
    }
    if below * 2 > column.filled:
        choices["spend"] = "spend, which these files give below zero"
        if below < column.filled:
            choices["spend_net"] = "the same, and amounts above zero are refunds"
    if below:
        asks = f"what are amounts below zero? {of_all(below, column.filled, 'amounts')} are"
    else:
        many = of_all(named, column.filled, "records")
        asks = f"what are records that say that money came back? {many} do"
    return Question("refunds", asks, choices)


def _is_below_zero(amount: str) -> bool:
    is_signed = amount.lstrip(" $€£¥").startswith(
        ("-", "\u2212", "\u2013", "(")
    ) or amount.endswith("-")
    return is_signed or is_credit(amount)
