"""A database in memory that reads one DuckDB file, and can be asked by anybody: it does no more."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from benepass_tasks.engine.dialect import create_memory_engine
from benepass_tasks.engine.quoting import quote_name, quote_text

READ = "readable"
"""The name under which the file is attached; its tables are those of the SQL."""

FILL = "insert into {} by name select unnest(from_json($rows, $form), max_depth := 2)"
"""Fills a table from JSON, at once: row by row takes many times as long."""

CONFIG: Mapping[str, Any] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


@dataclass(frozen=True, slots=True)
class Given:
    """A table that is made of rows.

    Attributes:
        types: Its columns with their types.
        rows: Its rows; instants are in UTC where they say no zone.
    """

    types: Mapping[str, str]
    rows: Sequence[Mapping[str, Any]]


@contextmanager
def isolated(
    path: Path,
    schema: str,
    tables: Mapping[str, Given],
    variables: Mapping[str, str],
    memory_limit: str,
) -> Iterator[Connection]:
    """Open such a database; its SQL reads no other file and changes no setting.

    Args:
        path: The DuckDB file.
        schema: What the SQL calls the schema of the tables that are given.
        tables: These, by name.
        variables: What the SQL reads with `getvariable`, as SQL literals.
        memory_limit: As DuckDB spells it.
    """
    engine = create_memory_engine({**CONFIG, "memory_limit": memory_limit})
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("set TimeZone = 'UTC'")
            for name, value in variables.items():
                connection.exec_driver_sql(f"set variable {name} = {value}")
            connection.exec_driver_sql(f"attach ':memory:' as {quote_name(schema)}")
            for name, given in tables.items():
                _fill(connection, quote_name(schema, "main", name), given)
            file = quote_text(str(path))
            connection.exec_driver_sql(f"attach {file} as {quote_name(READ)} (read_only)")
            connection.exec_driver_sql(f"use {quote_name(READ)}")
            connection.exec_driver_sql("set enable_external_access = false")
            connection.exec_driver_sql("set lock_configuration = true")
            connection.commit()
            yield connection
    finally:
        engine.dispose()


def _fill(connection: Connection, table: str, given: Given) -> None:
    columns = ", ".join(f"{quote_name(it)} {type_}" for it, type_ in given.types.items())
    connection.exec_driver_sql(f"create table {table} ({columns})")
    if given.rows:
        found = {"rows": json.dumps(given.rows, default=_plain), "form": json.dumps([given.types])}
        connection.exec_driver_sql(FILL.format(table), found)


def _plain(value: datetime) -> str:
    aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return aware.replace(tzinfo=None).isoformat()
