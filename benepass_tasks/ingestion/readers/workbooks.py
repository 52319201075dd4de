"""Opens a sheet of a workbook as rows of text.

openpyxl reads the workbooks of today (.xlsx, .xlsm) row by row, in little memory, and knows the
format of each cell. calamine reads the other kinds (.xls, .xlsb, .ods) as a whole; it knows no
formats, and takes a cell with an error for an empty one.
"""

import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from benepass_tasks.catalog.wording import listed, meant, nearest
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.readers import signatures
from benepass_tasks.ingestion.readers.number_formats import number_text
from benepass_tasks.ingestion.readers.records import DAYS_FROM
from benepass_tasks.ingestion.readers.signatures import Format, format_of
from benepass_tasks.ingestion.readers.values import text_of

if TYPE_CHECKING:
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet
    from python_calamine import CalamineWorkbook

Row = tuple[int, list[str | None]]
"""A row that is not empty: its number, from 1 on, and the texts of its cells from column A on."""
Cell = tuple[Any, str | None]
"""The value of a cell, and of a number its format."""

_HIDDEN: Final = frozenset({"hidden", "veryHidden"})
_ESCAPE = re.compile(r"_x(00[01][0-9A-Fa-f])_")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet; `cells` reads its rows from the start to the end, and may be called again.

    `counts_from` is the year from which its workbook counts days: 1900, or 1904 where it was made
    by Excel for Macintosh. A number that is not a date to Excel means another day in each.
    """

    name: str
    is_hidden: bool
    cells: Callable[[], Iterator[list[Cell]]]
    counts_from: int = DAYS_FROM

    @property
    def label(self) -> str:
        """Its name, and whether it is hidden."""
        return f"{self.name!r} (hidden)" if self.is_hidden else repr(self.name)


@contextmanager
def open_sheet(
    file: io.BufferedReader, name: str | None, decimal: str = "."
) -> Iterator[tuple[Iterator[Row], int]]:
    """Open the sheet of a name, or else the only one that is not empty.

    Yields its rows, and the year from which it counts days. Numbers are written with the sign
    before their decimals that the texts of the sheet have.

    Raises:
        SourceError: the file is not a workbook, is damaged or encrypted, or has no such sheet or
            several; or the library that reads it is not installed.
    """
    with _open(file) as sheets:
        chosen = _chosen(sheets, name)
        yield _rows(chosen, decimal), chosen.counts_from


def filled_sheets(path: Path) -> list[str]:
    """The names of the sheets of a workbook that hold anything.

    Raises:
        SourceError: the file is not a workbook, is damaged or encrypted, or no library that reads
            it is installed.
    """
    with path.open("rb") as file, _open(file) as sheets:
        return [sheet.name for sheet in sheets if next(_rows(sheet), None)]


def _open(file: io.BufferedReader) -> AbstractContextManager[list[Sheet]]:
    known = format_of(Path(file.name), file.read(signatures.LONGEST))
    file.seek(0)
    if known not in signatures.WORKBOOKS:
        raise SourceError(_no_workbook(known))
    return _open_new(file) if known is signatures.WORKBOOK else _open_other(file)


def _no_workbook(known: Format | None) -> str:
    what = f"it {known.says}" if known else "it does not have the form of one"
    advice = f"; {known.advice}" if known and known.advice else ""
    return f"The file is declared as a workbook, and {what}{advice}."


def _chosen(sheets: Sequence[Sheet], name: str | None) -> Sheet:
    if name is not None:
        chosen = next((sheet for sheet in sheets if sheet.name == name), None)
        if chosen is None:
            near = meant(nearest(name, [sheet.name for sheet in sheets]))
            raise SourceError(
                f"The workbook has no sheet {name!r}{near}; it has {_labels(sheets)}. "
                "Correct sheet_name under load_args in catalog.yaml."
            )
        return chosen
    if len(sheets) == 1:
        return sheets[0]
    filled = [sheet for sheet in sheets if next(_rows(sheet), None)]
    if len(filled) == 1:
        return filled[0]
    raise SourceError(
        f"The workbook has several sheets: {_labels(filled or sheets)}. "
        "Say which one is to be read as sheet_name under load_args in catalog.yaml."
    )


def _labels(sheets: Sequence[Sheet]) -> str:
    return listed([sheet.label for sheet in sheets], 20) if sheets else "none"


@contextmanager
def _damage_told() -> Iterator[None]:
    """Of a damaged workbook the libraries raise errors of any type; only they are called here."""
    try:
        yield
    except BaseException as error:
        # A panic in Rust's code is raised as what is no `Exception`.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise SourceError(
            "The workbook is damaged. Open it with Excel, save it anew, and try again."
        ) from error


@contextmanager
def _open_new(file: io.BufferedReader) -> Iterator[list[Sheet]]:
    openpyxl = _library("openpyxl")
    # It warns of what it does not keep when it writes a workbook again, which nobody does here.
    warnings.filterwarnings("ignore", module="openpyxl")
    with _damage_told():
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=True)
    with closing(workbook):
        yield [
            Sheet(
                it.title,
                it.sheet_state in _HIDDEN,
                partial(_cells_of_new, it),
                max(workbook.epoch.year, DAYS_FROM),
            )
            for it in workbook.worksheets
        ]


def _cells_of_new(sheet: "ReadOnlyWorksheet") -> Iterator[list[Cell]]:
    # Many programs write the size of a sheet wrong, and rows beyond it would be left out.
    sheet.reset_dimensions()
    with _damage_told():
        for row in sheet.iter_rows():
            yield [_content(cell) for cell in row]


def _content(cell: Any) -> Cell:  # noqa: ANN401 - the library's own type is of two
    value = cell.value
    if isinstance(value, str):
        return _unescaped(value), None
    return value, cell.number_format if type(value) in (int, float) else None


def _unescaped(text: str) -> str:
    """Control characters, which XML cannot hold, are written by their numbers: `_x000D_`."""
    return _ESCAPE.sub(lambda it: chr(int(it[1], 16)), text) if "_x0" in text else text


@contextmanager
def _open_other(file: io.BufferedReader) -> Iterator[list[Sheet]]:
    calamine = _library("python_calamine")
    with _damage_told():
        workbook = calamine.load_workbook(file)
    with closing(workbook):
        yield [
            Sheet(
                it.name,
                it.visible != calamine.SheetVisibleEnum.Visible,
                partial(_cells_of_other, workbook, it.name),
            )
            for it in workbook.sheets_metadata
            if it.typ == calamine.SheetTypeEnum.WorkSheet
        ]


def _cells_of_other(workbook: "CalamineWorkbook", name: str) -> Iterator[list[Cell]]:
    with _damage_told():
        rows = workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
    for cells in rows:
        yield [(it, "General" if type(it) in (int, float) else None) for it in cells]


def _rows(sheet: Sheet, decimal: str = ".") -> Iterator[Row]:
    """The rows of a sheet that hold anything, as text."""
    for number, cells in enumerate(sheet.cells(), 1):
        texts = [
            text_of(value) if form is None else number_text(value, form, decimal)
            for value, form in cells
        ]
        if any(text is not None for text in texts):
            yield number, texts


def _library(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise SourceError(
            f"A workbook is read by {name.replace('_', '-')}, which is not installed: run "
            "pip install 'benepass-tasks[excel]', and try again."
        ) from None
