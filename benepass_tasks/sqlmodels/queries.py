"""Queries that no model is: a page's, over tables that others have made.

Each is read as a model is: by DuckDB, which binds it over tables without rows, and for its lineage.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benepass_tasks.catalog.wording import listed, meant, nearest
from benepass_tasks.config.errors import ModelError
from benepass_tasks.engine.quoting import quote_name, quote_relation
from benepass_tasks.sqlmodels.binding import VARIABLES, Types
from benepass_tasks.sqlmodels.definitions import Model
from benepass_tasks.sqlmodels.lineage import ModelLineage, trace_query
from benepass_tasks.sqlmodels.refusal import refusal
from benepass_tasks.sqlmodels.statements import make_model
from benepass_tasks.sqlmodels.syntax import Reader, SqlError


@dataclass(frozen=True, slots=True)
class Query:
    """A query that has been read.

    Attributes:
        model: Its SQL and the tables that it reads.
        lineage: The columns of these that its own columns, and its rows, derive from.
        types: Its columns with their DuckDB types, in their order.
        is_ordered: Whether it says in which order its rows are.
    """

    model: Model
    lineage: ModelLineage
    types: Types
    is_ordered: bool


@dataclass(frozen=True, slots=True)
class QueryReader:
    """Reads queries over tables that are known by their columns.

    Attributes:
        tables: The tables, each with its columns and their types.
        audience: Whom they are for.
        withheld: The columns of them that there are, and that are not for it.
    """

    tables: Mapping[str, Types]
    audience: str
    withheld: Mapping[str, Collection[str]]
    _reader: Reader
    _scratch: duckdb.DuckDBPyConnection

    def read(self, name: str, path: Path, line: int, sql: str) -> Query:
        """Read a query.

        Args:
            name: What it is called, as `folder.page.query`.
            path: The file that it stands in.
            line: The line of that file on which it begins.
            sql: Its text.

        Raises:
            ModelError: it is no single SELECT, it reads what is not among the tables, DuckDB
                refuses it, or its lineage cannot be followed; with file and line.
        """
        # Below as many empty lines as the file has above it, every line is that of the file.
        text = "\n" * (line - 1) + sql
        try:
            tree = self._reader.select(text)
        except SqlError as error:
            raise ModelError(f"{path}:{max(error.line, line)} {error}") from error
        model = make_model(self._reader, name, path, text, {})
        for reference in model.references:
            if reference not in self.tables:
                near = meant(nearest(reference, self.tables)) or f" ({listed(self.tables)} are)"
                raise ModelError(f"{path}:{line} reads {reference}, which is not published{near}")
        try:
            rows = self._scratch.execute(f"describe\n{model.sql}").fetchall()
        except duckdb.Error as error:
            raise ModelError(self._not_for_it(model, str(error))) from None
        lineage = trace_query(model, self._reader, self.tables)
        is_ordered = any(it.kind == "ORDER_MODIFIER" for it in tree.nodes("modifiers"))
        return Query(model, lineage, {column: type_ for column, type_, *_ in rows}, is_ordered)

    def _not_for_it(self, model: Model, said: str) -> str:
        """DuckDB's words, unless the column that it does not find is one that is withheld."""
        worded = refusal(model.path, model.sql, said, ahead=1)
        for relation in model.references:
            for column in self.withheld.get(relation, ()):
                if re.search(
                    rf'column(?: with name)? "?{re.escape(column)}\b', said, re.IGNORECASE
                ):
                    path = worded.partition(" ")[0]
                    return f"{path} {relation}.{column} is not published for {self.audience}"
        return worded


@contextmanager
def query_reader(
    tables: Mapping[str, Types], audience: str, withheld: Mapping[str, Collection[str]]
) -> Iterator[QueryReader]:
    """A reader of queries over some tables, which are for an audience.

    Args:
        tables: The tables with their columns.
        audience: Whom they are for.
        withheld: The columns of them that are not for it, which a message names.
    """
    reader = Reader()
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "autoinstall_known_extensions": False,
        "enable_external_access": False,
    }
    with duckdb.connect(config=config) as scratch:
        scratch.execute("set TimeZone = 'UTC'")
        for name, value in VARIABLES.items():
            scratch.execute(f"set variable {name} = {value}")
        for schema in dict.fromkeys(relation.partition(".")[0] for relation in tables):
            scratch.execute(f"create schema {quote_name(schema)}")
        for relation, types in tables.items():
            columns = ", ".join(f"{quote_name(it)} {type_}" for it, type_ in types.items())
            scratch.execute(f"create table {quote_relation(relation)} ({columns})")
        try:
            yield QueryReader(tables, audience, withheld, reader, scratch)
        finally:
            reader.close()
