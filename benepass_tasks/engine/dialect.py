"""duckdb-sqlalchemy's dialect without the databases that it opens to ask questions.

The original opens two of its own, 30 ms of CPU together, to learn which words this DuckDB reserves
and whether tables may have comments. Schema meta needs neither. The rows of an insert go in all at
once, which takes a tenth of the time. Where a model becomes a table, the original looks through
all of its SQL letter by letter, to see whether it inserts rows. It takes the tables of all attached
databases for those of the one in use.
"""

import re
from collections.abc import Mapping
from typing import Any

import duckdb
from duckdb_sqlalchemy import (
    ConnectionWrapper,
    CursorWrapper,
    Dialect,
    DuckDBIdentifierPreparer,
)
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGIdentifierPreparer
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.pool import StaticPool


class QuotingPreparer(DuckDBIdentifierPreparer):
    """Quotes every name, so that it need not know which words are reserved."""

    def __init__(self, dialect: Dialect) -> None:
        """Leave out the original's own, which asks a database."""
        PGIdentifierPreparer.__init__(self, dialect)

    def _requires_quotes(self, value: str) -> bool:  # noqa: ARG002 - it is so of every name
        return True


class WarehouseDialect(Dialect):
    """The dialect of a connection that is there already."""

    supports_statement_cache = True
    preparer: type[DuckDBIdentifierPreparer] = QuotingPreparer
    use_insertmanyvalues_wo_returning = False

    def initialize(self, connection: Connection) -> None:
        """Learn what SQLAlchemy itself has to know, through the connection."""
        DefaultDialect.initialize(self, connection)

    def get_table_names(
        self,
        connection: Connection,
        schema: str | None = None,
        **_: Any,  # noqa: ANN401 - of the original
    ) -> list[str]:
        """The tables of a schema in the database that is in use; the original looks in all."""
        found = connection.exec_driver_sql(
            "select table_name from duckdb_tables() "
            "where database_name = current_database() and schema_name = ?",
            (schema,),
        )
        return list(found.scalars())

    def do_executemany(
        self,
        cursor: Any,  # noqa: ANN401 - of the original
        statement: str,
        parameters: Any,  # noqa: ANN401 - of the original
        context: Any = None,  # noqa: ANN401 - of the original
    ) -> None:
        """Insert rows by one statement, as lists: one for each column."""
        if len(parameters) == 1:
            self.do_execute(cursor, statement, parameters[0], context)
            return
        head, _, values = statement.partition(" VALUES ")
        if not re.fullmatch(r"\((\$\d+, )*\$\d+\)", values):
            super().do_executemany(cursor, statement, parameters, context)
            return
        lists = tuple(list(column) for column in zip(*parameters, strict=True))
        unnested = re.sub(r"\$\d+", r"unnest(\g<0>)", values[1:-1])
        cursor.execute(f"{head} SELECT {unnested}", lists)


class Cursor(CursorWrapper):
    """Takes a statement that makes a table for none that inserts rows, without reading its SQL."""

    def _capture_dml_rowcount(self, statement: str) -> bool:
        return MAKING.match(statement) is None and super()._capture_dml_rowcount(statement)


MAKING = re.compile(r"(?:\s|--.*\n)*+create\s", re.IGNORECASE)


NO_BAR = "set enable_progress_bar = false"
"""DuckDB would draw a bar of long queries into what a command prints, JSON as well."""


class MemoryConnection(ConnectionWrapper):
    """A connection that has such cursors."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Keep DuckDB's own connection, which the original hides."""
        super().__init__(connection)
        self._native = connection
        connection.execute(NO_BAR)

    def cursor(self) -> CursorWrapper:
        """A new cursor."""
        return Cursor(self._native, self)


NAME = "benepass"
registry.register(NAME, __name__, WarehouseDialect.__name__)


def create_memory_engine(config: Mapping[str, Any]) -> Engine:
    """An engine on a database in memory, with one connection, made when it is first used."""
    return create_engine(
        f"{NAME}://",
        creator=lambda: MemoryConnection(duckdb.connect(config=dict(config))),
        poolclass=StaticPool,
        hide_parameters=True,
    )
