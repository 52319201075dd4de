"""Builds the project's SQL models over a few given rows, in memory and in milliseconds."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import duckdb
from projects import ROOT, definitions_of

from benepass_tasks.config.project import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from benepass_tasks.catalog import Catalog
    from benepass_tasks.sqlmodels import Model, ModelGraph

AS_OF = "2026-01-01"

Row = dict[str, str | None]
RawRows = dict[str, list[Row]]


class Workbench:
    """The project's catalog and models, and a database to build them in.

    Each model is a table there, a view as well, so that DuckDB binds the SQL of each once. A build
    is a transaction that is rolled back: it leaves no row behind.
    """

    def __init__(self, catalog: Catalog, graph: ModelGraph) -> None:
        self.catalog = catalog
        self.graph = graph

    @classmethod
    def of_project(cls, folder: Path = ROOT) -> Workbench:
        read = definitions_of(folder)
        return cls(read.catalog, read.graph)

    @property
    def models(self) -> Collection[str]:
        return self.graph.models.keys()

    @contextmanager
    def built(
        self,
        raw: Mapping[str, Sequence[Row]],
        target: str | None = None,
        *,
        as_of: str = AS_OF,
        pii_masking: bool = True,
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to a database with the target and all that it reads; by default, all."""
        with self.loaded(raw) as connection:
            connection.execute(f"set variable as_of_date = date '{as_of}'")
            connection.execute(f"set variable pii_masking = {pii_masking}")
            self.build(connection, target)
            yield connection

    @contextmanager
    def loaded(self, raw: Mapping[str, Sequence[Row]]) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to a database with the raw rows, and nothing in the models yet."""
        connection = self._empty
        connection.execute("begin")
        try:
            for table in self.raw_tables():
                self._load(connection, table, raw.get(table, ()))
            yield connection
        finally:
            connection.execute("rollback")

    def build(self, connection: duckdb.DuckDBPyConnection, target: str | None = None) -> None:
        for model in self._needed(target):
            connection.execute(f"insert into {model.relation} by name\n{model.sql}")

    def raw_tables(self) -> list[str]:
        """The tables that files are loaded into."""
        tables = self.catalog.tables.values()
        return [table.relation for table in tables if table.source is not None]

    def columns(self, relation: str) -> list[str]:
        return list(self.catalog.tables[relation].columns)

    @cached_property
    def _empty(self) -> duckdb.DuckDBPyConnection:
        """A connection to a database with the macros, and with tables of the declared columns."""
        connection = new_connection()
        for layer in SCHEMAS:
            connection.execute(f"create schema {layer}")
        for table in self.catalog.tables.values():
            declared = ", ".join(f"{it.name} {it.type}" for it in table.columns.values())
            connection.execute(f"create table {table.relation} ({declared})")
        for macro in self.graph.macros_behind(self.graph.macros):
            connection.execute(macro.sql)
        return connection

    def _needed(self, target: str | None) -> list[Model]:
        models = list(self.graph.models.values())
        if target is None:
            return models
        needed = {target}
        for model in reversed(models):
            if model.relation in needed:
                needed.update(model.references)
        return [model for model in models if model.relation in needed]

    def _load(self, connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row]) -> None:
        columns = self.catalog.tables[table].columns
        if rows:
            placeholders = f"({', '.join('?' * len(columns))})"
            connection.execute(
                f"insert into {table} values {', '.join([placeholders] * len(rows))}",
                [row.get(name) for row in with_provenance(table, rows) for name in columns],
            )


def new_connection() -> duckdb.DuckDBPyConnection:
    """An in-memory database that is set up like the pipeline's own sessions."""
    connection = duckdb.connect(config={"preserve_insertion_order": False, "threads": 1})
    connection.execute("set TimeZone = 'UTC'")
    return connection


def with_provenance(table: str, rows: Sequence[Row]) -> Iterator[Row]:
    """The rows with file, row number and load, where they do not say them themselves."""
    seen: dict[str, int] = {}
    for row in rows:
        file = row.get("_source_file") or f"{table.removeprefix('raw.')}.csv"
        seen[file] = seen.get(file, 0) + 1
        place: Row = {
            "_source_file": file,
            "_row_number": str(seen[file]),
            "_dlt_load_id": "load-1",
        }
        yield place | row
