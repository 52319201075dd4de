"""Reads a file of delimited text once into Arrow tables of text, without ever losing a record.

Two readers share the work. pyarrow parses a piece of the file in bulk where every quote in the
piece is proven to be in order, and its rows are used only when they add up to the piece's physical
lines: it would take text after a closing quote for a part of the field, and an unterminated quote
for a value of many lines. All other pieces are scanned by the exact rules, at a fifth of the speed.
"""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from benepass_tasks.catalog.layout import Layout
from benepass_tasks.config.errors import BooksError
from benepass_tasks.ingestion.readers.blocks import (
    BOM,
    BlockReader,
    Body,
    after_line_end,
    line_ends,
)
from benepass_tasks.ingestion.readers.dialect import Dialect
from benepass_tasks.ingestion.readers.heading import HeadingReader
from benepass_tasks.ingestion.readers.passed_over import FOOTER, PassedOver
from benepass_tasks.ingestion.readers.scanning import (
    INVALID_UTF8,
    TOO_LONG,
    Rejected,
    Scanner,
    Shape,
    Tally,
)
from benepass_tasks.ingestion.readers.streams import FileBytes, as_written, is_utf8, open_text

ROW_NUMBER: Final = "_row_number"

SMALLEST: Final = 16 << 10
"""Bytes of the smallest piece that is tried in bulk: what is not plain in it is scanned."""
LARGEST: Final = 1 << 20
"""Bytes of the largest piece: all of a piece is read again where one record is not plain."""
DAYS_FROM: Final = 1900
"""The year from which nearly all programs count days, as Excel does."""
MANY_REJECTED: Final = 10_000
"""Rejected records that end a batch, so that a file of nothing else takes no more memory."""


_USUAL: Final = Layout()


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


class AccountedReader:
    """What all readers have in common: they count what they read.

    Attributes:
        header: The names of the columns; none when the file is empty.
        counts_from: The year from which it counts days, where they are numbers: a text says none.
        inexact: What the numbers of some columns are that are not as the database had them.
    """

    header: tuple[str, ...]
    counts_from: int | None = None
    inexact: Mapping[str, str] = MappingProxyType({})

    def __init__(self) -> None:
        """Begin to count."""
        self._tally = Tally()
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

    def _account(self, lines: int, file: FileBytes) -> None:
        """Complete the accounting of a file that has so many lines."""
        self._accounting = Accounting(
            **{it.name: getattr(self._tally, it.name) for it in fields(Tally)},
            sha256=file.sha256,
            bytes=file.bytes,
            lines=lines,
        )


class RecordReader(AccountedReader):
    """Reads the records of one file of delimited text, once, from its start to its end.

    An unquoted empty field is null and a quoted one the empty string; all other text is exactly
    as written. The memory taken depends on the sizes given here, never on the file's.

    The header is the fields of the first record.
    """

    def __init__(
        self,
        file: BinaryIO,
        layout: Layout = _USUAL,
        *,
        name: str = "the file",
        block_bytes: int = 8 << 20,
        max_record_bytes: int = 16 << 20,
    ) -> None:
        """Read the header.

        Args:
            file: The file, open at its start.
            layout: How it is written.
            name: What messages call it; ends with the file's own name.
            block_bytes: How much to read at a time; it never changes what the records are.
            max_record_bytes: The length allowed to a record. A longer physical line is rejected
                and only so much of it kept; a record that is longer with all its lines counts as
                one with an unterminated quote.

        Raises:
            SourceError: The header is not well formed, not valid text, or too long, or the file is
                not compressed as the layout says; the latter also while records are read.
        """
        super().__init__()
        self._layout = layout
        self._bytes = FileBytes(file)
        self._blocks = BlockReader(open_text(file, self._bytes, layout, name), block_bytes)
        self._max_bytes = max_record_bytes
        self._dialect = Dialect(layout)
        self._passed_over = PassedOver(layout, self._dialect)
        reader = HeadingReader(
            self._blocks, layout, self._tally, max_bytes=max_record_bytes, name=name
        )
        heading = reader.read(self._dialect, self._passed_over)
        self.header = heading.fields
        self._passed_over.know_header(heading.fields, heading.below, name)
        self._body = Body(self._blocks, reader.rest, layout.skipfooter)
        self._started = False

    @property
    def bytes_read(self) -> int:
        """How many of the file's own bytes have been read."""
        return self._bytes.bytes

    def batches(self, columns: Sequence[str], required: Collection[str] = ()) -> Iterator[Batch]:
        """Read the records, once only, under names for the fields of the header.

        Args:
            columns: The names, one for each field of the header.
            required: Those of them that no record may lack; others are NULL where they are missing
                at its end.

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
        places = (place for place, name in enumerate(columns, 1) if name in required)
        return self._read_all(columns, max(places, default=1))

    def _read_all(self, columns: Sequence[str], fewest: int) -> Iterator[Batch]:
        shape = Shape(len(columns), fewest, self._max_bytes)
        scanner = Scanner(self._dialect, self._passed_over, shape, self._tally)
        parser = BulkParser(columns, self._dialect, self._passed_over)
        encoding = None if is_utf8(self._layout.encoding) else self._layout.encoding
        pieces = _PieceReader(parser, scanner, self._max_bytes, self._tally, encoding)
        data, after, final = b"", 0, False
        while not final:
            block = self._body.read(len(data) - after)
            data, final = data[after:] + block, not block
            after = yield from pieces.take(data, final=final)
        self._bytes.read_all()
        if self._body.footer_lines:
            self._tally.passed_over[FOOTER] = self._body.footer_lines
        self._account(self._blocks.lines, self._bytes)


class _PieceReader:
    """Reads records piece by piece, each piece in the fastest way that is exact.

    Where a piece is not plain, a smaller one is tried, and after a plain one a larger one: the work
    stays in proportion to the file, wherever its bad records are.
    """

    def __init__(
        self,
        parser: "BulkParser",
        scanner: Scanner,
        max_bytes: int,
        tally: Tally,
        encoding: str | None,
    ) -> None:
        """Take the two readers; `encoding` is that of a file that is transcoded."""
        self._parser = parser
        self._scanner = scanner
        self._max_bytes = max_bytes
        self._tally = tally
        self._encoding = encoding
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
        limit = len(data) if final else _after_last_line_end(data, 0, len(data))
        at = self._after_overlong_line(data, limit)
        while at < limit:
            stop = min(at + self._size, limit)
            end = self._parser.end_in_order(data, at, stop, limit)
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
        table = pa.concat_tables(tables).combine_chunks()
        batch = Batch(table, tuple(map(self._of_file, self._rejected)))
        self._tables, self._rejected = [], []
        return batch

    def _of_file(self, rejected: Rejected) -> Rejected:
        """Show the bytes that could not be decoded, and from which encoding."""
        if self._encoding is None:
            return rejected
        is_invalid = rejected.reason == INVALID_UTF8
        reason = f"invalid {self._encoding}" if is_invalid else rejected.reason
        return replace(rejected, reason=reason, raw=as_written(rejected.raw))

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
        self._parser.width = self._scanner.width
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
    """Parses whole records with pyarrow into tables of text columns and `_row_number`.

    Attributes:
        width: How many fields the records that come are thought to have: those that lack some at
            their end, or have more, are likely all of them alike.
    """

    def __init__(self, columns: Sequence[str], dialect: Dialect, passed_over: PassedOver) -> None:
        """Prepare for records whose fields have these names, in file order."""
        self._columns = list(columns)
        self._dialect = dialect
        self._passed_over = passed_over
        self._parse = csv.ParseOptions(
            delimiter=dialect.sep.decode(),
            quote_char=dialect.quote.decode() or False,
            escape_char=dialect.escape.decode() or False,
            newlines_in_values=True,
            ignore_empty_lines=True,
        )
        self.width = len(columns)

    def end_in_order(self, data: bytes, at: int, stop: int, limit: int) -> int:
        """Find the end of a record, so that every quote before it is in order.

        It is that of the last line before `stop`, or where that is in a quoted field, an earlier
        one.

        Args:
            data: The bytes.
            at: Where a record begins.
            stop: Where to stop looking.
            limit: The end of the last whole line.

        Returns:
            The end; `at` where half of the bytes or more would be left out.
        """
        escape, sep = self._dialect.escape, self._dialect.sep
        if self._dialect.skips_spaces and _has_gap(data, at, stop, sep):
            return at
        end = stop if stop == limit else _after_last_line_end(data, at, stop)
        if escape and data.find(escape, at, end) >= 0:
            return at
        for _ in range(2):
            if end - at < (stop - at) // 2:
                return at
            match = self._dialect.in_order.match(data, at, max(at, end))
            proven = match.end() if match else at
            if proven == end:
                return end
            end = _after_last_line_end(data, at, proven)
        return at

    def parse_plain(self, piece: bytes, first: int) -> pa.Table | None:
        """Parse whole records, all of whose quotes are in order, and number them from `first` on.

        Returns:
            The table; None where a record is refused, or a line belongs to none.
        """
        is_cut_off = self.width < len(self._columns) and not piece.endswith((b"\n", b"\r"))
        if is_cut_off or self._passed_over.may_be_in(piece):
            return None
        try:
            table = self._evened(self.parse(piece, self.width))
        except pa.ArrowInvalid:
            return None
        if table is None or self._passed_over.may_have_header(table):
            return None
        extra = _lines(piece) - table.num_rows
        if extra and extra != _line_ends_in_values(table):
            return None
        ones = pa.repeat(pa.scalar(1, pa.int64()), table.num_rows)
        return table.append_column(ROW_NUMBER, pc.cumulative_sum(ones, start=first - 1))

    def _evened(self, table: pa.Table) -> pa.Table | None:
        """Give a table exactly the columns; None where there is something beyond them."""
        columns = len(self._columns)
        surplus = table.columns[columns:]
        if any(pc.any(pc.not_equal(column, "")).as_py() for column in surplus):
            return None
        if surplus and columns == 1 and table.column(0).null_count:
            return None
        for name in self._columns[table.num_columns :]:
            table = table.append_column(name, pa.nulls(len(table), pa.string()))
        return table.select(range(columns))

    def parse_good(self, records: Sequence[bytes], numbers: Sequence[int]) -> pa.Table:
        """Parse records already known to be well formed, each with its line end.

        Raises:
            BooksError: There is another number of rows, which would be a fault of this program.
        """
        table = self.parse(b"".join(records), len(self._columns))
        if table.num_rows != len(records):
            raise BooksError(f"{len(records)} records were parsed into {table.num_rows} rows.")
        return table.append_column(ROW_NUMBER, pa.array(numbers, pa.int64()))

    def parse(self, data: bytes, width: int) -> pa.Table:
        """Parse whole records of so many fields; the table has no row numbers yet."""
        beyond = range(len(self._columns), width)
        names = [*self._columns[:width], *(f"beyond the columns {place}" for place in beyond)]
        types = {name: pa.string() for name in names}
        if not data:
            return pa.schema(types).empty_table()
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
                column_names=names, block_size=len(data) + 1, use_threads=False
            ),
            parse_options=self._parse,
            convert_options=csv.ConvertOptions(
                column_types=types,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )


def _after_last_line_end(data: bytes, start: int, stop: int) -> int:
    r"""Find where the last line ends between two positions; `start` where none does.

    The end is never between the two bytes of a ``\r\n``.
    """
    newline = data.rfind(b"\n", start, stop)
    end = max(newline, data.rfind(b"\r", max(newline, start), stop))
    if end < 0:
        return start
    return end + (2 if data[end : end + 2] == b"\r\n" else 1)


def _has_gap(data: bytes, at: int, stop: int, sep: bytes) -> bool:
    """Whether some field may begin with a space."""
    gaps = (sep + b" ", b"\n ", b"\r ")
    return data.startswith(b" ", at) or any(data.find(gap, at, stop) >= 0 for gap in gaps)


def _lines(data: bytes) -> int:
    """Count the physical lines of some bytes, the last of which may lack its line end."""
    return line_ends(data) + (not data.endswith((b"\n", b"\r")))


def _line_ends_in_values(table: pa.Table) -> int:
    """Count the line ends in the values of a table of text columns."""
    return sum(_line_ends_in(column) for column in table.columns)


def _line_ends_in(column: pa.ChunkedArray) -> int:
    buffers = (chunk.buffers()[2] for chunk in column.chunks)
    text = b"".join(buffer.to_pybytes() for buffer in buffers if buffer is not None)
    if b"\r" not in text:
        return text.count(b"\n")
    # Values that end and begin with the two bytes of a line end would count as one with it.
    return pc.sum(pc.count_substring_regex(column, r"\r\n|\r|\n")).as_py() or 0
