"""Ways to read the values of a column, and what each makes of them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import combinations
from typing import Any, Final, Literal, TypeAlias

from benepass_tasks.ingestion.proposals.profile import ColumnProfile

Holds: TypeAlias = Literal["amount", "date", "instant"]
WrittenAs: TypeAlias = dict[str, Any]
Forms: TypeAlias = WrittenAs | list[WrittenAs | Literal["canonical"]]
"""What `written_as` says: of one form, or of several that a column mixes."""

_THREE: Final = re.compile(r"\D*[0-9]{1,3}[.,][0-9]{3}\D*")
"""Amounts with three digits behind their only separator."""

_OTHER_DAYS: Final = 1904
"""The year from which workbooks count days that Excel for Mac has made, until 2011."""

Read: TypeAlias = Callable[[Holds, Mapping[str, Any], Sequence[str]], Sequence[str | None]]
"""Reads values in a form: each in canonical form, or None where it is not readable in that form."""


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


@dataclass(frozen=True, slots=True)
class Reading:
    """A way to read a column.

    Attributes:
        name: What an answer calls it; empty for the canonical form, which needs no declaration.
        says: What it is, for people.
        forms: What `written_as` may say for it, the simplest first; the one counts that reads most.
    """

    name: str
    says: str
    forms: Sequence[WrittenAs]


class Trial:
    """What each reading makes of each value of a column.

    Attributes:
        holds: What it holds.
        column: The column.
        readings: The readings by name, of those that read any value.
        chosen: The form of each that reads most.
        read: The values that each reads, with what it makes of them.
    """

    def __init__(
        self, holds: Holds, column: ColumnProfile, read: Read, readings: Iterable[Reading]
    ) -> None:
        """Try all readings on all values."""
        self.column, self.holds, self._read = column, holds, read
        self._tried: dict[str, dict[str, str]] = {}
        self.readings: dict[str, Reading] = {}
        self.chosen: dict[str, WrittenAs] = {}
        self.read: dict[str, dict[str, str]] = {}
        for reading in readings:
            tried = [(self.values(form), form) for form in reading.forms]
            values, form = max(tried, key=lambda it: self.records(it[0]))
            if values:
                name = reading.name
                self.readings[name], self.chosen[name], self.read[name] = reading, form, values

    def values(self, form: Forms) -> dict[str, str]:
        """The values that are valid in a form, and their canonical form.

        Of several forms, those that all that can read them read alike.
        """
        if isinstance(form, list):
            each = [self.values({} if it == "canonical" else it) for it in form]
            made = {
                value: {it[value] for it in each if value in it} for value in self.column.counts
            }
            points = {"." if it == "canonical" else it.get("decimal", ".") for it in form}
            unsure = self._doubtful if len(points) > 1 else ()
            return {
                value: min(it) for value, it in made.items() if len(it) == 1 and value not in unsure
            }
        if (known := self._tried.get(repr(form))) is None:
            values = list(self.column.counts)
            found = zip(values, self._read(self.holds, form, values), strict=True)
            last = _today() if form.get("excel_serial") == _OTHER_DAYS else "2099-12-31"
            known = {value: it for value, it in found if it and self._is_likely(it, last)}
            self._tried[repr(form)] = known
        return known

    @cached_property
    def _doubtful(self) -> frozenset[str]:
        """Amounts of which the digits do not tell whether a point is for decimals or thousands."""
        if self.holds != "amount":
            return frozenset()
        return frozenset(filter(_THREE.fullmatch, self.column.counts))

    @property
    def is_unproven(self) -> bool:
        """Whether no amount tells if its separator is for decimals or for thousands.

        Each has three digits behind its only one. Of 12.345 a cent has parts, so that no amount is
        read with a decimal point; and yet it may be no 12345.
        """
        marked = {it for it in self.column.counts if "." in it or "," in it}
        return bool(marked) and marked <= self._doubtful

    def _is_likely(self, canonical: str, last: str) -> bool:
        """Whether a date is of these times: a number of seconds is a number like any other.

        Days of the calendar of 1904 are four years later than those of the usual one, so that in
        most files some of them would have yet to come.
        """
        if self.holds == "amount":
            return True
        first = "1925" if self.holds == "date" else "1990"
        return first <= canonical[:10] <= last

    def records(self, values: Iterable[str]) -> int:
        """How many records have these values."""
        return sum(self.column.counts[value] for value in values)

    def only(self, name: str) -> int:
        """How many records are valid in one reading and in no other."""
        others = {value for other, it in self.read.items() if other != name for value in it}
        return self.records(self.read[name].keys() - others)

    def conflicts(self) -> Iterator[tuple[str, str]]:
        """The readings of which only one can count.

        They make different things of the same value; or the point of an amount is its decimals or
        its thousands, and there is a value of which the digits do not tell.
        """
        for one, other in combinations(self.read, 2):
            both = self.read[one].keys() & self.read[other].keys()
            is_alone = bool(self._doubtful) and "" not in (one, other)
            if is_alone or any(self.read[one][it] != self.read[other][it] for it in both):
                yield one, other

    def listed(self, names: Sequence[str]) -> Forms:
        """What `written_as` says for several readings that no single form has room for."""
        return [self.chosen[name] or "canonical" for name in names]

    def joined(self, names: Sequence[str]) -> WrittenAs:
        """What `written_as` says for several readings at once."""
        joined: WrittenAs = {}
        for name in names:
            for word, value in self.chosen[name].items():
                known = joined.get(word)
                if isinstance(known, list) and isinstance(value, list):
                    joined[word] = [*known, *(it for it in value if it not in known)]
                else:
                    joined[word] = value
        return joined
