"""What of a dataset is watched: rules on `freshness` and `volume`, as in `rules`."""

from collections.abc import Iterator, Mapping

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.document import Problem, mapping_at

INSTANTS = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
"""The types of a column that says how old a row is."""


def check_source(name: str, source: Mapping[object, object]) -> Iterator[Problem]:
    """Apply the rules to one source, whose columns are all text.

    Args:
        name: The source's name.
        source: What the catalog says of it.

    Yields:
        What is wrong, in no particular order.
    """
    if "column" in mapping_at(mapping_at(source.get("metadata")).get("freshness")):
        message = "a source is as fresh as its newest load: load: true, or name a table's column"
        yield Problem((name, "metadata", "freshness", "column"), message)


def check_table(name: str, table: Mapping[object, object]) -> Iterator[Problem]:
    """Apply the rules to one table.

    Args:
        name: The table's name.
        table: What the catalog says of it.

    Yields:
        What is wrong, in no particular order.
    """
    metadata = mapping_at(table.get("metadata"))
    if metadata.get("materialized") == "view" and "volume" in metadata:
        message = "must be left out: the rows of a view are not counted"
        yield Problem((name, "metadata", "volume"), message)
    freshness = mapping_at(metadata.get("freshness"))
    path = (name, "metadata", "freshness")
    if "load" in freshness and "source" not in metadata:
        message = "only a source and its raw table are loaded; name a column instead"
        yield Problem((*path, "load"), message)
    column = freshness.get("column")
    if isinstance(column, str):
        yield from _check_column(
            (*path, "column"), column.strip(), mapping_at(metadata.get("columns"))
        )


def _check_column(
    path: tuple[object, ...], column: str, columns: Mapping[object, object]
) -> Iterator[Problem]:
    if not columns:
        return
    if column not in columns:
        names = [str(name) for name in columns]
        near = wording.meant(wording.nearest(column, names))
        message = "no such column in the table"
        yield Problem(path, message + (near or f" (columns: {wording.listed(names)})"))
        return
    kind = mapping_at(columns[column]).get("type")
    if isinstance(kind, str) and kind not in INSTANTS:
        message = f"must name a column of type {', '.join(INSTANTS[:-1])} or {INSTANTS[-1]}"
        yield Problem(path, f"{message}, not {kind}")
