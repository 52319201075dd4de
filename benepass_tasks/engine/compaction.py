"""Writing the file of a warehouse anew, without the bytes that deleted rows leave in it."""

import os
from pathlib import Path

import duckdb

from benepass_tasks.engine.quoting import quote_text
from benepass_tasks.engine.session import Warehouse, let_go


def compact(warehouse: Warehouse) -> None:
    """Copy all that a warehouse holds into a new file, which takes its place in one step.

    DuckDB's deletes leave rows in free blocks and old row groups. Of the new file none was ever
    written. Whoever is killed meanwhile leaves the old file, and one aside that the next one
    removes.
    """
    with warehouse.exclusive(lambda: True):
        let_go()
        aside = aside_of(warehouse.path)
        for leftover in (aside, wal_of(aside)):
            leftover.unlink(missing_ok=True)
        with duckdb.connect(config={"memory_limit": warehouse.memory_limit}) as database:
            database.execute(f"attach {quote_text(str(warehouse.path))} as old (read_only)")
            database.execute(f"attach {quote_text(str(aside))} as anew")
            database.execute("copy from database old to anew")
            database.execute("checkpoint anew")
            database.execute("detach anew")
            database.execute("detach old")
        opened = os.open(aside, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
        os.replace(aside, warehouse.path)  # noqa: PTH105 - one step, on one file system
        wal_of(warehouse.path).unlink(missing_ok=True)


def aside_of(path: Path) -> Path:
    """The file that is to take the place of another."""
    return path.with_name(f"{path.name}.anew")


def wal_of(path: Path) -> Path:
    """The log beside a database of what is not in its file yet."""
    return path.with_name(f"{path.name}.wal")
