"""Another DuckDB file beside the warehouse, in a session that reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from benepass_tasks.engine.quoting import quote_name, quote_text
from benepass_tasks.engine.session import ALIAS


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
        session.exec_driver_sql(f"use {ALIAS}")
        session.commit()
        session.exec_driver_sql(f"detach {quote_name(name)}")


@contextmanager
def within(session: Connection, name: str) -> Iterator[None]:
    """Let the tables of SQL be those of an attached database; after an error, detach it."""
    session.exec_driver_sql(f"use {quote_name(name)}")
    yield
    session.exec_driver_sql(f"use {ALIAS}")
