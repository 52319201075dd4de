"""Another DuckDB file beside the warehouse, and a warehouse that reads from one."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from sqlalchemy import Connection

from benepass_tasks.engine.quoting import quote_name, quote_relation, quote_text
from benepass_tasks.engine.session import ALIAS, Warehouse, use
from benepass_tasks.engine.tables import engine_of

SMALL_BLOCKS = "16384"
"""Bytes of the blocks of a file of which most tables are small: each column takes one at least."""


@contextmanager
def attached(session: Connection, path: Path, name: str) -> Iterator[None]:
    """Have a file open as a database of some name, for reading."""
    file = quote_text(str(path))
    session.exec_driver_sql(f"attach {file} as {quote_name(name)} (read_only)")
    session.commit()
    try:
        yield
    finally:
        # What a transaction has read from cannot be detached in it, and one in which a query
        # failed, with the file still in use, does nothing more.
        session.rollback()
        use(session, ALIAS)
        session.commit()
        session.exec_driver_sql(f"detach {quote_name(name)}")


@contextmanager
def within(session: Connection, name: str) -> Iterator[None]:
    """Let the tables of SQL be those of an attached database; after an error, detach it."""
    use(session, name)
    yield
    use(session, ALIAS)


def make_empty(path: Path) -> None:
    """Make a file for small tables, which its owner alone can read."""
    duckdb.connect(path, config={"default_block_size": SMALL_BLOCKS}).close()
    path.chmod(0o600)


def take_form(warehouse: Warehouse, name: str, without: Collection[str]) -> None:
    """Make the views and macros of a database beside an empty warehouse, and none of its tables.

    Args:
        warehouse: The warehouse.
        name: The name of the database.
        without: The schemas that are left out.
    """
    with warehouse.native() as database:
        database.execute(f"copy from database {quote_name(name)} to {ALIAS} (schema)")
        found = database.execute(_TABLES, (ALIAS,)).fetchall()
        for schema, table in found:
            database.execute(f"drop table {quote_name(ALIAS, schema, table)}")
        for schema in without:
            database.execute(f"drop schema if exists {quote_name(ALIAS, schema)} cascade")


_TABLES = "select schema_name, table_name from duckdb_tables() where database_name = ?"


def checkpoint(warehouse: Warehouse) -> None:
    """Bring all that is in the log of a warehouse into its file."""
    with warehouse.native() as database:
        database.execute(f"checkpoint {ALIAS}")


def tables_of(session: Connection, name: str, without: Collection[str]) -> frozenset[str]:
    """The tables of an attached database, but for those of some schemas."""
    found = session.exec_driver_sql(_TABLES, (name,))
    return frozenset(f"{schema}.{table}" for schema, table in found if schema not in without)


def place_of(name: str, relation: str) -> str:
    """A table of an attached database, as SQL names it."""
    return f"{quote_name(name)}.{quote_relation(relation)}"


def read_from(session: Connection, name: str, relation: str) -> None:
    """Make a view that reads the table of its name in an attached database."""
    query = f"select * from {place_of(name, relation)}"  # noqa: S608
    engine_of(session).create(relation, "view", query, None)
