"""Writing the file of a warehouse anew, without the bytes that deleted rows leave in it."""

import logging
import os
from pathlib import Path

import duckdb
from sqlalchemy import Connection

from benepass_tasks.engine.disk import sync, wal_of
from benepass_tasks.engine.quoting import quote_text
from benepass_tasks.engine.session import Warehouse, let_go

log = logging.getLogger(__name__)

NOTABLE_BYTES = 2**28
"""The free bytes in the file of a warehouse from which on it is worth while to write it anew."""


def compact_where_it_pays(warehouse: Warehouse) -> None:
    """Write the file of a warehouse anew where more than half of it, and much, is free."""
    if warehouse.beside:
        # The views of a branch read another file, and it is small.
        return
    with warehouse.read() as connection:
        pays = _is_mostly_free(connection)
    if pays:
        before = warehouse.path.stat().st_size
        compact(warehouse)
        let_go()
        megabytes = (f"{it / 2**20:,.0f} MB" for it in (warehouse.path.stat().st_size, before))
        log.info("%s: written anew, %s instead of %s", warehouse.path, *megabytes)


def compact(warehouse: Warehouse) -> None:
    """Copy all that a warehouse holds into a new file, which takes its place in one step.

    DuckDB's deletes leave rows in free blocks and old row groups; the new file never had them. A
    process that is killed meanwhile leaves the old file, and one aside that the next run removes.
    """
    with warehouse.exclusive(lambda: True):
        let_go()
        aside = aside_of(warehouse.path)
        _remove(aside)
        try:
            _copy(warehouse, aside)
            put_in_place(aside, warehouse.path)
        finally:
            _remove(aside)


def _is_mostly_free(connection: Connection) -> bool:
    """Whether more than half of the file is blocks that nothing is in.

    DuckDB writes into them again before the file grows, and never gives them back.
    """
    free, size = connection.exec_driver_sql(
        "select free_blocks * block_size, total_blocks * block_size from pragma_database_size() "
        "where database_name = current_database()"
    ).one()
    return bool(free > NOTABLE_BYTES and free > size / 2)


def _remove(aside: Path) -> None:
    for leftover in (aside, wal_of(aside)):
        leftover.unlink(missing_ok=True)


def _copy(warehouse: Warehouse, aside: Path) -> None:
    with duckdb.connect(config={"memory_limit": warehouse.memory_limit}) as database:
        database.execute("set enable_progress_bar = false")
        database.execute(f"attach {quote_text(str(warehouse.path))} as old")
        # With it goes the log of the old file, which must not be taken for one of the new.
        database.execute("force checkpoint old")
        database.execute(f"attach {quote_text(str(aside))} as anew")
        database.execute("copy from database old to anew")
        database.execute("checkpoint anew")
        database.execute("detach anew")
        database.execute("detach old")


def put_in_place(aside: Path, path: Path) -> None:
    """Let a database that is written to its end take the place of another, which has no log."""
    sync(aside)
    os.replace(aside, path)  # noqa: PTH105 - one step, on one file system


def aside_of(path: Path) -> Path:
    """The file that is to take the place of another."""
    return path.with_name(f"{path.name}.anew")
