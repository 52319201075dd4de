"""Deciding, stretch by stretch, whether pyarrow may parse the records or the exact scan must."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from benepass_tasks.ingestion.blocks import LONE_RETURN, line_ends
from benepass_tasks.ingestion.scanning import (
    MANY_REJECTED,
    TOO_LONG,
    Rejected,
    Scanner,
    Tally,
    after_line_end,
    is_utf8,
    prove_quotes,
)
from benepass_tasks.ingestion.tables import Batch, TableParser, WrongCounts, newlines_in_values

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

# A shorter stretch is faster to scan than to hand to pyarrow.
_BULK_BYTES: Final = 32 << 10
# Scanned where a record is not plain, before a stretch is tried in bulk again: doubled, up to a
# limit, each time that is in vain.
_SCAN_BYTES: Final = 4 << 10
_MOST_SCAN_BYTES: Final = 1 << 20
# Decoded at once when invalid UTF-8 is looked for.
_DECODED_BYTES: Final = 64 << 10


class Window:
    """The bytes in hand, and where in them it is known that pyarrow cannot be used.

    Attributes:
        data: The bytes.
        final: Whether the file ends with them.
        limit: The end of the last whole line.
        scan_until: Where a stretch ends that pyarrow cannot parse.
    """

    def __init__(self, data: bytes, ends: int, *, has_lone_returns: bool, final: bool) -> None:
        r"""Take the bytes.

        Args:
            data: The bytes, which end between the two bytes of a ``\r\n`` in no case.
            ends: The line ends in them.
            has_lone_returns: Whether there may be a ``\r`` without a ``\n`` in them.
            final: Whether the file ends with them.
        """
        self.data = data
        self.final = final
        self.limit = len(data) if final else _after_last_line_end(data)
        self.scan_until = 0
        self._scan_bytes = _SCAN_BYTES
        self._ends = ends
        self._lone_return = -1 if has_lone_returns else len(data)
        self._bad_text = len(data)

    def lines(self, start: int, end: int) -> int:
        """Count the physical lines of a stretch of whole lines, from its bytes alone."""
        if start == 0 and end > len(self.data) // 2:
            ends = self._ends - line_ends(self.data[end:])
        else:
            ends = line_ends(self.data[start:end])
        return ends + (not self.data.endswith((b"\n", b"\r"), start, end))

    def plain_end(self, start: int, max_bytes: int) -> int:
        """Find the end of a stretch that pyarrow would read as the rules say.

        Args:
            start: Where a record begins.
            max_bytes: The most bytes that the stretch may have.

        Returns:
            The end of a record, or `start` if no long enough stretch begins there.
        """
        if start < self.scan_until:
            return start
        stop = min(self._next_lone_return(start), self._next_bad_text(start), start + max_bytes)
        stop = min(stop, len(self.data))
        final = self.final and stop == len(self.data)
        end, reached = prove_quotes(self.data, start, stop, final=final)
        if end - start < min(_BULK_BYTES, (self.limit - start) // 2 + 1):
            # What has been looked at is scanned, for it would be looked at in vain again.
            self.scan_until = max(reached, start + self._scan_bytes)
            self._scan_bytes = min(2 * self._scan_bytes, _MOST_SCAN_BYTES)
            return start
        self._scan_bytes = _SCAN_BYTES
        return end

    def finds_bad_text(self, start: int, end: int) -> bool:
        """Begin to avoid invalid UTF-8, after a stretch could not be parsed.

        Args:
            start: Where the stretch begins.
            end: Where it ends.

        Returns:
            Whether there is some in it that was not avoided before.
        """
        if self._bad_text < len(self.data):
            return False
        self._bad_text = -1
        return self._next_bad_text(start) < end

    def _next_lone_return(self, start: int) -> int:
        if self._lone_return < start:
            match = LONE_RETURN.search(self.data, start)
            self._lone_return = match.start() if match else len(self.data)
        return self._lone_return

    def _next_bad_text(self, start: int) -> int:
        if self._bad_text < start:
            self._bad_text = _first_bad_text(self.data, start)
        return self._bad_text


def _after_last_line_end(data: bytes) -> int:
    newline = data.rfind(b"\n")
    return max(newline, data.rfind(b"\r", newline + 1)) + 1


def _first_bad_text(data: bytes, start: int) -> int:
    """Find the first invalid UTF-8, without decoding all that comes after it."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for at in range(start, len(data), _DECODED_BYTES):
        begun = at - len(decoder.getstate()[0])
        try:
            decoder.decode(data[at : at + _DECODED_BYTES], final=at + _DECODED_BYTES >= len(data))
        except UnicodeDecodeError as error:
            return begun + error.start
    return len(data)


def _extra_lines(
    table: pa.Table, lines: int, window: Window, start: int, end: int
) -> tuple[int, int] | None:
    """Find the line ends in values and the blank lines that a stretch has besides its rows."""
    if table.num_rows == lines:
        return 0, 0
    embedded = newlines_in_values(table)
    if table.num_rows + embedded == lines:
        return embedded, 0
    # Too many if values have blank lines in them, and then the scan decides.
    blank = window.data[start:end].splitlines().count(b"")
    return (embedded, blank) if table.num_rows + embedded + blank == lines else None


class StretchReader:
    """Reads records out of windows, each stretch in the fastest way that is exact."""

    def __init__(self, columns: Sequence[str], max_bytes: int, tally: Tally) -> None:
        """Prepare for the records of one file.

        Args:
            columns: The names of the fields, in file order.
            max_bytes: The length allowed to a record.
            tally: Where everything come upon is counted.
        """
        self._parser = TableParser(columns)
        self._scanner = Scanner(len(columns), max_bytes, tally)
        self._max_bytes = max_bytes
        self._tally = tally
        self._tables: list[pa.Table] = []
        self._rejected: list[Rejected] = []
        self._in_overlong_line = False

    def take(self, window: Window) -> Generator[Batch, None, int]:
        """Read the records of a window.

        Args:
            window: Bytes that begin with a record, after what an earlier window left over.

        Yields:
            The records in batches.

        Returns:
            Where the first record begins that needs more bytes than the window has.
        """
        at = self._after_overlong_line(window)
        while at < window.limit:
            after = self._take_stretch(window, at)
            if after == at:
                break
            at = after
            if len(self._rejected) >= MANY_REJECTED:
                yield self._flush()
        else:
            at = self._refuse_overlong_line(window, at)
        if self._tables or self._rejected:
            yield self._flush()
        return at

    def _flush(self) -> Batch:
        batch = Batch(self._parser.joined(self._tables), tuple(self._rejected))
        self._tables = []
        self._rejected = []
        return batch

    def _after_overlong_line(self, window: Window) -> int:
        """Pass over the rest of a line whose beginning has been rejected already."""
        if not self._in_overlong_line:
            return 0
        self._in_overlong_line = window.limit == 0
        return after_line_end(window.data, 0)

    def _refuse_overlong_line(self, window: Window, at: int) -> int:
        """Reject the last line in hand once it is too long, without waiting for its end."""
        if len(window.data) - at <= self._max_bytes:
            return at
        self._rejected.append(self._tally.reject(TOO_LONG, window.data[at : at + self._max_bytes]))
        self._in_overlong_line = True
        return len(window.data)

    def _take_stretch(self, window: Window, at: int) -> int:
        """Read some records; none when the first needs more bytes than are in hand."""
        end = window.plain_end(at, self._max_bytes)
        if end == at:
            return self._scan(window, at)
        if self._parse(window, at, end):
            return end
        if not window.finds_bad_text(at, end):
            window.scan_until = end
        return self._take_stretch(window, at)

    def _scan(self, window: Window, at: int) -> int:
        stop = min(window.limit, window.scan_until, at + _MOST_SCAN_BYTES)
        first = self._tally.next_record
        found, after = self._scanner.scan(window.data, at, stop, window.limit, final=window.final)
        if found.good:
            self._keep(self._parser.parse_good(found.good), first, found.rejected)
        self._rejected += found.rejected
        return after

    def _keep(self, table: pa.Table, first: int, rejected: Sequence[Rejected]) -> None:
        if table.num_rows:
            left_out = [record.record_number for record in rejected]
            self._tables.append(self._parser.numbered(table, first, left_out))

    def _parse(self, window: Window, at: int, end: int) -> bool:
        """Parse a plain stretch in bulk, if all of its lines can be accounted for."""
        lines = window.lines(at, end)
        stretch = pa.py_buffer(window.data).slice(at, end - at)
        try:
            table = self._parser.parse(stretch)
        except pa.ArrowInvalid:
            # Valid text, because pyarrow could not report the row otherwise.
            return is_utf8(window.data[at:end]) and self._parse_with_wrong_counts(stretch, lines)
        extra = _extra_lines(table, lines, window, at, end)
        if extra is None:
            return False
        self._keep(table, self._tally.next_record, ())
        self._tally.parsed += table.num_rows
        self._tally.embedded_newlines += extra[0]
        self._tally.blank_lines += extra[1]
        return True

    def _parse_with_wrong_counts(self, stretch: pa.Buffer, lines: int) -> bool:
        """Parse a stretch in which rows have wrong numbers of fields, if each row is one line."""
        wrong = WrongCounts()
        try:
            table = self._parser.parse(stretch, wrong)
        except pa.ArrowInvalid:
            return False
        if table.num_rows + len(wrong.rows) != lines:
            return False
        record, line = self._tally.next_record, self._tally.lines + 1
        rejected = [Rejected(record + n, line + n, why, raw) for n, why, raw in wrong.rows]
        self._keep(table, record, rejected)
        self._rejected += rejected
        self._tally.parsed += table.num_rows
        self._tally.rejected += len(rejected)
        self._tally.rejected_lines += len(rejected)
        return True
