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
        """All texts, those of some thousand rows at a time, with line ends between them."""
        for rows, texts in self._tables():
            joined = ", ".join(f"string_agg({it}, chr(10))" for it in texts)
            found = self._database.execute(
                f"select {joined} from {rows} group by rowid // {ROWS}"  # noqa: S608
            )
            while pieces := found.fetchone():
                yield "\n".join(filter(None, pieces)).encode()

    def rows_with(self, values: Collection[str]) -> int:
        """How many rows have one of some values as a whole, counted in each column."""
        listed, count = ", ".join(map(quote_text, values)), 0
        for rows, texts in self._tables() if values else ():
            counts = " + ".join(f"count(*) filter ({it} in ({listed}))" for it in texts)
            found = self._database.execute(f"select {counts} from {rows}").fetchone()  # noqa: S608
            count += found[0] if found else 0
        return count

    def _tables(self) -> list[tuple[str, list[str]]]:
        """The tables that have such columns, and these as texts."""
        found = self._database.execute(
            "select schema_name, table_name, list(column_name) from duckdb_columns() "
            "inner join duckdb_tables() using (database_name, schema_name, table_name) "
            "where database_name = 'searched' and regexp_matches(data_type, 'VARCHAR|BLOB|JSON') "
            "group by all order by all"
        )
        return [
            (
                quote_name("searched", schema, table),
                [f"cast({quote_name(it)} as varchar)" for it in columns],
            )
            for schema, table, columns in found.fetchall()
        ]


@contextmanager
def opened_texts(path: Path) -> Iterator[DatabaseTexts]:
    """Open a database file for reading."""
    with duckdb.connect() as database:
        database.execute(f"attach {quote_text(str(path))} as searched (read_only)")
        yield DatabaseTexts(database)
