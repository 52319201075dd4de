"""What may be published: rules on the tables that analysts get, as in `rules`."""

from collections.abc import Iterator, Mapping

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.document import Problem, mapping_at

LAYERS = ("quality", "marts")
"""The layers whose tables may be published."""

COUNTS = ("BIGINT", "INTEGER")
"""The types of a column that counts employees."""


def check(name: str, table: Mapping[object, object]) -> Iterator[Problem]:
    """Apply the rules to one table.

    Args:
        name: The table's name.
        table: What the catalog says of it.

    Yields:
        What is wrong, in no particular order.
    """
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
    if "suppression" in metadata:
        yield from _check_suppression(name, metadata, is_published=is_published)


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
    name: str, metadata: Mapping[object, object], *, is_published: bool
) -> Iterator[Problem]:
    path = (name, "metadata", "suppression")
    if not is_published:
        yield Problem(path, "must be left out: the table is not published")
        return
    declared = mapping_at(metadata.get("suppression"))
    columns = mapping_at(metadata.get("columns"))
    counted, withheld = declared.get("employees"), declared.get("columns")
    if isinstance(counted, str):
        yield from _check_named((*path, "employees"), counted, columns)
        kind = mapping_at(columns.get(counted)).get("type")
        if isinstance(kind, str) and kind not in COUNTS:
            message = f"must name a column that counts, {' or '.join(COUNTS)}, not {kind}"
            yield Problem((*path, "employees"), message)
    for column in withheld if isinstance(withheld, list) else ():
        if isinstance(column, str) and column == counted:
            message = f"must not repeat {column}, which is withheld in any case"
            yield Problem((*path, "columns"), message)
        elif isinstance(column, str):
            yield from _check_named((*path, "columns"), column, columns)


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
