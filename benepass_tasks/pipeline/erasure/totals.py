"""What must be the same before and after somebody is erased: sums, counts, and whole tables."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from sqlalchemy import Connection

from benepass_tasks.catalog import Catalog, Table
from benepass_tasks.engine.quoting import month_of, quote_name, quote_relation, quote_text
from benepass_tasks.state.markers import snapshot_of

Totals: TypeAlias = Mapping[str, str]
"""What each thing comes to, by its name: `marts.fact_transactions by merchant: Plum Crate`."""


def totals_of(connection: Connection, catalog: Catalog) -> dict[str, str]:
    """Add up the money of the marts by month and by whatever tells no person, and count quarantine.

    A table of the marts in which nobody is has to be the same to the last row: its digest counts.

    Args:
        connection: A session, on a warehouse in which everything is up to date.
        catalog: The effective catalog.
    """
    known = snapshot_of(connection)
    found = sums_of(connection, catalog) | _told(connection, _quarantined(catalog))
    for relation, table in catalog.tables.items():
        record = known.materializations.get(relation)
        if record is not None and table.layer == "marts" and _is_of_nobody(table):
            found[f"{relation}, all rows"] = record.data_hash
    return found


def sums_of(connection: Connection, catalog: Catalog) -> dict[str, str]:
    """Add up the money of the marts alone, by month and by whatever tells no person."""
    return _told(connection, _accepted(catalog))


def _told(connection: Connection, queries: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for query in queries:
        found |= {name: str(value) for name, value in connection.exec_driver_sql(query)}
    return found


def moved(before: Totals, after: Totals) -> list[str]:
    """What is not the same, in words: each with what it came to before and after."""
    return [
        f"{name}: {before.get(name, 'none')} before, {after.get(name, 'none')} after"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _quarantined(catalog: Catalog) -> Iterator[str]:
    for declared in filter(None, (it.reconciliation for it in catalog.sources.values())):
        if declared.quarantine:
            label, rows = f"{declared.quarantine} by reason: ", quote_relation(declared.quarantine)
            yield (
                f"select {quote_text(label)} || rejection_reason, count(*) from {rows} group by 1"  # noqa: S608
            )


def _accepted(catalog: Catalog) -> Iterator[str]:
    for declared in filter(None, (it.reconciliation for it in catalog.sources.values())):
        if declared.accepted and declared.amount:
            yield from _sums(catalog.tables[declared.accepted], declared.amount)


def _sums(table: Table, amount: str) -> Iterator[str]:
    money, rows = quote_name(amount), quote_relation(table.relation)
    groups = {
        it.name: quote_name(it.name)
        for it in table.columns.values()
        if it.type == "VARCHAR" and not it.pii.is_personal
    }
    if table.months:
        groups["month"] = month_of(table.months.column)
    for name, group in groups.items():
        label = quote_text(f"{table.relation} by {name}: ")
        shown = f"coalesce(cast({group} as varchar), 'none')"
        yield (
            f"select {label} || {shown}, concat(sum({money}), ' in ', count(*), ' rows') "  # noqa: S608
            f"from {rows} group by 1"
        )


def _is_of_nobody(table: Table) -> bool:
    return all(it.pii.class_ == "none" for it in table.columns.values())
