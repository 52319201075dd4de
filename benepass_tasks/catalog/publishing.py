"""What may be published: rules on the tables that analysts get, as in `rules`."""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.document import Problem, mapping_at

LAYERS = ("quality", "marts")
"""The layers whose tables may be published."""

COUNTS = ("BIGINT", "INTEGER")
"""The types of a column that counts employees."""


Tables: TypeAlias = Mapping[str, Mapping[object, object]]


def check(tables: Tables) -> Iterator[Problem]:
    """Apply the rules to the tables.

    Args:
        tables: What the catalog says of each, by its name.

    Yields:
        What is wrong, in no particular order.
    """
    groups = {name: found for name, table in tables.items() if (found := _groups_of(table))}
    for name, table in tables.items():
        metadata = mapping_at(table.get("metadata"))
        is_published = metadata.get("published") is True
        if is_published and name.partition(".")[0] not in LAYERS:
            message = (
                f"must not be true: only tables of {' and '.join(LAYERS)} are published; "
                "the layers before hold records as they came in"
            )
            yield Problem((name, "metadata", "published"), message)
        elif is_published:
            yield from _check_columns(name, mapping_at(metadata.get("columns")))
            yield from _check_follows_all(name, metadata, groups)
        if "suppression" in metadata:
            yield from _check_suppression(name, metadata, groups)


def _groups_of(table: Mapping[object, object]) -> tuple[str, ...]:
    """The columns that tell the groups of a published table apart; none where it has no groups."""
    metadata = mapping_at(table.get("metadata"))
    groups = mapping_at(metadata.get("suppression")).get("groups")
    if metadata.get("published") is not True or not isinstance(groups, list):
        return ()
    return tuple(column for column in groups if isinstance(column, str))


def _check_follows_all(
    name: str, metadata: Mapping[object, object], groups: Mapping[str, tuple[str, ...]]
) -> Iterator[Problem]:
    """A table with rows of another's groups must withhold with it, or gives the groups away."""
    follows = mapping_at(metadata.get("suppression")).get("follows")
    columns = mapping_at(metadata.get("columns"))
    for other, told_apart_by in groups.items():
        if other != name and told_apart_by[-1] in columns and follows != other:
            message = (
                f"must say which columns are withheld with {other}: the table has its column "
                f"{told_apart_by[-1]}; add suppression: {{follows: {other}, columns: [...]}}"
            )
            yield Problem((name, "metadata", "suppression"), message)


def _check_columns(name: str, columns: Mapping[object, object]) -> Iterator[Problem]:
    path = (name, "metadata", "columns")
    published = [column for column, declared in columns.items() if _is_published(declared)]
    if columns and not published:
        yield Problem(path, "must have a column that is published, where the table is")
    for column in published:
        declared = mapping_at(columns[column])
        pii = mapping_at(declared.get("pii"))
        if pii.get("class") == "identifier" and pii.get("treatment") == "drop":
            message = "must be false: an identifier to be dropped is not published"
            yield Problem((*path, column, "published"), message)
        if declared.get("type") == "HUGEINT":
            message = "must not be HUGEINT in a published column: Parquet has no such type"
            yield Problem((*path, column, "type"), f"{message}; use DECIMAL(38,0)")


def _check_suppression(
    name: str, metadata: Mapping[object, object], groups: Mapping[str, tuple[str, ...]]
) -> Iterator[Problem]:
    path = (name, "metadata", "suppression")
    if metadata.get("published") is not True:
        yield Problem(path, "must be left out: the table is not published")
        return
    declared = mapping_at(metadata.get("suppression"))
    columns = mapping_at(metadata.get("columns"))
    check_form = _check_follower if "follows" in declared else _check_grouped
    yield from check_form(path, declared, columns, groups)
    withheld = declared.get("columns")
    for column in withheld if isinstance(withheld, list) else ():
        if isinstance(column, str) and column == declared.get("employees"):
            message = f"must not repeat {column}, which is withheld in any case"
            yield Problem((*path, "columns"), message)
        elif isinstance(column, str):
            yield from _check_named((*path, "columns"), column, columns)


def _check_grouped(
    path: tuple[object, ...],
    declared: Mapping[object, object],
    columns: Mapping[object, object],
    _groups: Mapping[str, tuple[str, ...]],
) -> Iterator[Problem]:
    """The table that has a row for each group."""
    for key in ("employees", "groups"):
        if key not in declared:
            message = "is required, or follows, which names the table that has the groups"
            yield Problem((*path, key), message)
    if "sums" in declared:
        message = "must be left out: only a table that follows another has rows to be summed"
        yield Problem((*path, "sums"), message)
    counted, groups, withheld = (declared.get(key) for key in ("employees", "groups", "columns"))
    if isinstance(counted, str):
        yield from _check_named((*path, "employees"), counted, columns)
        kind = mapping_at(columns.get(counted)).get("type")
        if isinstance(kind, str) and kind not in COUNTS:
            message = f"must name a column that counts, {' or '.join(COUNTS)}, not {kind}"
            yield Problem((*path, "employees"), message)
    for column in groups if isinstance(groups, list) else ():
        if isinstance(column, str):
            yield from _check_named((*path, "groups"), column, columns)
            if isinstance(withheld, list) and column in withheld:
                yield Problem((*path, "columns"), f"must not have {column}, which names the group")


def _check_follower(
    path: tuple[object, ...],
    declared: Mapping[object, object],
    columns: Mapping[object, object],
    groups: Mapping[str, tuple[str, ...]],
) -> Iterator[Problem]:
    """A table that has rows of the groups of another."""
    for key in ("employees", "groups"):
        if key in declared:
            yield Problem((*path, key), "must be left out: the table that is followed has it")
    followed, sums, withheld = (declared.get(key) for key in ("follows", "sums", "columns"))
    if isinstance(followed, str) and followed not in groups:
        near = wording.meant(wording.nearest(followed, groups))
        found = near or f" (tables with groups: {wording.listed(groups)})"
        message = "must name a published table whose suppression has groups" + found
        yield Problem((*path, "follows"), message)
    missing = [it for it in groups.get(str(followed), ()) if columns and it not in columns]
    if missing:
        message = f"must name a table whose groups this one has; missing: {wording.listed(missing)}"
        yield Problem((*path, "follows"), message)
    for column in sums if isinstance(sums, list) else ():
        if isinstance(column, str):
            yield from _check_named((*path, "sums"), column, columns)
            if isinstance(withheld, list) and column in withheld:
                yield Problem((*path, "sums"), f"must not repeat {column} of columns")


def _check_named(
    path: tuple[object, ...], column: str, columns: Mapping[object, object]
) -> Iterator[Problem]:
    names = [name for name, declared in columns.items() if _is_published(declared)]
    if columns and column not in names:
        choices = [str(name) for name in names]
        near = wording.meant(wording.nearest(column, choices))
        message = f"no published column is called {column}"
        yield Problem(path, message + (near or f" (there are {wording.listed(choices)})"))


def _is_published(column: object) -> bool:
    return mapping_at(column).get("published") is not False
