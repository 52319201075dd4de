"""The last word on each thing that runs look at again and again."""

from sqlalchemy import ColumnElement, Subquery, Table, and_, func, select


def latest_of(table: Table, *by: str) -> Subquery:
    """The rows of the run that wrote into a table last, with the columns of the table.

    Args:
        table: A table with `run_id` and `checked_at`.
        by: Columns: the last run is another one for each of their values.
    """
    # Not by a window over whole rows, which of ten thousand runs would take half a gigabyte.
    of, groups = table.c, [table.c[name] for name in by]
    newest = select(*groups, func.max(of.checked_at).label("checked_at")).group_by(*groups)
    at = newest.subquery()
    last = select(*groups, func.min(of.run_id).label("run_id")).group_by(*groups)
    run = last.join(at, _same(table, at, "checked_at", *by)).subquery()
    return select(table).join(run, _same(table, run, "run_id", *by)).subquery()


def _same(table: Table, other: Subquery, *columns: str) -> ColumnElement[bool]:
    return and_(*(table.c[name] == other.c[name] for name in columns))
