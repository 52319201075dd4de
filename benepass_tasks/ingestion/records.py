"""Reads a CSV file once into Arrow tables of text, without ever losing a record.

Nearly all of a file is plain, and pyarrow parses it; the exact scan reads what is not. A stretch
goes to pyarrow only when every quote in it is proven to be in order, and what comes back is used
only when its rows add up to the stretch's physical lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benepass_tasks.ingestion.blocks import BlockReader, line_ends, lone_returns
from benepass_tasks.ingestion.scanning import Rejected, Tally, read_header
from benepass_tasks.ingestion.stretches import StretchReader, Window
from benepass_tasks.ingestion.tables import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

__all__ = ["Accounting", "Batch", "RecordReader", "Rejected"]


@dataclass(frozen=True, slots=True)
class Accounting:
    """What a whole file consists of.

    `sha256`, `bytes` and `lines` come from its bytes alone, the other counts from the parsing.

    Attributes:
        sha256: The hash of all its bytes, in hexadecimal.
        bytes: Its size.
        lines: Its physical lines, the header's included.
        blank_lines: Lines with nothing at all on them, outside records.
        embedded_newlines: Line ends inside the quoted fields of parsed records.
        header_lines: The lines of the header.
        rejected_lines: The lines of the rejected records.
        parsed: Records in the tables.
        rejected: Records that could not be parsed.
    """

    sha256: str
    bytes: int
    lines: int
    blank_lines: int
    embedded_newlines: int
    header_lines: int
    rejected_lines: int
    parsed: int
    rejected: int

    @property
    def records(self) -> int:
        """All records after the header."""
        return self.parsed + self.rejected

    @property
    def balances(self) -> bool:
        """Whether the parsing accounts for every physical line."""
        accounted = self.header_lines + self.parsed + self.embedded_newlines
        return accounted + self.rejected_lines + self.blank_lines == self.lines


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
            file: The file, open for reading bytes, at its start.
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
        """Read the records; possible once only.

        Args:
            columns: The names to give to the fields, in file order, as many as in the header.

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
        stretches = StretchReader(columns, self._max_bytes, self._tally)
        window = self._first_window()
        after = yield from stretches.take(window)
        while not window.final:
            window = self._next_window(window.data[after:])
            after = yield from stretches.take(window)
        self._accounting = self._account()

    def _first_window(self) -> Window:
        data, self._rest = self._rest, b""
        lone = lone_returns(data) > 0
        return Window(data, line_ends(data), has_lone_returns=lone, final=False)

    def _next_window(self, carried: bytes) -> Window:
        """Put the next block after the bytes that could not be used yet."""
        before = self._blocks.line_ends
        block = self._blocks.read(len(carried))
        return Window(
            carried + block,
            line_ends(carried) + self._blocks.line_ends - before,
            has_lone_returns=self._blocks.lone_returns or lone_returns(carried) > 0,
            final=not block,
        )

    def _account(self) -> Accounting:
        return Accounting(
            sha256=self._blocks.sha256,
            bytes=self._blocks.bytes,
            lines=self._blocks.lines,
            blank_lines=self._tally.blank_lines,
            embedded_newlines=self._tally.embedded_newlines,
            header_lines=self._tally.header_lines,
            rejected_lines=self._tally.rejected_lines,
            parsed=self._tally.parsed,
            rejected=self._tally.rejected,
        )
