"""What a source says of its records: its rules, and the columns of its base view that follow."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import get_args

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.datasets import (
    SOURCE_FILE,
    Declarations,
    DeclaredColumn,
    DeclaredSource,
    Pii,
    PiiClass,
)
from benepass_tasks.catalog.document import Problem

CURRENCY = "_foreign_currency"
"""The column of a base view that says which other currency the amounts are in."""

OUTCOME = "_outcome"
"""The column of a base view that says what a charge counts for which is anonymised."""

READ_AS = {
    "key": ("_record_key",),
    "resends": ("_resends",),
    "ordered_by": ("_record_order",),
    "counts_when": ("_not_counted",),
    "refunds": ("_refunds", "_is_refund"),
    "census": ("_vanished_on",),
    "census_part": ("_vanished_on",),
    "currency": (CURRENCY,),
    "retention": (OUTCOME,),
}
"""The columns of a base view by which models get to know what each word says of a source."""

VANISHED = Pii("quasi_identifier", kind="DATE")
"""How personal the day is on which somebody had left."""


def check(source: DeclaredSource) -> Iterator[Problem]:
    """Apply the rules to a source.

    Yields:
        What is wrong, in no particular order.
    """
    declared = source.records
    for word, column in declared.columns:
        if column not in source.read_columns and (word, column) != ("key", SOURCE_FILE):
            near = wording.meant(wording.nearest(column, source.read_columns))
            message = f"{column} is not a column of the source{near}; declare it under columns"
            yield Problem((source.name, word), message)
    if declared.resends == "supersede" and not declared.key:
        yield Problem((source.name, "resends"), "needs a key: which records are one and the same")
    if declared.census_part and not declared.census:
        yield Problem((source.name, "census_part"), "needs census: active_only")
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


def check_read(declared: Declarations, read: Collection[tuple[str, str]]) -> Iterator[Problem]:
    """Refuse what is said of a source that no model reads, since it would do nothing.

    Args:
        declared: The declarations.
        read: The columns that models read, as relation and name.

    Yields:
        Each such word, with those that the models of the source do read.
    """
    for source in declared.sources.values():
        base = f"base.{source.name}"
        known = [
            word
            for word, columns in READ_AS.items()
            if any((base, column) in read for column in columns)
        ]
        for word in _said(declared, source):
            if word not in known:
                names = wording.listed([*READ_AS[word]])
                message = (
                    f"would do nothing: no model reads {names} of {base} (of such words they read "
                    f"{wording.listed(known) if known else 'none'}). Remove it, or let the model "
                    "in sql/staging/ read it"
                )
                yield Problem((source.name, word), message)


def _said(declared: Declarations, source: DeclaredSource) -> Iterator[str]:
    """The words that the entry of a source has, of those that only a model can act on."""
    entry = declared.entries and declared.entries.document.data.get(source.name)
    metadata = entry.get("metadata") if isinstance(entry, Mapping) else None
    if not isinstance(metadata, Mapping):
        return
    holds_amounts = any(it.form.holds == "amount" for it in source.read_columns.values())
    for word in READ_AS:
        # The currency that is reported decides by itself which headers of amounts are refused.
        is_enough = word == "currency" and source.currency.column is None and holds_amounts
        # The load deletes by itself, and erases people.
        is_enough |= word == "retention" and not source.anonymises_charges
        # The base view finds the last event of each key by itself.
        is_enough |= word == "key" and source.layout.is_of_events
        if word in metadata and not is_enough:
            yield word


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
        ("_not_counted", "VARCHAR", "Why the record is not spend; NULL where it is.", ""),
    ):
        pii = most_personal(source, [column for word, column in named if word == words])
        yield DeclaredColumn(name, description, type_, "quality", pii)
    gone = "Day of the first census that lacks the person of the record; NULL where none does."
    yield DeclaredColumn(
        "_vanished_on", gone, "DATE", "quality", VANISHED if source.records.census else Pii("none")
    )
    counts = "What a charge counts for that is anonymised, as JSON; NULL where it is not."
    yield DeclaredColumn(OUTCOME, counts, "VARCHAR", "quality", Pii("none"))


def most_personal(source: DeclaredSource, columns: Iterable[str]) -> Pii:
    """As personal as the most personal of the columns."""
    order, known = get_args(PiiClass), source.read_columns
    found = [it for name in columns if name in known and (it := known[name].pii)]
    return max(found, key=lambda it: order.index(it.class_), default=Pii("none"))
