"""Reads the records of a sheet: a row each, of which every one is accounted for.

The line numbers are those that Excel shows beside the rows. Rows below the last one that holds
anything are none.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, islice
from typing import Final

from benepass_tasks.catalog.layout import Layout
from benepass_tasks.ingestion.readers.passed_over import FOOTER, REPEATED_HEADER, SKIPPED, TITLE
from benepass_tasks.ingestion.readers.records import DAYS_FROM, Batch
from benepass_tasks.ingestion.readers.rows import Gatherer, RowReader, Texts
from benepass_tasks.ingestion.readers.scanning import TOO_MANY
from benepass_tasks.ingestion.readers.workbooks import Row

AHEAD: Final = 1_000
"""Rows that tell whether the columns before the first name are empty."""


class SheetReader(RowReader):
    """Reads the records of one sheet.

    Attributes:
        header: The first row below the title that holds anything, from the first column that does
            to the last that has a name.
    """

    def __init__(
        self,
        file: io.BufferedReader,
        rows: Iterator[Row],
        layout: Layout,
        counts_from: int = DAYS_FROM,
    ) -> None:
        """Read the header.

        Args:
            file: The workbook, which the rows are read from.
            rows: The rows of the sheet that hold anything.
            layout: What stands above the header and below the records, and what is not a record.
            counts_from: The year from which the workbook counts days.
        """
        super().__init__(file)
        self.counts_from = counts_from
        self._layout = layout
        self._no_record = [re.compile(it) for it in layout.skip_lines]
        self._line = self._lines = 0
        self._rows = _above_footer(self._counted(rows), layout.skipfooter)
        self.header, self._first = self._read_header()

    def batches(
        self,
        columns: Sequence[str],
        required: Collection[str] = (),  # noqa: ARG002 - each row has a cell for every column
    ) -> Iterator[Batch]:
        """Read the records, once only, under names for the columns of the header."""
        gatherer = Gatherer(columns, self._tally)
        for number, texts in self._rows:
            self._pass_over_blank(number)
            self._read(texts, gatherer)
            if gatherer.is_full:
                self.bytes_read = self._file.tell()
                yield gatherer.flush()
        if not gatherer.is_empty:
            yield gatherer.flush()
        self._end()

    def _counted(self, rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            self._lines, _ = row
            yield row

    def _read_header(self) -> tuple[tuple[str, ...], int]:
        """Read as far as the header.

        Returns:
            The names of the columns, and how many columns are left out before them.
        """
        above = self._layout.skiprows
        number, texts = next((row for row in self._rows if row[0] > above), (0, []))
        if not number:
            return (), 0
        self._tally.passed_over[TITLE] = above
        self._tally.blank_lines = number - above - 1
        self._tally.header_lines = self._layout.header_lines
        self._line = number + self._layout.header_lines - 1
        rows = (row for row in self._rows if row[0] > self._line)
        ahead = list(islice(rows, AHEAD))
        self._rows = chain(ahead, rows)
        first = min(map(_first_filled, [texts, *(texts for _, texts in ahead)]))
        return tuple(text or "" for text in _to_last_filled(texts)[first:]), first

    def _pass_over_blank(self, number: int) -> None:
        self._tally.blank_lines += number - self._line - 1
        self._line = number

    def _read(self, texts: Texts, gatherer: Gatherer) -> None:
        """Read a row that holds anything."""
        end = self._first + len(self.header)
        record = [*texts[self._first : end], *[None] * (end - max(len(texts), self._first))]
        if kind := self._passed_over(record):
            self._tally.passed_over[kind] += 1
        elif any(texts[: self._first]) or any(texts[end:]):
            gatherer.reject(TOO_MANY, _as_csv(texts))
        else:
            gatherer.take(record)

    def _passed_over(self, record: Texts) -> str | None:
        """What a row is that is not a record; patterns see its cells joined by commas."""
        cells = [text or "" for text in record]
        if cells == [*self.header]:
            return REPEATED_HEADER
        line = ",".join(cells) if self._no_record else ""
        return SKIPPED if any(it.search(line) for it in self._no_record) else None

    def _end(self) -> None:
        # The header may be declared to have more lines than there are.
        self._tally.header_lines -= max(self._line - self._lines, 0)
        self._line = min(self._line, self._lines)
        footer = max(self._lines - self._layout.skipfooter, self._line)
        self._pass_over_blank(footer + 1)
        self._tally.passed_over[FOOTER] += self._lines - footer
        self._account_as_read(self._lines)


def _above_footer(rows: Iterator[Row], footer: int) -> Iterator[Row]:
    """Leave out the last lines of a sheet, those that hold nothing counted in."""
    held: deque[Row] = deque()
    for row in rows:
        held.append(row)
        while held[0][0] <= row[0] - footer:
            yield held.popleft()
            if not held:
                break


def _first_filled(texts: Texts) -> int:
    return next((place for place, text in enumerate(texts) if text is not None), len(texts))


def _to_last_filled(texts: Texts) -> Texts:
    length = len(texts)
    while length and texts[length - 1] is None:
        length -= 1
    return texts[:length]


def _as_csv(texts: Texts) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(_to_last_filled(texts))
    return line.getvalue().encode()
