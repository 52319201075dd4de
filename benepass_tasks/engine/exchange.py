"""Exchanging some rows of a table for others: only those that differ are touched."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from benepass_tasks.engine.measure import Touched, hash_of, tally
from benepass_tasks.engine.quoting import quote_name, quote_relation

ROW = "changes_row"
"""The column of row ids beside the columns of a table."""

GONE, COME = "changes_gone", "changes_come"
"""The small tables of the rows that an exchange takes out and puts in."""


def make_small(connection: Connection, name: str, query: str) -> int:
    """Make a table of a query for this session alone; returns its rows."""
    table = quote_name(name)
    connection.exec_driver_sql(f"create or replace temp table {table} as\n{query}")
    found = connection.exec_driver_sql(f"select count(*) from temp.{table}")
    return int(found.scalar_one())


def drop_small(connection: Connection, names: Iterable[str]) -> None:
    """Drop tables of this session alone."""
    for name in names:
        connection.exec_driver_sql(f"drop table if exists temp.{quote_name(name)}")


def exchange(
    connection: Connection, relation: str, columns: Mapping[str, str], old: str, new: str
) -> Touched:
    """Turn some rows of a table into others, and touch only those that differ.

    Args:
        connection: A session in a transaction.
        relation: `layer.table`.
        columns: Its columns, with their types.
        old: A query of the rows that are to go, with their ids in `changes_row`.
        new: A query of those that take their place.

    Returns:
        What went and came; it can be read while the session lasts.
    """
    table, names = quote_relation(relation), ", ".join(map(quote_name, columns))
    _tell_apart(connection, old, new, list(columns))
    connection.exec_driver_sql(f"delete from {table} where rowid in (select {ROW} from {GONE})")
    connection.exec_driver_sql(f"insert into {table} ({names}) select {names} from {COME}")
    gone, come = (tally(connection, it, columns) for it in (GONE, COME))
    went, came = (f"select {names} from {it}" for it in (GONE, COME))
    return Touched(columns, gone, come, went, came)


def _tell_apart(connection: Connection, old: str, new: str, columns: Sequence[str]) -> None:
    """Make the small tables of the rows that go and of those that come.

    Of rows that are alike, as many stay as there are on both sides.
    """
    names = ", ".join(map(quote_name, columns))
    same = " and ".join(f"o.{it} is not distinct from n.{it}" for it in map(quote_name, columns))
    copies = f"row_number() over (partition by {hash_of(columns)}) as changes_copy"
    numbered = f"{hash_of(columns)} as changes_hash, {copies}"
    pair = f"o.changes_hash = n.changes_hash and o.changes_copy = n.changes_copy and {same}"
    sides = ("changes_old", "changes_new")
    make_small(connection, sides[0], f"select {ROW}, {names}, {numbered} from ({old})")
    make_small(connection, sides[1], f"select {names}, {numbered} from ({new})")
    gone = f"select {ROW}, {names} from changes_old as o anti join changes_new as n on {pair}"
    come = f"select {names} from changes_new as n anti join changes_old as o on {pair}"
    make_small(connection, GONE, gone)
    make_small(connection, COME, come)
    drop_small(connection, sides)


def surplus(one: str, other: str, columns: Iterable[str]) -> str:
    """A query of the rows that a table has and another lacks, as often as it lacks them.

    Args:
        one: The one, `layer.table`.
        other: The other.
        columns: The columns of both.
    """
    names = ", ".join(map(quote_name, columns))
    has, lacks = (f"select {names} from {quote_relation(it)}" for it in (one, other))
    return f"{has} except all {lacks}"


def differing(one: str, other: str, columns: Iterable[str]) -> str:
    """A query of the rows of two tables that one of them has more often than the other.

    Args:
        one: The one, as SQL names it: a table, or a query in brackets.
        other: The other.
        columns: The columns of both.
    """
    columns = list(columns)
    names, row = ", ".join(map(quote_name, columns)), hash_of(columns)
    return (
        f"with odd as (select h from (select {row} as h, 1 as n from {one} union all "
        f"select {row}, -1 from {other}) group by h having sum(n) <> 0) "
        f"select {names} from {one} where {row} in (select h from odd) union all "
        f"select {names} from {other} where {row} in (select h from odd)"
    )
