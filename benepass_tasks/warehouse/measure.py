"""Measuring a table: how many rows it has, and a digest that changes when they do."""

from dataclasses import dataclass

from sqlalchemy import Connection

from benepass_tasks.digests import digest
from benepass_tasks.warehouse.session import quote_name


@dataclass(frozen=True, slots=True)
class Measure:
    """The rows of a table (None for a view), and a digest of its columns and rows in any order."""

    row_count: int | None
    content: str


def measure_table(
    connection: Connection, relation: str, exclude: frozenset[str] = frozenset()
) -> Measure:
    """Count and digest the rows of a table in one scan, whatever their order.

    Row hashes are added up, so that a repeated row counts each time.

    Args:
        connection: A session.
        relation: `layer.table`.
        exclude: Columns that are not part of the content.
    """
    layer, _, name = relation.partition(".")
    table = quote_name(layer, name)
    described = connection.exec_driver_sql(f"describe {table}")
    columns = [(column, kind) for column, kind, *_ in described if column not in exclude]
    hashed = ", ".join(quote_name(column) for column, _ in columns)
    count, total = connection.exec_driver_sql(
        f"select count(*), sum(hash({hashed})) from {table}"  # noqa: S608
    ).one()
    shape = (f"{column} {kind}" for column, kind in columns)
    return Measure(count, digest(*shape, str(count), str(total)))
