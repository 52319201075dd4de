"""The last word on each thing that runs look at again and again."""

from sqlalchemy import Subquery, Table, func, select


def latest_of(table: Table, *by: str) -> Subquery:
    """The rows of the run that wrote into a table last, with the columns of the table.

    Args:
        table: A table with `run_id` and `checked_at`.
        by: Columns: the last run is another one for each of their values.
    """
    of = table.c
    newest_first = (of.checked_at.desc(), of.run_id)
    last = func.first_value(of.run_id).over(
        partition_by=[of[name] for name in by] or None, order_by=newest_first
    )
    rows = select(table, last.label("last_run_id")).subquery()
    columns = [rows.c[column.key] for column in table.columns]
    return select(*columns).where(rows.c.run_id == rows.c.last_run_id).subquery()
