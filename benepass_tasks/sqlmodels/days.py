"""The day that a record of a source is of, as SQL over its raw table, or a batch of a file."""

from collections.abc import Iterable

from benepass_tasks.catalog.datasets import DeclaredSource
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.sqlmodels.canonical import canonical
from benepass_tasks.sqlmodels.current_rows import as_last_said
from benepass_tasks.sqlmodels.graph import ModelGraph
from benepass_tasks.sqlmodels.made_columns import made_canonical, with_parts

READERS = {"date": "iso_date", "instant": "utc_timestamp"}
"""The macros by which the SQL reads what a column holds that says when something is."""


def days_of(source: DeclaredSource, column: str, rows: str, also: Iterable[str] = ()) -> str:
    """A query of the day, in UTC, that each record is of: `day`, NULL where it says none.

    Who has vanished from a census has left by then, as staging reads it. Of events, all of a row
    are of the day that the last one says, so that none of them outlives the others.

    Args:
        source: The source.
        column: Its column that says so.
        rows: The FROM clause of the records.
        also: What else to return of them before the day, as SQL.
    """
    declared = source.read_columns[column]
    text = made_canonical(declared) if column in source.made else canonical(declared)
    day = f"cast({READERS[declared.form.holds]}(clean_text({text})) as date)"
    if source.records.census:
        day = f"coalesce({day}, _vanished_on)"
    if source.layout.is_of_events:
        read = declared.made_of.values() if column in source.made else (column,)
        rows = as_last_said(source, read, rows)
    items = ", ".join([*also, f"{day} as day"])
    return f"select {items} from {with_parts(source, rows)}"  # noqa: S608


def macros_of_days(graph: ModelGraph, source: str) -> set[str]:
    """The macros that this query calls beside those of the source's base view.

    Raises:
        ProjectError: one is missing.
    """
    names = {"clean_text", *READERS.values()}
    missing = sorted(names - graph.macros.keys())
    if missing:
        raise ProjectError(
            f"sql/macros/{missing[0]}.sql is missing: it reads the days by which {source} is kept"
        )
    return names
