"""Reads a CSV file once into Arrow tables of text, without ever losing a record.

Two readers share the work. pyarrow parses a piece of the file in bulk where every quote in the
piece is proven to be in order, and its rows are used only when they add up to the piece's physical
lines: it would take text after a closing quote for a part of the field, and an unterminated quote
for a value of many lines. All other pieces are scanned by the exact rules, at a fifth of the speed.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from benepass_tasks.config.errors import BooksError
from benepass_tasks.ingestion.blocks import BOM, BlockReader, line_ends, lone_returns
from benepass_tasks.ingestion.scanning import (
    TOO_LONG,
    WELL_QUOTED,
    Rejected,
    Scanner,
    Tally,
    after_line_end,
    read_header,
)

ROW_NUMBER: Final = "_row_number"

SMALLEST: Final = 16 << 10
"""Bytes of the smallest piece that is tried in bulk: what is not plain in it is scanned."""
LARGEST: Final = 1 << 20
"""Bytes of the largest piece: all of a piece is read again where one record is not plain."""
MANY_REJECTED: Final = 10_000
"""Rejected records that end a batch, so that a file of nothing else takes no more memory."""


@dataclass(slots=True, kw_only=True)
class Accounting(Tally):
    """What a whole file consists of.

    Attributes:
        sha256: The hash of all its bytes, in hexadecimal.
        bytes: Its size.
        lines: Its physical lines, the header's included; from its bytes alone, not the parsing.
    """

    sha256: str
    bytes: int
    lines: int

    @property
    def balances(self) -> bool:
        """Whether the parsing accounts for every physical line."""
        return self.accounted == self.lines


@dataclass(frozen=True, slots=True)
class Batch:
    """Some consecutive records of a file.

    Attributes:
        table: The parsed ones: text columns, and the record's number in `_row_number`.
        rejected: The others.
    """

    table: pa.Table
    rejected: tuple[Rejected, ...]


class RecordReader:
    """Reads the records of one CSV file, once, from its start to its end.

    An unquoted empty field is null and a quoted one the empty string; all other text is exactly
    as written. The memory taken depends on the sizes given here, never on the file's.

    Attributes:
        header: The fields of the first record; none when the file is empty.
    """

    header: tuple[str, ...]

    def __init__(
        self,
        file: BinaryIO,
        *,
        block_bytes: int = 8 << 20,
        max_record_bytes: int = 16 << 20,
    ) -> None:
        """Read the header.

        Args:
            file: The file, open at its start.
            block_bytes: How much to read at a time; it never changes what the records are.
            max_record_bytes: The length allowed to a record. A longer physical line is rejected
                and only so much of it kept; a record that is longer with all its lines counts as
                one with an unterminated quote.

        Raises:
            SourceError: The header is not well formed, not valid UTF-8, or too long.
        """
        self._blocks = BlockReader(file, block_bytes)
        self._max_bytes = max_record_bytes
        self._tally = Tally()
        self.header, self._rest = read_header(self._blocks, max_record_bytes, self._tally)
        self._started = False
        self._accounting: Accounting | None = None

    @property
    def accounting(self) -> Accounting:
        """What the file consists of.

        Raises:
            RuntimeError: The batches have not been read to their end.
        """
        if self._accounting is None:
            raise RuntimeError("The accounting is complete only after the last batch.")
        return self._accounting

    @property
    def bytes_read(self) -> int:
        """How much of the file has been read."""
        return self._blocks.bytes

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        """Read the records, once only, under names for the fields of the header.

        Returns:
            The batches, in file order; none is without any record.

        Raises:
            ValueError: There are more or fewer names than fields in the header.
            RuntimeError: The records have been asked for before.
        """
        if len(columns) != len(self.header):
            raise ValueError(f"{len(columns)} names for a header of {len(self.header)} columns.")
        if self._started:
            raise RuntimeError("The records of a file are read once.")
        self._started = True
        return self._read_all(columns)

    def _read_all(self, columns: Sequence[str]) -> Iterator[Batch]:
        pieces = _PieceReader(columns, self._max_bytes, self._tally)
        data, self._rest, final = self._rest, b"", False
        after = yield from pieces.take(data, final=final)
        while not final:
            block = self._blocks.read(len(data) - after)
            data, final = data[after:] + block, not block
            after = yield from pieces.take(data, final=final)
        self._accounting = Accounting(
            **asdict(self._tally),
            sha256=self._blocks.sha256,
            bytes=self._blocks.bytes,
            lines=self._blocks.lines,
        )


class _PieceReader:
    """Reads records piece by piece, each piece in the fastest way that is exact.

    Where a piece is not plain, a smaller one is tried, and after a plain one a larger one: the work
    stays in proportion to the file, wherever its bad records are.
    """

    def __init__(self, columns: Sequence[str], max_bytes: int, tally: Tally) -> None:
        self._parser = BulkParser(columns)
        self._scanner = Scanner(len(columns), max_bytes, tally)
        self._max_bytes = max_bytes
        self._tally = tally
        self._largest = self._size = min(LARGEST, max_bytes)
        self._tables: list[pa.Table] = []
        self._rejected: list[Rejected] = []
        self._in_overlong_line = False

    def take(self, data: bytes, *, final: bool) -> Generator[Batch, None, int]:
        r"""Read the records of the bytes in hand, the first of which begins a record.

        They never end between the two bytes of a ``\r\n``; the file ends with the `final` ones.

        Returns:
            Where the first record begins that needs more bytes.
        """
        limit = len(data) if final else _after_last_line_end(data)
        at = self._after_overlong_line(data, limit)
        while at < limit:
            stop = min(at + self._size, limit)
            end = _end_in_order(data, at, stop, limit)
            if end > at and self._parse(data[at:end]):
                at = end
                self._size = min(2 * self._size, self._largest)
            elif stop - at > SMALLEST:
                self._size = max((stop - at) // 4, SMALLEST)
            elif (after := self._scan(data, at, stop, limit, final=final)) > at:
                at = after
            else:
                break
            if len(self._rejected) >= MANY_REJECTED:
                yield self._flush()
        else:
            at = self._reject_overlong_line(data, at)
        if self._tables or self._rejected:
            yield self._flush()
        return at

    def _flush(self) -> Batch:
        tables = self._tables or [self._parser.parse_good([], [])]
        batch = Batch(pa.concat_tables(tables).combine_chunks(), tuple(self._rejected))
        self._tables, self._rejected = [], []
        return batch

    def _parse(self, piece: bytes) -> bool:
        """Parse a piece in bulk, if it is plain."""
        first = self._tally.records + 1
        table = self._parser.parse_plain(piece, first)
        if table is None:
            return False
        self._tables.append(table)
        self._tally.parsed += table.num_rows
        self._tally.embedded_newlines += _lines(piece) - table.num_rows
        return True

    def _scan(self, data: bytes, at: int, stop: int, limit: int, *, final: bool) -> int:
        found, after = self._scanner.scan(data, at, stop, limit, final=final)
        if found.good:
            self._tables.append(self._parser.parse_good(found.good, found.numbers))
        self._rejected += found.rejected
        return after

    def _after_overlong_line(self, data: bytes, limit: int) -> int:
        """Pass over the rest of a line whose beginning has been rejected already."""
        if not self._in_overlong_line:
            return 0
        self._in_overlong_line = limit == 0
        return after_line_end(data, 0, len(data))

    def _reject_overlong_line(self, data: bytes, at: int) -> int:
        """Reject the last line in hand once it is too long, without waiting for its end."""
        if len(data) - at <= self._max_bytes:
            return at
        self._rejected.append(self._tally.reject(TOO_LONG, data[at : at + self._max_bytes]))
        self._in_overlong_line = True
        return len(data)


class BulkParser:
    """Parses whole records with pyarrow into tables of text columns and `_row_number`."""

    def __init__(self, columns: Sequence[str]) -> None:
        """Prepare for records whose fields have these names, in file order."""
        self._columns = list(columns)
        self._convert = csv.ConvertOptions(
            column_types={name: pa.string() for name in columns},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )

    def parse_plain(self, piece: bytes, first: int) -> pa.Table | None:
        """Parse whole records, all of whose quotes are in order, and number them from `first` on.

        Returns:
            The table; None where a record is refused, or a line belongs to none.
        """
        if lone_returns(piece):
            return None
        try:
            table = self.parse(piece)
        except pa.ArrowInvalid:
            return None
        extra = _lines(piece) - table.num_rows
        if extra and extra != _newlines_in_values(table):
            return None
        ones = pa.repeat(pa.scalar(1, pa.int64()), table.num_rows)
        return table.append_column(ROW_NUMBER, pc.cumulative_sum(ones, start=first - 1))

    def parse_good(self, records: Sequence[bytes], numbers: Sequence[int]) -> pa.Table:
        """Parse records already known to be well formed, each with its line end.

        Raises:
            BooksError: There is another number of rows, which would be a fault of this program.
        """
        table = self.parse(b"".join(records))
        if table.num_rows != len(records):
            raise BooksError(f"{len(records)} records were parsed into {table.num_rows} rows.")
        return table.append_column(ROW_NUMBER, pa.array(numbers, pa.int64()))

    def parse(self, data: bytes) -> pa.Table:
        """Parse whole records; the table has no row numbers yet."""
        if not data:
            return pa.schema([(name, pa.string()) for name in self._columns]).empty_table()
        # A byte order mark in the middle of a file is text, but pyarrow drops one at the beginning.
        before = BOM if data.startswith(BOM) else b""
        # An empty last field without a line end would be taken for quoted, after one that is.
        after = b"" if data.endswith((b"\n", b"\r")) else b"\n"
        data = b"".join((before, data, after)) if before or after else data
        # A single block, however long, may have line ends in its values. Threads would take more
        # CPU and gain little.
        return csv.read_csv(
            pa.BufferReader(data),
            read_options=csv.ReadOptions(
                column_names=self._columns, block_size=len(data) + 1, use_threads=False
            ),
            parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=True),
            convert_options=self._convert,
        )


def _after_last_line_end(data: bytes) -> int:
    newline = data.rfind(b"\n")
    return max(newline, data.rfind(b"\r", newline + 1)) + 1


def _end_in_order(data: bytes, at: int, stop: int, limit: int) -> int:
    """Find the end of a record, so that every quote before it is in order.

    It is that of the last line before `stop`, or where that is in a quoted field, an earlier one.

    Args:
        data: The bytes.
        at: Where a record begins.
        stop: Where to stop looking.
        limit: The end of the last whole line.

    Returns:
        The end; `at` where half of the bytes or more would be left out.
    """
    end = stop if stop == limit else data.rfind(b"\n", at, stop) + 1
    for _ in range(2):
        if end - at < (stop - at) // 2:
            return at
        match = WELL_QUOTED.match(data, at, max(at, end))
        proven = match.end() if match else at
        if proven == end:
            return end
        end = data.rfind(b"\n", at, proven) + 1
    return at


def _lines(data: bytes) -> int:
    """Count the physical lines of some bytes, the last of which may lack its line end."""
    return line_ends(data) + (not data.endswith((b"\n", b"\r")))


def _newlines_in_values(table: pa.Table) -> int:
    r"""Count the ``\n`` in the values of a table of text columns that are no slices of others."""
    chunks = (chunk for column in table.columns for chunk in column.chunks)
    values = (chunk.buffers()[2] for chunk in chunks)
    return sum(buffer.to_pybytes().count(b"\n") for buffer in values if buffer is not None)
