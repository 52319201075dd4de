"""What a source says of its records: its rules, and the columns of its base view that follow."""

from collections.abc import Iterator
from typing import get_args

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.datasets import (
    SOURCE_FILE,
    DeclaredColumn,
    DeclaredSource,
    Pii,
    PiiClass,
)
from benepass_tasks.catalog.document import Problem

VANISHED = Pii("quasi_identifier", kind="DATE")
"""How personal the day is on which somebody had left."""


def check(source: DeclaredSource) -> Iterator[Problem]:
    """Apply the rules to a source.

    Yields:
        What is wrong, in no particular order.
    """
    declared = source.records
    for word, column in declared.columns:
        if column not in source.columns and (word, column) != ("key", SOURCE_FILE):
            near = wording.meant(wording.nearest(column, source.columns))
            message = f"{column} is no column of the source{near}; declare it under columns"
            yield Problem((source.name, word), message)
    if declared.resends == "supersede" and not declared.key:
        yield Problem((source.name, "resends"), "needs a key: which records are one and the same")
    for column, values in declared.refund_when.items():
        missing = set(values) - set(declared.counts_when.get(column, values))
        if missing:
            message = f"{wording.listed(sorted(missing))} must be in counts_when.{column}, too"
            yield Problem((source.name, "refunds"), message)
    is_reconciled = source.reconciliation and source.reconciliation.uncounted
    if declared.counts_when and not is_reconciled:
        message = (
            "needs reconciliation.uncounted: the table that keeps what does not count, such as "
            "quality.uncounted_transactions"
        )
        yield Problem((source.name, "counts_when"), message)


def record_columns(source: DeclaredSource) -> Iterator[DeclaredColumn]:
    """The columns of the base view that say of each record what the source declares."""
    named = list(source.records.columns)
    for name, type_, description, words in (
        ("_record_key", "VARCHAR", "What identifies the record, where the source says.", "key"),
        (
            "_record_order",
            "VARCHAR",
            "What orders the records of a key before the name of their file does.",
            "ordered_by",
        ),
        ("_resends", "VARCHAR", "What a later record of a key does: supersede or conflict.", ""),
        ("_refunds", "VARCHAR", "What amounts below zero are: quarantine or net.", ""),
        ("_is_refund", "BOOLEAN", "Whether the record says that it is a refund.", ""),
        ("_not_counted", "VARCHAR", "Why the record is no spend; NULL where it is.", ""),
    ):
        pii = _most_personal(source, [column for word, column in named if word == words])
        yield DeclaredColumn(name, description, type_, "quality", pii)
    gone = "Day of the first census that lacks whoever the record is of; NULL where none does."
    yield DeclaredColumn(
        "_vanished_on", gone, "DATE", "quality", VANISHED if source.records.census else Pii("none")
    )


def _most_personal(source: DeclaredSource, columns: list[str]) -> Pii:
    """As personal as the most personal of the columns."""
    order = get_args(PiiClass)
    found = [it for name in columns if name in source.columns and (it := source.columns[name].pii)]
    return max(found, key=lambda it: order.index(it.class_), default=Pii("none"))
