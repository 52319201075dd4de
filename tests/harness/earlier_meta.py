"""Warehouses as earlier releases left them: each set of tables that schema meta ever had."""

import re
from collections.abc import Iterable
from pathlib import Path

import duckdb

DDL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")

_FIRST = ("markers", "loads")
_TESTED = (*_FIRST, "properties", "check_results")
_HISTORY = ("runs", "materializations", "column_profiles", "quality_figures", "monitor_results")
_ALERTS = ("incidents", "notifications")
_SCHEMAS = ("accepted_schemas", "schema_changes")
_ALL = (*_TESTED, *_HISTORY, *_ALERTS, *_SCHEMAS, "watermarks")

BASIS = "monitor_results.basis"
HEADER = "schema_changes.header"
LATER = (
    *(BASIS, HEADER, "markers.kind", "markers.hash_sum"),
    *(f"loads.{it}" for it in ("passed_over", "erased", "expired")),
    *(f"materializations.{it}" for it in ("kind", "how", "touched_rows", "why_full")),
    *("materializations.engine", "materializations.changed_rows", "column_profiles.touched_rows"),
)
"""The columns that came later than their tables."""

STATES: dict[str, tuple[str, ...]] = {
    "markers": _FIRST,
    "masking": (*_FIRST, "properties"),
    "tests": (*_FIRST, "check_results"),
    "masking and tests": _TESTED,
    "history": (*_TESTED, *_HISTORY),
    "alerts": (*_TESTED, *_HISTORY, *_ALERTS),
    "columns": (*_TESTED, *_HISTORY, *_SCHEMAS),
    "monitors": (*_TESTED, *_HISTORY, "watermarks"),
    "alerts and monitors": (*_TESTED, *_HISTORY, *_ALERTS, "watermarks"),
    "verdicts that stand": (*_TESTED, *_HISTORY, *_ALERTS, "watermarks", BASIS),
    "alerts and columns": (*_TESTED, *_HISTORY, *_ALERTS, *_SCHEMAS),
    "all of 0.1": (*_ALL, BASIS),
    "headers": (*_ALL, BASIS, HEADER, "loaded_columns"),
}
"""The tables of each state, and the columns that it has of those that came later."""


def create(warehouse: Path, state: str) -> None:
    """Make a warehouse in a state, with one row in each of its tables."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema meta")
        for name in tables_of(state):
            (ddl,) = re.findall(rf"create table meta\.{name} .*?;", DDL, flags=re.DOTALL)
            connection.execute(ddl)
        for column in columns_of(state):
            table, _, name = column.partition(".")
            connection.execute(f"alter table meta.{table} add column {name} varchar")
        for name in tables_of(state):
            connection.execute(
                f"insert into meta.{name} values ({', '.join(_row(connection, name))})"
            )


def reduce(warehouse: Path, state: str) -> None:
    """Take from a warehouse of today what it did not have in a state."""
    with duckdb.connect(str(warehouse)) as connection:
        found = connection.execute(
            "select table_name from duckdb_tables() where schema_name='meta'"
        )
        for (name,) in found.fetchall():
            if name not in tables_of(state):
                connection.execute(f"drop table meta.{name}")
        for column in LATER:
            table, _, name = column.partition(".")
            if table in tables_of(state) and column not in STATES[state]:
                connection.execute(f"alter table meta.{table} drop column {name}")


def tables_of(state: str) -> tuple[str, ...]:
    """The tables that a warehouse in a state has."""
    return tuple(name for name in STATES[state] if "." not in name)


def columns_of(state: str) -> tuple[str, ...]:
    """The columns that it has of those that came later than their tables."""
    return tuple(name for name in STATES[state] if "." in name)


def _row(connection: duckdb.DuckDBPyConnection, table: str) -> Iterable[str]:
    values = {"TIMESTAMP WITH TIME ZONE": "'2025-01-01 00:00:00+00'", "TIMESTAMP": "'2025-01-01'"}
    values |= {"DATE": "'2025-01-01'", "BOOLEAN": "true", "VARCHAR[]": "[]", "BIGINT[]": "[]"}
    described = connection.execute(f"describe meta.{table}").fetchall()
    return [values.get(kind, "'1'" if kind == "VARCHAR" else "1") for _, kind, *_ in described]
