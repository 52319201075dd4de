"""The tables of the raw layer: made, replaced file by file, and vouched for as wholes."""

import time
from collections.abc import Sequence

from sqlalchemy import Connection

from benepass_tasks.catalog import Source, Table
from benepass_tasks.errors import WarehouseError
from benepass_tasks.ingestion.headers import Header
from benepass_tasks.plan import REJECTED, Status
from benepass_tasks.sources import SourceFile
from benepass_tasks.warehouse import Load, Marker, Warehouse
from benepass_tasks.warehouse.markers import (
    create_tables,
    forget_load,
    snapshot_of,
    write_load,
    write_marker,
)
from benepass_tasks.warehouse.measure import measure_table
from benepass_tasks.warehouse.session import quote_name


def prepare(
    warehouse: Warehouse, source: Source, table: Table, file: SourceFile, header: Header
) -> None:
    """Withdraw the word for the file's earlier load, and make the tables where they are missing.

    From here on a kill leaves rows that nothing vouches for. Where the table itself is missing,
    all loads of the source are void.
    """
    with warehouse.write() as connection:
        create_tables(connection)
        connection.exec_driver_sql("create schema if not exists raw")
        is_new = _create_raw(connection, table, header)
        forget_load(connection, source.name, None if is_new else file.name)


def vouch_for(warehouse: Warehouse, table: Table, load: Load) -> None:
    """Remove what earlier loads of the file left, and write that the new one is whole."""
    with warehouse.write() as connection:
        _delete(
            connection,
            table,
            "_source_file = ? and _dlt_load_id is distinct from ?",
            (load.file, load.load_id),
        )
        write_load(connection, load)


def complete_raw(
    warehouse: Warehouse,
    table: Table,
    files: Sequence[SourceFile],
    status: Status,
) -> Marker:
    """Bring a raw table in line with the files there are, once each of them is loaded.

    Args:
        warehouse: Where raw is.
        table: The raw table.
        files: The files of its source.
        status: Its fingerprint from the plan.

    Returns:
        The marker that was written.
    """
    if status.fingerprint is None or table.source is None:
        raise WarehouseError(f"{table.relation}: a file of it is not loaded")
    started = time.perf_counter()
    present = {file.name for file in files}
    with warehouse.write() as connection:
        for file in snapshot_of(connection).loads_of(table.source).keys() - present:
            _delete(connection, table, "_source_file = ?", (file,))
            forget_load(connection, table.source, file)
        measure = measure_table(connection, table.relation, exclude=frozenset({"_dlt_load_id"}))
        marker = Marker.of_this_run(
            table.relation, status.recipe, status.fingerprint, measure, started
        )
        write_marker(connection, marker)
    return marker


def _delete(connection: Connection, table: Table, condition: str, values: tuple[str, ...]) -> None:
    for relation in (table.relation, REJECTED):
        connection.exec_driver_sql(
            f"delete from {_quoted(relation)} where {condition}",  # noqa: S608
            values,
        )


def _create_raw(connection: Connection, table: Table, header: Header) -> bool:
    """Make what is missing of the tables; whether the raw table was missing.

    Made here and not by dlt, which trusts the schema it stored and would not make again a table or
    a column that it once made.
    """
    found = connection.exec_driver_sql(
        "select count(*) from duckdb_tables() where database_name = current_database() "
        "and schema_name = 'raw' and table_name = ?",
        (table.name,),
    ).scalar_one()
    columns = ", ".join(f"{quote_name(name)} {it.type}" for name, it in table.columns.items())
    connection.exec_driver_sql(f"create table if not exists {_quoted(table.relation)} ({columns})")
    for name in header.undeclared:
        connection.exec_driver_sql(
            f"alter table {_quoted(table.relation)} add column if not exists "
            f"{quote_name(name)} varchar"
        )
    connection.exec_driver_sql(
        f"create table if not exists {_quoted(REJECTED)} ("
        "_source_file varchar, record_number bigint, line_number bigint, reason varchar, "
        "raw_record blob, _dlt_load_id varchar)"
    )
    return not found


def _quoted(relation: str) -> str:
    return quote_name(*relation.split("."))
