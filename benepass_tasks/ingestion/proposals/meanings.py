"""What values mean: words for nothing, for a status, for what counts as spent, and currencies."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benepass_tasks.catalog.words import CURRENCIES, decided_by, folded, words
from benepass_tasks.ingestion.proposals.profile import ColumnProfile

_LABEL = re.compile(r"[0-9]{0,3}[^0-9@]{0,40}[0-9]{0,3}")

MOST_WORDS = 40
"""Different values that a column of labels may have."""


@dataclass(frozen=True, slots=True)
class Labels:
    """The values of a column, sorted by what they mean.

    Attributes:
        meant: The values in lower case by what they mean, in the order of their frequency.
        unknown: How many records have a value that no list knows.
        unknown_shapes: What these look like.
    """

    meant: Mapping[str, Sequence[str]]
    unknown: int
    unknown_shapes: str

    def synonyms(self) -> dict[str, list[str]]:
        """The values that are not called what they mean."""
        others = {
            meaning: [it for it in values if it != meaning]
            for meaning, values in self.meant.items()
        }
        return {meaning: values for meaning, values in others.items() if values}


def nothing_words(columns: Iterable[ColumnProfile]) -> dict[str, int]:
    """The values that say that there is none, as they are written, with how often they stand."""
    found: dict[str, int] = {}
    for column in columns:
        for value, count in column.counts.items():
            if value.lower() in words().nothing:
                found[value] = found.get(value, 0) + count
    return dict(sorted(found.items()))


def status_labels(column: ColumnProfile) -> Labels:
    """What the values of an employee's status mean."""
    yes = _flagged(column.header)
    if yes is None or not is_status_flag(column):
        return _labels(column, words().status)
    no = "terminated" if yes == "active" else "active"
    return _labels(column, {it: yes if is_yes else no for it, is_yes in _yes_and_no().items()})


def is_status_flag(column: ColumnProfile) -> bool:
    """Whether a column says by yes and no whether somebody is active, or has left."""
    return (
        _flagged(column.header) is not None
        and bool(column.counts)
        and {*map(folded, column.counts)} <= _yes_and_no().keys()
    )


def _flagged(header: str) -> str | None:
    """The status that a column says by yes: `Active Status` says whether somebody is active."""
    name, flags = folded(header), words().status_flags
    return next((flags[it] for it in (name, *name.split()) if it in flags), None)


def _yes_and_no() -> dict[str, bool]:
    return {it: meaning == "not_spent" for it, meaning in words().voided.items()}


def counting_labels(column: ColumnProfile) -> Labels:
    """What the values of a column that decides say of money: `spent`, `refund`, `not_spent`."""
    if is_called(column, "voided"):
        return _labels(column, words().voided)
    if is_called(column, "confirmed"):
        return _labels(
            column, {it: "spent" if yes else "not_spent" for it, yes in _yes_and_no().items()}
        )
    return _labels(column, words().counts)


def period_labels(column: ColumnProfile) -> Labels:
    """For how long an allowance is by the values of a column."""
    return _labels(column, words().periods)


def is_called(column: ColumnProfile, what: str) -> bool:
    """Whether a column is called as one that decides this about a charge."""
    return folded(column.header) in words().deciding[what]


def decides(column: ColumnProfile) -> str | None:
    """What a column decides about a charge, such as `status`; None where it is nothing."""
    if not column.counts or len(column.counts) > MOST_WORDS:
        return None
    found = decided_by(column.header, column.counts)
    return None if found == "currency" and not are_currencies(column) else found


def is_known(column: ColumnProfile) -> bool:
    """Whether all values are words for what counts, or currencies: nothing that names anybody."""
    return are_currencies(column) or not counting_labels(column).unknown


def are_labels(column: ColumnProfile) -> bool:
    """Whether the values are few, and each a code or some words."""
    return len(column.counts) <= MOST_WORDS and all(map(_LABEL.fullmatch, column.counts))


def are_currencies(column: ColumnProfile) -> bool:
    """Whether all values are codes of currencies."""
    return bool(column.counts) and all(it.casefold() in CURRENCIES for it in column.counts)


def _without_code(words_: str) -> str:
    """A label without the letter or digit before it that stands for it, as in `A - Active`."""
    code, _, label = words_.partition(" ")
    return label if len(code) == 1 else words_


def _labels(column: ColumnProfile, meanings: Mapping[str, str]) -> Labels:
    meant: dict[str, list[str]] = {}
    unknown: dict[str, int] = {}
    for value, count in sorted(column.counts.items(), key=lambda it: (-it[1], it[0])):
        meaning = meanings.get(folded(value)) or meanings.get(_without_code(folded(value)))
        if meaning is not None:
            known = meant.setdefault(meaning, [])
            known += [] if value.lower() in known else [value.lower()]
        elif value.lower() not in words().nothing:
            unknown[value] = count
    left = ColumnProfile(column.header, [it for it, count in unknown.items() for _ in range(count)])
    return Labels(meant, left.filled, left.shapes() if unknown else "")
