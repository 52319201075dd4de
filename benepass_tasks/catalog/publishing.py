"""What may be published: rules on the tables that analysts get, as in `rules`."""

from collections.abc import Iterator, Mapping, Sequence

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.datasets import CONTRACTED, Catalog, Column, Suppression, Table
from benepass_tasks.catalog.document import KeyPath, Problem

COUNTS = ("BIGINT", "INTEGER")
"""The types of a column that counts employees."""

Groups = Mapping[str, Sequence[str]]
"""The columns that tell the groups of a published table apart, by relation."""


def check(catalog: Catalog) -> Iterator[Problem]:
    """Apply the rules to the tables.

    Yields:
        What is wrong, in no particular order.
    """
    groups = {
        table.relation: table.suppression.groups
        for table in catalog.tables.values()
        if table.published and table.suppression and table.suppression.groups
    }
    for table in catalog.tables.values():
        path = (table.relation, "suppression")
        if table.published and table.layer not in CONTRACTED:
            message = (
                f"must not be true: only tables of {' and '.join(CONTRACTED)} are published; "
                "the layers before hold records as they came in"
            )
            yield Problem((table.relation, "published"), message)
        elif table.published:
            yield from _check_columns(table)
            yield from _check_follows_all(path, table, groups)
        if table.suppression and table.published:
            yield from _check_suppression(path, table.suppression, _published(table), groups)
        elif table.suppression:
            yield Problem(path, "must be left out: the table is not published")


def _published(table: Table) -> Mapping[str, Column]:
    return {name: column for name, column in table.columns.items() if column.published}


def _check_columns(table: Table) -> Iterator[Problem]:
    path = (table.relation, "columns")
    if not _published(table):
        yield Problem(path, "must have a column that is published, where the table is")
    for column in _published(table).values():
        if column.pii.class_ == "identifier" and column.pii.treatment == "drop":
            message = "must be false: an identifier to be dropped is not published"
            yield Problem((*path, column.name, "published"), message)
        if column.type == "HUGEINT":
            message = "must not be HUGEINT in a published column: Parquet has no such type"
            yield Problem((*path, column.name, "type"), f"{message}; use DECIMAL(38,0)")


def _check_follows_all(path: KeyPath, table: Table, groups: Groups) -> Iterator[Problem]:
    """A table with rows of another's groups must withhold with it, or gives the groups away."""
    follows = table.suppression.follows if table.suppression else None
    for other, told_apart_by in groups.items():
        last = told_apart_by[-1]
        if other != table.relation and last in table.columns and follows != other:
            message = (
                f"must say which columns are withheld with {other}: the table has its column "
                f"{last}; add suppression: {{follows: {other}, columns: [...]}}"
            )
            yield Problem(path, message)


def _check_suppression(
    path: KeyPath, declared: Suppression, columns: Mapping[str, Column], groups: Groups
) -> Iterator[Problem]:
    if declared.follows is None:
        yield from _check_grouped(path, declared, columns)
    else:
        yield from _check_follower(path, declared, declared.follows, columns, groups)
    if declared.employees in declared.columns:
        message = f"must not repeat {declared.employees}, which is withheld in any case"
        yield Problem((*path, "columns"), message)
    others = [it for it in declared.columns if it != declared.employees]
    yield from _check_named((*path, "columns"), others, columns)


def _check_grouped(
    path: KeyPath, declared: Suppression, columns: Mapping[str, Column]
) -> Iterator[Problem]:
    """The table that has a row for each group."""
    for key in ("employees", "groups"):
        if not getattr(declared, key):
            message = "is required, or follows, which names the table that has the groups"
            yield Problem((*path, key), message)
    if declared.sums:
        message = "must be left out: only a table that follows another has rows to be summed"
        yield Problem((*path, "sums"), message)
    if declared.employees:
        yield from _check_named((*path, "employees"), [declared.employees], columns)
        counted = columns.get(declared.employees)
        if counted and counted.type not in COUNTS:
            message = f"must name a column that counts, {' or '.join(COUNTS)}, not {counted.type}"
            yield Problem((*path, "employees"), message)
    yield from _check_named((*path, "groups"), declared.groups, columns)
    for name in set(declared.groups) & set(declared.columns):
        yield Problem((*path, "columns"), f"must not have {name}, which names the group")


def _check_follower(
    path: KeyPath,
    declared: Suppression,
    followed: str,
    columns: Mapping[str, Column],
    groups: Groups,
) -> Iterator[Problem]:
    """A table that has rows of the groups of another."""
    for key in ("employees", "groups"):
        if getattr(declared, key):
            yield Problem((*path, key), "must be left out: the table that is followed has it")
    if followed not in groups:
        near = wording.meant(wording.nearest(followed, groups))
        found = near or f" (tables with groups: {wording.listed(groups)})"
        message = "must name a published table whose suppression has groups" + found
        yield Problem((*path, "follows"), message)
    missing = [it for it in groups.get(followed, ()) if it not in columns]
    if missing:
        message = f"must name a table whose groups this one has; missing: {wording.listed(missing)}"
        yield Problem((*path, "follows"), message)
    yield from _check_named((*path, "sums"), declared.sums, columns)
    for name in set(declared.sums) & set(declared.columns):
        yield Problem((*path, "sums"), f"must not repeat {name} of columns")


def _check_named(
    path: KeyPath, names: Sequence[str], columns: Mapping[str, Column]
) -> Iterator[Problem]:
    for name in names:
        if name not in columns:
            near = wording.meant(wording.nearest(name, columns))
            there = near or f" (there are {wording.listed(columns)})"
            yield Problem(path, f"no published column is called {name}{there}")
