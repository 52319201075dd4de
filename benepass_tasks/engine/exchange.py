"""Exchanging some rows of a table for others: only those that differ are touched."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from benepass_tasks.engine.key_hashes import hash_of_text, kept_hashes
from benepass_tasks.engine.measure import SIGN, Touched, hash_of, signed, tally
from benepass_tasks.engine.quoting import quote_name, quote_relation

ROW = "changes_row"
"""The column of row ids beside the columns of a table."""

GONE, COME = "changes_gone", "changes_come"
"""The small tables of the rows that an exchange takes out and puts in."""

ALIKE = "changes_alike"
"""The small table of the pairs of rows of these two that are the same."""


def make_small(connection: Connection, name: str, query: str) -> int:
    """Make a table of a query for this session alone; returns its rows."""
    made = connection.exec_driver_sql(
        f"create or replace temp table {quote_name(name)} as\n{query}"
    )
    return int(made.scalar_one())


def drop_small(connection: Connection, names: Iterable[str]) -> None:
    """Drop tables of this session alone."""
    # Told one by one, they would take as long as a look-up does.
    dropped = [f"drop table if exists temp.{quote_name(it)}" for it in names]
    if dropped:
        connection.exec_driver_sql("; ".join(dropped))


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
    went = make_small(connection, GONE, f"select {ROW}, {names} from ({old})")
    came = make_small(connection, COME, f"select {names} from ({new})")
    if went and came:
        _keep_alike(connection, list(columns))
    connection.exec_driver_sql(f"delete from {table} where rowid in (select {ROW} from {GONE})")
    put_in(connection, relation, columns, COME)
    gone, come = (tally(connection, it, columns) for it in (GONE, COME))
    that_went, that_came = (f"select {names} from {it}" for it in (GONE, COME))
    return Touched(columns, gone, come, that_went, that_came)


def put_in(connection: Connection, relation: str, columns: Iterable[str], source: str) -> None:
    """Put rows into a table, with the hashes that it stores.

    Args:
        connection: A session.
        relation: `layer.table`.
        columns: The columns of the rows.
        source: The table that the rows are in, as SQL names it.
    """
    names, hashes = [*map(quote_name, columns)], kept_hashes(connection, relation)
    into = ", ".join([*names, *map(quote_name, hashes.values())])
    made = ", ".join([*names, *(hash_of_text(quote_name(it)) for it in hashes)])
    connection.exec_driver_sql(
        f"insert into {quote_relation(relation)} ({into}) select {made} from {source}"
    )


def _keep_alike(connection: Connection, columns: Sequence[str]) -> None:
    """Take out of the small tables the rows that are in both, as often as they are."""
    names = [quote_name(it) for it in columns]
    row = hash_of(columns)
    once = (f"(select count(*) = count(distinct {row}) from {it})" for it in (GONE, COME))
    is_once = connection.exec_driver_sql(f"select {' and '.join(once)}").scalar_one()
    # To number the copies of rows takes four times as long as to pair rows that are there once.
    copy = "1" if is_once else f"row_number() over (partition by {row})"
    numbered = f"{row} as changes_hash, {copy} as changes_copy"
    same = " and ".join(f"o.{it} is not distinct from n.{it}" for it in names)
    one, other = (f"(select rowid as changes_id, *, {numbered} from {it})" for it in (GONE, COME))
    alike = (
        f"select o.changes_id as went, n.changes_id as came from {one} as o join {other} as n "
        f"on o.changes_hash = n.changes_hash and o.changes_copy = n.changes_copy and {same}"
    )
    if make_small(connection, ALIKE, alike):
        for table, side in ((GONE, "went"), (COME, "came")):
            connection.exec_driver_sql(
                f"delete from {table} where rowid in (select {side} from {ALIKE})"
            )
    drop_small(connection, [ALIKE])


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


def differing(went: str, came: str, columns: Iterable[str]) -> str:
    """A query of the rows that one query has more often than another, with their signs."""
    names, row = ", ".join(map(quote_name, columns)), hash_of(columns)
    both = signed(went, came)
    return (
        f"with odd as (select {row} as h from ({both}) group by h having sum({SIGN}) <> 0) "
        f"select {SIGN}, {names} from ({both}) where {row} in (select h from odd)"
    )


def net(
    connection: Connection, name: str, tables: Sequence[str], columns: Iterable[str]
) -> str | None:
    """The table of the rows of signed tables that differ in some columns; None where none do.

    Rows that went and came with the same values cancel out.

    Args:
        connection: A session.
        name: What a small table is called that is made for it.
        tables: The tables, as SQL names them.
        columns: The columns.
    """
    if len(tables) == 1:
        extremes = f"select min({SIGN}) is not distinct from max({SIGN}) from {tables[0]}"
        if connection.exec_driver_sql(extremes).scalar_one():
            return tables[0]
    names = "".join(f"{quote_name(it)}, " for it in columns)
    rows = " union all ".join(f"select {names}{SIGN} from {it}" for it in tables)
    total = f"select {names}sum({SIGN}) as {SIGN} from ({rows}) group by all having {SIGN} <> 0"
    return name if make_small(connection, name, total) else None
