"""What the SQL of pages reads: the published file, what is known of runs, and nothing else."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.dialect import create_memory_engine
from benepass_tasks.engine.quoting import quote_name, quote_text
from benepass_tasks.site.authored.history import HISTORY, SCHEMA
from benepass_tasks.sqlmodels.statements import SETTINGS
from benepass_tasks.state.publication import DATABASE

PUBLISHED = "published"
"""The name under which the published file is attached."""

FILL = "insert into {} by name select unnest(from_json($rows, $form), max_depth := 2)"
"""Fills a table from JSON, at once: row by row takes many times as long."""

CONFIG: Mapping[str, Any] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


@contextmanager
def pages_database(
    settings: Settings, history: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Iterator[Connection]:
    """A database in memory that reads the published file, and no other.

    Args:
        settings: They name the file, and give the variables that SQL may read.
        history: The rows of the tables of `HISTORY`.
    """
    engine = create_memory_engine({**CONFIG, "memory_limit": settings.memory_limit})
    file = quote_text(str(settings.published_dir / DATABASE))
    with engine.connect() as connection:
        connection.exec_driver_sql("set TimeZone = 'UTC'")
        for name in SETTINGS:
            connection.exec_driver_sql(f"set variable {name} = {settings.variables[name]}")
        connection.exec_driver_sql(f"attach ':memory:' as {SCHEMA}")
        for name, types in HISTORY.items():
            _fill(connection, name, types, history.get(name, ()))
        connection.exec_driver_sql(f"attach {file} as {PUBLISHED} (read_only)")
        connection.exec_driver_sql(f"use {PUBLISHED}")
        # From here on no page's SQL reads a file or changes a setting.
        connection.exec_driver_sql("set enable_external_access = false")
        connection.exec_driver_sql("set lock_configuration = true")
        connection.commit()
        yield connection
    engine.dispose()


def _fill(
    connection: Connection,
    name: str,
    types: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    table = quote_name(SCHEMA, "main", name)
    columns = ", ".join(f"{quote_name(it)} {type_}" for it, type_ in types.items())
    connection.exec_driver_sql(f"create table {table} ({columns})")
    if rows:
        found = {"rows": json.dumps(rows, default=_plain), "form": json.dumps([types])}
        connection.exec_driver_sql(FILL.format(table), found)


def _plain(value: datetime) -> str:
    aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return aware.replace(tzinfo=None).isoformat()
