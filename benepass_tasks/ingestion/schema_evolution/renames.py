"""Which of the columns that a file lost and got are the same under another name: a guess."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property

from benepass_tasks.ingestion.schema_evolution.file_schema import ColumnSchema, holds

ROWS = 1_000
"""How many records at the beginning of a file are looked at."""

LETTERS = 100
"""How much of a value, or of a name, is looked at."""

IN_COMMON = 0.5
"""The share of values in common from which on two columns are taken for one."""

MOST_PAIRS = 10_000
"""Pairs of a lost and a new column beyond which a guess says nothing, and takes long."""

ALIKE = 0.6
"""How alike names must be where only they and the place speak for a rename."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The beginnings of the values at the beginning of a file.

    Attributes:
        rows: The numbers of the records.
        values: The values of each column, one a record; None where a field is empty.
    """

    rows: Sequence[int] = ()
    values: Mapping[str, Sequence[str | None]] = field(default_factory=dict)

    def filled(self, column: str) -> dict[int, str]:
        """The values of a column that are not empty, by the number of their record."""
        values = self.values.get(column, ())
        return {row: value for row, value in zip(self.rows, values, strict=False) if value}


NO_SAMPLE = Sample()


@dataclass(frozen=True)
class Evidence:
    """What the values that raw holds and those in the file have in common."""

    before: Sample = NO_SAMPLE
    after: Sample = NO_SAMPLE

    @cached_property
    def _is_row_by_row(self) -> bool:
        """Whether the same records are still in the same places, as most kept columns say."""
        kept = self.before.values.keys() & self.after.values.keys()
        shares = [self._in_place(name, name) for name in kept]
        return bool(shares) and sum(shares) / len(shares) >= IN_COMMON

    def in_common(self, old: str, new: str) -> float:
        """The share of values that two columns have in common, from 0 to 1.

        Record by record where the records have stayed; otherwise of the distinct values.
        """
        if self._is_row_by_row:
            return self._in_place(old, new)
        before, after = (
            set(sample.filled(name).values())
            for sample, name in ((self.before, old), (self.after, new))
        )
        return len(before & after) / (len(before | after) or 1)

    def _in_place(self, old: str, new: str) -> float:
        before, after = self.before.filled(old), self.after.filled(new)
        same = sum(after.get(row) == value for row, value in before.items())
        return same / (len(before.keys() | after.keys()) or 1)


def guess_renames(
    lost: Iterable[ColumnSchema], got: Iterable[ColumnSchema], evidence: Evidence
) -> dict[str, str]:
    """Pair the columns that a file lost with those that it got.

    Values in common make a pair; without them a similar name at the same place does, where the
    values could be of one type. The best pairs come first, and each column is in one only.

    Returns:
        The old names by the new ones.
    """
    gone, arrived = list(lost), list(got)
    if len(gone) * len(arrived) > MOST_PAIRS:
        return {}
    scored = sorted(
        (
            (*_score(old, new, evidence), old.name, new.name)
            for old in gone
            for new in arrived
            if _is_likely(old, new, evidence)
        ),
        reverse=True,
    )
    pairs: dict[str, str] = {}
    for *_, old_name, new_name in scored:
        if new_name not in pairs and old_name not in pairs.values():
            pairs[new_name] = old_name
    return pairs


def _is_likely(old: ColumnSchema, new: ColumnSchema, evidence: Evidence) -> bool:
    in_common, same_place, alike = _score(old, new, evidence)
    if in_common >= IN_COMMON:
        return True
    is_one_type = holds(old.type, new.type) or holds(new.type, old.type)
    return same_place and alike >= ALIKE and is_one_type


def _score(old: ColumnSchema, new: ColumnSchema, evidence: Evidence) -> tuple[float, bool, float]:
    alike = SequenceMatcher(None, old.name[:LETTERS], new.name[:LETTERS]).ratio()
    return evidence.in_common(old.name, new.name), old.ordinal == new.ordinal, alike
