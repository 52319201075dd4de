"""The texts of a database file, whatever has written it."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benepass_tasks.engine.quoting import quote_name, quote_text

ROWS = 100_000
"""Rows of a column that are read at once."""


@dataclass(frozen=True, slots=True)
class DatabaseTexts:
    """The columns of a database that hold texts, lists of them, or bytes."""

    _database: duckdb.DuckDBPyConnection

    def pieces(self) -> Iterator[bytes]:
        """All texts, some thousand at a time, with line ends between them."""
        for rows, column in self._columns():
            text = f"cast({column} as varchar)"
            found = self._database.execute(
                f"select string_agg({text}, chr(10)) from {rows} group by rowid // {ROWS}"  # noqa: S608
            )
            yield from (piece.encode() for (piece,) in found.fetchall() if piece)

    def rows_with(self, values: Collection[str]) -> int:
        """How many rows have one of some values as a whole, counted in each column."""
        listed, count = ", ".join(map(quote_text, values)), 0
        for rows, column in self._columns() if values else ():
            found = self._database.execute(
                f"select count(*) from {rows} where cast({column} as varchar) in ({listed})"  # noqa: S608
            ).fetchone()
            count += found[0] if found else 0
        return count

    def _columns(self) -> list[tuple[str, str]]:
        found = self._database.execute(
            "select schema_name, table_name, column_name from duckdb_columns() "
            "inner join duckdb_tables() using (database_name, schema_name, table_name) "
            "where database_name = 'searched' and regexp_matches(data_type, 'VARCHAR|BLOB|JSON')"
        )
        return [
            (quote_name("searched", schema, table), quote_name(column))
            for schema, table, column in found.fetchall()
        ]


@contextmanager
def opened_texts(path: Path) -> Iterator[DatabaseTexts]:
    """Open a database file for reading."""
    with duckdb.connect() as database:
        database.execute(f"attach {quote_text(str(path))} as searched (read_only)")
        yield DatabaseTexts(database)
