"""What is known of the records of a file: counts of values, in which no value has to be shown."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from benepass_tasks.catalog.wording import printable

_RUNS = re.compile(r"[0-9]+|[^\W\d_]+|\s+")
_LONGEST_RUN = 4
"""Digits that a shape has at most, one by one."""

Value = str | None


@dataclass(frozen=True)
class ColumnProfile:
    """A column of the records that were read.

    Attributes:
        header: What the file calls it.
        values: Its values record by record; None where a field is empty.
        is_of_events: Whether it is a column of Debezium's events, where days are counted since 1970
            and never as Excel counts them.
    """

    header: str
    values: Sequence[Value]
    is_of_events: bool = False

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """How many records have each value, without surrounding white space, that is not empty."""
        stripped = Counter[str]()
        for value, count in Counter(self.values).items():
            if value is not None and value.strip():
                stripped[value.strip()] += count
        return stripped

    @property
    def filled(self) -> int:
        """Records that have a value."""
        return sum(self.counts.values())

    def matching(self, fits: Callable[[str], object]) -> int:
        """Records whose value is one that fits."""
        return sum(count for value, count in self.counts.items() if fits(value))

    def shapes(self, most: int = 3) -> str:
        """The most frequent shapes of the values, which give none away."""
        shapes = Counter[str]()
        for value, count in self.counts.items():
            shapes[shape(value)] += count
        first = ", ".join(f"{it} ({count:,})" for it, count in shapes.most_common(most))
        more = len(shapes) - most
        return first + (f" and {more} more shapes" if more > 0 else "")


@dataclass(frozen=True)
class FileProfile:
    """The records of one file that were read.

    Attributes:
        file: The file's name.
        columns: Its columns, in its order.
        records: How many records were read, without those that cannot be parsed.
        rejected: The beginnings of the text of those that were met.
        is_whole: Whether the file was read to its end.
    """

    file: str
    columns: Sequence[ColumnProfile]
    records: int
    rejected: Sequence[str] = ()
    is_whole: bool = True

    def record(self, place: int) -> list[str]:
        """The fields of a record, from 0 on, stripped."""
        return [(column.values[place] or "").strip() for column in self.columns]

    @property
    def headers(self) -> tuple[str, ...]:
        """What the file calls its columns."""
        return tuple(column.header for column in self.columns)


def together(profiles: Sequence[FileProfile]) -> FileProfile:
    """Files of one header as one, their records one after another."""
    first, *others = profiles
    if not others:
        return first
    columns = [
        replace(column, values=[it for file in profiles for it in file.columns[place].values])
        for place, column in enumerate(first.columns)
    ]
    return FileProfile(
        ", ".join(it.file for it in profiles),
        columns,
        sum(it.records for it in profiles),
        [text for it in profiles for text in it.rejected],
        all(it.is_whole for it in (first, *others)),
    )


def shape(value: str) -> str:
    """What a value looks like: digits as 9, words as A, signs as they are.

    Long runs of digits have no length of their own: it might tell what they are.
    """
    return printable("".join(_shaped(value)), 40)


def _shaped(value: str) -> Iterator[str]:
    at = 0
    for run in _RUNS.finditer(value):
        yield value[at : run.start()]
        text, at = run[0], run.end()
        if text[0].isdigit():
            yield "9" * len(text) if len(text) <= _LONGEST_RUN else "9..."
        else:
            yield " " if text.isspace() else "A"
    yield value[at:]


def of_all(count: int, total: int, what: str) -> str:
    """A share for people: `4 of 5 values are valid`."""
    return f"{count:,} of {total:,} {what}"


def plural(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
