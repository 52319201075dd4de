"""A workbook, written anew with other values in some of the rows of one sheet.

openpyxl keeps values, formats, widths, tables and rules, and leaves out drawings, macros and what
Excel computed: a workbook that has any of these is not written.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benepass_tasks.catalog.layout import Layout
from benepass_tasks.ingestion.readers.rows import Gatherer, Texts
from benepass_tasks.ingestion.readers.sheets import SheetReader
from benepass_tasks.ingestion.readers.workbooks import Row, filled_sheets, open_sheet

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

KEPT = re.compile(
    r"\[Content_Types\]\.xml|_rels/\.rels|docProps/(app|core|custom)\.xml|xl/_rels/workbook\.xml\.rels"
    r"|xl/(workbook|styles|sharedStrings|calcChain)\.xml|xl/theme/theme\d+\.xml"
    r"|xl/worksheets/(_rels/)?sheet\d+\.xml(\.rels)?|xl/tables/table\d+\.xml"
)
"""The members of a workbook of which nothing is lost."""

SHEET = re.compile(r"xl/worksheets/sheet\d+\.xml")
FORMULA = re.compile(rb"<f[ >/]")


@dataclass(frozen=True)
class SheetRows:
    """Where the records of a sheet are.

    Attributes:
        sheet: Its name.
        first: How many columns are left out before those of the header.
        width: How many columns the header has.
        rows: The row of each record, by its number.
    """

    sheet: str
    first: int
    width: int
    rows: Mapping[int, int] = field(repr=False)

    @classmethod
    def of(cls, path: Path, layout: Layout, columns: Sequence[str]) -> "SheetRows":
        """Read a sheet as its source declares it."""
        sheet = layout.sheet_name or filled_sheets(path)[0]
        with path.open("rb") as file, open_sheet(file, sheet, layout.decimal) as (rows, year):
            reader = _Locating(file, rows, layout, year)
            for _ in reader.batches(columns):
                pass
        return cls(sheet, reader.left_out, len(columns), reader.row_of)


class _Locating(SheetReader):
    """Remembers the row of each record."""

    def __init__(
        self, file: io.BufferedReader, rows: Iterator[Row], layout: Layout, counts_from: int
    ) -> None:
        super().__init__(file, rows, layout, counts_from)
        self.row_of: dict[int, int] = {}

    @property
    def left_out(self) -> int:
        """How many columns are left out before those of the header."""
        return self._first

    def _read(self, texts: Texts, gatherer: Gatherer) -> None:
        before = self._tally.records
        super()._read(texts, gatherer)
        if self._tally.records > before:
            self.row_of[self._tally.records] = self._line


def lost_of(path: Path) -> str | None:
    """What would be lost if a workbook was written anew, in words; None where nothing would."""
    if not zipfile.is_zipfile(path):
        return "it is a workbook of an old kind"
    with zipfile.ZipFile(path) as members:
        names = members.namelist()
        if "xl/workbook.xml" not in names:
            return "it is a workbook of another kind than .xlsx"
        others = sorted(it for it in names if not KEPT.fullmatch(it) and not it.endswith("/"))
        if others:
            return f"its {others[0]} would be lost"
        if any(FORMULA.search(members.read(it)) for it in names if SHEET.fullmatch(it)):
            return "it has formulas, whose values Excel alone computes"
    return None


def write_rows(
    path: Path,
    aside: Path,
    places: SheetRows,
    changes: Mapping[int, Mapping[int, str | None]],
    going: Mapping[int, str],
) -> None:
    """Write a workbook anew.

    Args:
        path: The workbook.
        aside: The file that is written.
        places: Where its records are.
        changes: By the number of a record the values of its columns, by their places, from 0 on.
        going: By the number of a record that cannot be used what stands in its place.
    """
    import openpyxl  # noqa: PLC0415 - an extra

    with path.open("rb") as file:
        book = openpyxl.load_workbook(file)
    sheet = book[places.sheet]
    for number, values in changes.items():
        for at, text in values.items():
            _put(sheet, places.rows[number], places.first + at + 1, text)
    for number, word in going.items():
        row = places.rows[number]
        for column in _outside(sheet, row, places):
            _put(sheet, row, column, word)
        for column in range(places.first + 1, places.first + places.width + 1):
            _put(sheet, row, column, None)
    book.save(aside)


def _put(sheet: "Worksheet", row: int, column: int, text: str | None) -> None:
    """Put a text into a cell, or the day that it is where a day was."""
    cell = sheet.cell(row, column)
    day = _day(text) if isinstance(cell.value, date | datetime) else None
    # An address is often a link as well.
    cell.hyperlink, cell.comment = None, None
    cell.value = day or text
    if isinstance(cell.value, str):
        cell.data_type = "s"


def _outside(sheet: "Worksheet", row: int, places: SheetRows) -> Iterator[int]:
    """The cells of a row that hold something and are not in a column of the header."""
    for cell in sheet[row]:
        if cell.value is not None and not 0 < cell.column - places.first <= places.width:
            yield cell.column


def _day(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text or "")
    except ValueError:
        return None
