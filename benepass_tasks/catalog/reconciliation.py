"""What the records of a source become: rules on `reconciliation`, as in `rules`."""

from collections.abc import Iterator

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.datasets import Catalog, Reconciliation, Table
from benepass_tasks.catalog.document import Problem

_NUMBERS = ("DECIMAL", "BIGINT", "INTEGER", "HUGEINT")


def check(catalog: Catalog) -> Iterator[Problem]:
    """Apply the rules to every source of the effective catalog.

    Yields:
        What is wrong, in no particular order.
    """
    for source in catalog.sources.values():
        if source.reconciliation is not None:
            for place, message in _wrong(source.reconciliation, catalog):
                yield Problem((source.name, "reconciliation", *place), message)


def _wrong(declared: Reconciliation, catalog: Catalog) -> Iterator[tuple[tuple[str, ...], str]]:
    named = {
        "staging": declared.staging,
        "accepted": declared.accepted,
        "quarantine": declared.quarantine,
        "issues": declared.issues,
        "uncounted": declared.uncounted,
    }
    tables = {place: catalog.tables.get(name) for place, name in named.items() if name}
    for place, table in tables.items():
        if table is None:
            near = wording.meant(wording.nearest(named[place], catalog.tables))
            yield (place,), f"no such table in the catalog{near}"
    if (declared.accepted is None) != (declared.quarantine is None):
        yield (), "must have both accepted and quarantine, or neither"
    for key, column, places in (
        ("amount", declared.amount, ("staging", "accepted", "quarantine", "uncounted")),
        ("accepted_count", declared.accepted_count, ("accepted",)),
    ):
        if column is None:
            continue
        if declared.accepted is None:
            yield (key,), "is for what is accepted; name that table as well"
            continue
        for found in filter(None, map(tables.get, places)):
            yield from (((key,), message) for message in _wrong_column(column, found))


def _wrong_column(name: str, table: Table) -> Iterator[str]:
    column = table.columns.get(name)
    if column is None:
        near = wording.meant(wording.nearest(name, table.columns))
        yield f"{table.relation} has no column {name}{near}"
    elif not column.type.startswith(_NUMBERS):
        yield f"must be a column that adds up exactly; {table.relation}.{name} is {column.type}"
