"""Measuring a table: how many rows it has, and a digest that changes when they do."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from benepass_tasks.digests import digest
from benepass_tasks.warehouse.session import quote_name, quote_relation


@dataclass(frozen=True, slots=True)
class Measure:
    """The rows of a table (None for a view), and a digest of its columns and rows in any order."""

    row_count: int | None
    content: str


def columns_of(connection: Connection, relation: str) -> dict[str, str]:
    """The columns of a table or view with their types, in its order."""
    described = connection.exec_driver_sql(f"describe {quote_relation(relation)}")
    return {column: kind for column, kind, *_ in described}


def measure_table(connection: Connection, relation: str, columns: Mapping[str, str]) -> Measure:
    """Count and digest the rows of a table in one scan, whatever their order.

    Row hashes are added up, so that a repeated row counts each time.

    Args:
        connection: A session.
        relation: `layer.table`.
        columns: The columns that are part of the content, with their types.
    """
    hashed = ", ".join(map(quote_name, columns))
    count, total = connection.exec_driver_sql(
        f"select count(*), sum(hash({hashed})) "  # noqa: S608
        f"from {quote_relation(relation)}"
    ).one()
    shape = (f"{column} {kind}" for column, kind in columns.items())
    return Measure(count, digest(*shape, str(count), str(total)))
