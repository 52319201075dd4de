"""The texts of a database file or a Parquet file, whatever has written it."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from benepass_tasks.engine.quoting import quote_name, quote_text

ROWS = 100_000
"""Rows of a table that are read at once."""

BETWEEN_ROWS = "\n" * 10
"""What is put between two rows, so that nothing of the one is beside what is in the other."""


@dataclass(frozen=True, slots=True)
class DatabaseTexts:
    """The columns of a database that hold texts, lists of them, or bytes."""

    _database: duckdb.DuckDBPyConnection

    def pieces(self) -> Iterator[bytes]:
        """All texts, those of some thousand rows at a time; a line end is between two of a row."""
        for rows, texts in self._tables():
            row = f"concat_ws(chr(10), {', '.join(texts)})"
            for first in range(0, self._number(f"max(rowid) + 1 from {rows}"), ROWS):
                found = self._database.execute(
                    f"select string_agg({row}, {quote_text(BETWEEN_ROWS)}) from {rows} "  # noqa: S608
                    f"where rowid between {first} and {first + ROWS - 1}"
                ).fetchone()
                if found and found[0]:
                    yield found[0].encode()

    def rows_with(self, values: Collection[str]) -> int:
        """How many rows have one of some values as a whole, counted in each column."""
        listed, count = ", ".join(map(quote_text, values)), 0
        for rows, texts in self._tables() if values else ():
            counts = " + ".join(f"count(*) filter ({it} in ({listed}))" for it in texts)
            count += self._number(f"{counts} from {rows}")
        return count

    def _number(self, query: str) -> int:
        found = self._database.execute(f"select {query}").fetchone()
        return int(found[0] or 0) if found else 0

    def _tables(self) -> list[tuple[str, list[str]]]:
        """The tables that have such columns, and these as texts."""
        found = self._database.execute(
            "select schema_name, table_name, list(column_name order by column_index) "
            "from duckdb_columns() "
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


def parquet_texts(file: IO[bytes]) -> Iterator[bytes]:
    """All texts of a Parquet file, those of some thousand rows of a column at a time."""
    with parquet.ParquetFile(file) as opened:
        for batch in opened.iter_batches(ROWS):
            for column in batch.columns:
                texts = _texts(column)
                if texts is not None:
                    yield b"\n".join(pc.drop_null(texts).cast(pa.binary()).to_pylist())


def _texts(column: pa.Array) -> pa.Array | None:
    """A column of texts, or of lists of them, as texts; None where it is neither."""
    if pa.types.is_list(column.type):
        return _texts(column.flatten())
    if pa.types.is_dictionary(column.type):
        return _texts(column.dictionary_decode())
    is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    return column if is_text or pa.types.is_binary(column.type) else None
