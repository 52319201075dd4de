"""Columns that a source's files write in two, such as a debit beside a credit."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.datasets import DeclaredColumn, DeclaredSource
from benepass_tasks.catalog.document import Problem
from benepass_tasks.catalog.forms import ColumnForm

PARTS = MappingProxyType(
    {
        "amount": (
            ("debit", "credit"),
            ("charged", "refunded"),
            ("charged", "added"),
            ("charged", "corrected"),
            ("each", "every"),
        ),
        "instant": (("date", "time"),),
    }
)
"""The pairs that a column may be made of, by what it holds."""

Columns = Mapping[str, DeclaredColumn]


def parts_of(column: DeclaredColumn) -> tuple[str, ...]:
    """What a column is made of, in its order; nothing where that does not fit what it holds."""
    pairs = PARTS.get(column.form.holds, ())
    return next((it for it in pairs if {*it} == column.made_of.keys()), ())


def parted(columns: Columns) -> tuple[Columns, Columns]:
    """The columns of the files, and those that are made of them.

    What an amount is made of is written as the amount says.
    """
    made = {name: column for name, column in columns.items() if column.made_of}
    written = {
        part: ColumnForm("amount", column.form.written_as, na_values=column.form.na_values)
        for column in made.values()
        if column.form.holds == "amount"
        for kind, part in column.made_of.items()
        if kind != "every"
    }
    own = {
        name: replace(column, form=written[name])
        if name in written and not (column.form.written_as or column.form.synonyms)
        else column
        for name, column in columns.items()
        if name not in made
    }
    return MappingProxyType(own), MappingProxyType(made)


def check(source: DeclaredSource) -> Iterator[Problem]:
    """Apply the rules to a source.

    Yields:
        What is wrong, in no particular order.
    """
    taken: dict[str, str] = {}
    for column in source.made.values():
        path = (source.name, "columns", column.name, "made_of")
        if not parts_of(column):
            kinds = " or ".join(
                f"holds: {holds} of {' and '.join(parts)}"
                for holds, pairs in PARTS.items()
                for parts in pairs
            )
            yield Problem(path, f"must fit what the column holds: {kinds}")
        for part, name in column.made_of.items():
            if name not in source.columns:
                near = wording.meant(wording.nearest(name, source.columns))
                message = f"{name} is not a column of the files{near}; declare it under columns"
                yield Problem((*path, part), message)
            elif taken.setdefault(name, column.name) != column.name:
                yield Problem((*path, part), f"{name} is a part of {taken[name]} already")
        if len(set(column.made_of.values())) < len(column.made_of):
            yield Problem(path, "must name two columns")
