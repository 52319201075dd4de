"""Turning well-formed CSV bytes into Arrow tables of text, exactly as written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from benepass_tasks.config.errors import BooksError
from benepass_tasks.ingestion.blocks import BOM
from benepass_tasks.ingestion.scanning import MANY_REJECTED, TOO_FEW, TOO_MANY, Rejected

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

ROW_NUMBER: Final = "_row_number"


@dataclass(frozen=True, slots=True)
class Batch:
    """Some consecutive records of a file.

    Attributes:
        table: The parsed ones: text columns, and the record's number in `_row_number`.
        rejected: The others.
    """

    table: pa.Table
    rejected: tuple[Rejected, ...]


@dataclass(slots=True)
class WrongCounts:
    """The rows of a stretch that have another number of fields than they should.

    Attributes:
        rows: For each its place among the rows, counted from 0, the reason and its bytes.
    """

    rows: list[tuple[int, str, bytes]] = field(default_factory=list)

    def __call__(self, row: csv.InvalidRow) -> str:
        """Note one row, as pyarrow asks for it; after very many give the whole stretch up."""
        reason = TOO_FEW if row.actual_columns < row.expected_columns else TOO_MANY
        self.rows.append((row.number - 1, reason, row.text.encode()))
        return "skip" if len(self.rows) < MANY_REJECTED else "error"


class TableParser:
    """Parses stretches of whole records into tables of text columns."""

    def __init__(self, columns: Sequence[str]) -> None:
        """Prepare for the records of one file.

        Args:
            columns: The names of the fields, in file order.
        """
        self._columns = list(columns)
        self._convert = csv.ConvertOptions(
            column_types={name: pa.string() for name in columns},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        self._ordinals = pa.array([], pa.int64())

    def parse(self, data: pa.Buffer, wrong_counts: WrongCounts | None = None) -> pa.Table:
        """Parse whole records; blank lines are passed over.

        Args:
            data: The bytes of the records, each with its line end.
            wrong_counts: Takes the rows with a wrong number of fields, which are left out of the
                table. Without it such a row is an error.

        Returns:
            The table, without row numbers.

        Raises:
            pyarrow.ArrowInvalid: A row has a wrong number of fields or is not valid UTF-8.
        """
        if data.size == 0:
            return self._empty()
        data = _as_pyarrow_reads_it(data)
        # A single block, however long, may have line ends in its values. Threads would take more
        # CPU and gain little, and without them pyarrow tells the numbers of the rows.
        return csv.read_csv(
            pa.BufferReader(data),
            read_options=csv.ReadOptions(
                column_names=self._columns,
                block_size=data.size + 1,
                use_threads=False,
            ),
            parse_options=csv.ParseOptions(
                newlines_in_values=True,
                ignore_empty_lines=True,
                invalid_row_handler=wrong_counts,
            ),
            convert_options=self._convert,
        )

    def parse_good(self, records: Sequence[bytes]) -> pa.Table:
        """Parse records already known to be well formed.

        Args:
            records: The bytes of each, with its line end.

        Returns:
            The table, with a row for each record.

        Raises:
            BooksError: There is another number of rows, which would be a fault of this program.
        """
        table = self.parse(pa.py_buffer(b"".join(records)))
        if table.num_rows != len(records):
            raise BooksError(f"{len(records)} records were parsed into {table.num_rows} rows.")
        return table

    def numbered(self, table: pa.Table, first: int, left_out: Collection[int] = ()) -> pa.Table:
        """Append the record numbers to a table.

        Args:
            table: Rows in file order.
            first: The number of the first record of the stretch they come from.
            left_out: The numbers of that stretch's records that are not in the table.

        Returns:
            The table with one more column.
        """
        numbers = pc.add(self._first_ordinals(table.num_rows + len(left_out)), first)
        if left_out:
            kept = bytearray(b"\x01") * len(numbers)
            for number in left_out:
                kept[number - first] = 0
            buffers = [None, pa.py_buffer(kept)]
            mask = pa.Array.from_buffers(pa.uint8(), len(kept), buffers).cast(pa.bool_())
            numbers = numbers.filter(mask)
        return table.append_column(ROW_NUMBER, numbers)

    def joined(self, tables: Sequence[pa.Table]) -> pa.Table:
        """Put numbered tables one after another.

        Args:
            tables: Any number of tables.

        Returns:
            One table, which may have no rows.
        """
        return pa.concat_tables(tables) if tables else self.numbered(self._empty(), 1)

    def _empty(self) -> pa.Table:
        columns = [pa.array([], pa.string()) for _ in self._columns]
        return pa.table(columns, names=self._columns)

    def _first_ordinals(self, count: int) -> pa.Array:
        """Give the numbers from 0 on; they are made once and shared by all tables."""
        if len(self._ordinals) < count:
            ones = pa.repeat(pa.scalar(1, pa.int64()), count)
            self._ordinals = pc.subtract(pc.cumulative_sum(ones), 1)
        return self._ordinals.slice(0, count)


def _as_pyarrow_reads_it(data: pa.Buffer) -> pa.Buffer:
    """Guard against what pyarrow would read otherwise; hardly ever is there anything to do."""
    view = memoryview(data)
    # A byte order mark in the middle of a file is text, but pyarrow drops one at the beginning.
    before = BOM if bytes(view[: len(BOM)]) == BOM else b""
    # An empty last field without a line end would be taken for quoted, after one that is.
    after = b"" if bytes(view[-1:]) in (b"\n", b"\r") else b"\n"
    return pa.py_buffer(b"".join((before, view, after))) if before or after else data


def newlines_in_values(table: pa.Table) -> int:
    r"""Count the ``\n`` in the values of a parsed table.

    Args:
        table: A table of text columns that are not slices of others.

    Returns:
        Their number.
    """
    chunks = (chunk for column in table.columns for chunk in column.chunks)
    values = (chunk.buffers()[2] for chunk in chunks)
    return sum(buffer.to_pybytes().count(b"\n") for buffer in values if buffer is not None)
