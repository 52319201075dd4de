"""What a sheet means is what raw gets, and each of its rows is accounted for."""

from __future__ import annotations

import datetime as dt
import io
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import python_calamine
from loading import Content, content_of
from openpyxl.utils.datetime import MAC_EPOCH
from openpyxl.workbook import Workbook
from workbooks import edited, workbook

from benepass_tasks.catalog.layout import EXCEL, Layout
from benepass_tasks.config.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

HEADER = ["id", "amount"]
MIDNIGHT = dt.datetime.fromisoformat("2025-03-04")
MORNING = dt.datetime.fromisoformat("2025-03-04T10:11:12")


def _read(folder: Path, content: bytes, **layout: Any) -> Content:  # noqa: ANN401 - a layout's
    path = folder / "cards.xlsx"
    path.write_bytes(content)
    return content_of(path, Layout(EXCEL, **layout))


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("00123", "00123"),
        ("  x ", "  x "),
        ("two\nlines", "two\nlines"),
        ("a_x000D_b", "a\rb"),
        ("", None),
        (None, None),
        (7, "7"),
        (7.0, "7"),
        (-0.0, "0"),
        (12.1, "12.1"),
        (0.1 + 0.2, "0.3"),
        (1e-7, "0.0000001"),
        (1e21, "1000000000000000000000"),
        (4000123412341234, "4000123412341234"),
        (True, "TRUE"),
        (False, "FALSE"),
        (dt.date(2025, 3, 4), "2025-03-04"),
        ((MIDNIGHT, "dd.mm.yyyy"), "2025-03-04"),
        ((MIDNIGHT, "yyyy-mm-dd hh:mm"), "2025-03-04"),
        (MORNING, "2025-03-04T10:11:12"),
        (MORNING + dt.timedelta(milliseconds=345), "2025-03-04T10:11:12.345"),
        ((45720.5, "[$-407]d. mmmm yyyy"), "2025-03-04T12:00:00"),
        ((45720, "General"), "45720"),
        (dt.time(10, 30), "10:30:00"),
        (dt.timedelta(hours=30, minutes=5), "30:05:00"),
        ((0.125, "0.0%"), "12.5%"),
        ((1, "0%"), "100%"),
        ((123, "00000"), "00123"),
        ((1234.5, "#,##0.00"), "1234.5"),
        ((1234.5, '"$"#,##0.00'), "1234.5"),
        ((1234.5, "[$$-409]#,##0.00"), "1234.5"),
        ((1234.5, '#,##0.00 "€"'), "1234.5 €"),
        ((1234.5, "[$€-407]#,##0.00"), "1234.5 €"),
        ((1234.5, "[$CHF] #,##0.00"), "1234.5 CHF"),
        ((1234.5, "£#,##0.00;[Red]-£#,##0.00"), "1234.5 £"),
        ((1234.5, r"_-* #,##0.00\ _€_-"), "1234.5"),
        ((-5, '0 "days";[Red]-0'), "-5"),
        ("@@e:#N/A", "#N/A"),
        ("@@e:#DIV/0!", "#DIV/0!"),
        ("@@n:2.5", "2.5"),
        ("@@str:ab", "ab"),
        ("@@b:1", "TRUE"),
    ],
)
def test_a_cell_is_written_as_the_sheet_means_it(
    tmp_path: Path, cell: object, text: str | None
) -> None:
    read = _read(tmp_path, workbook([HEADER, ["A1", cell]]))
    assert read.rows == [(1, "A1", text)]


def test_numbers_have_the_decimal_sign_of_the_texts_beside_them(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        HEADER,
        ["A1", "1.234,50"],
        ["A2", 1234.5],
        ["A3", (0.125, "0.0%")],
        ["v1.2", 7],
    ]
    read = _read(tmp_path, workbook(rows), decimal=",", thousands=".")
    assert read.rows == [
        (1, "A1", "1.234,50"),
        (2, "A2", "1234,5"),
        (3, "A3", "12,5%"),
        (4, "v1.2", "7"),
    ]


def test_dates_count_from_the_year_that_the_workbook_says(tmp_path: Path) -> None:
    book = Workbook()
    book.epoch = MAC_EPOCH
    sheet = book.active
    assert sheet is not None
    sheet.append(HEADER)
    sheet.append(["A1", dt.date(2025, 3, 4)])
    buffer = io.BytesIO()
    book.save(buffer)
    assert _read(tmp_path, buffer.getvalue()).rows == [(1, "A1", "2025-03-04")]


def test_every_row_is_accounted_for(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["Cards of May"],
        [],
        ["Id", "Amount"],
        ["", "USD"],
        ["A1", 1],
        [],
        ["Total May", 1],
        ["Id", "Amount"],
        ["A2", 2, None, "a note"],
        ["A3", 3],
        [],
        ["made by finance"],
    ]
    layout: dict[str, Any] = {
        "skiprows": 1,
        "header_lines": 2,
        "skip_lines": (r"^Total\b",),
        "skipfooter": 1,
    }
    read = _read(tmp_path, workbook(rows), **layout)
    assert read.header == ("Id", "Amount")
    assert read.rows == [(1, "A1", "1"), (3, "A3", "3")]
    assert read.rejected == [(2, 9, "too many columns", b"A2,2,,a note")]
    found = read.accounting
    assert (found.lines, found.header_lines, found.blank_lines) == (12, 2, 3)
    assert (found.parsed, found.rejected, found.passed_over.total()) == (2, 1, 4)


def test_empty_rows_and_columns_before_the_table_are_not_part_of_it(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        [],
        [],
        [None, None, "id", "amount"],
        [None, None, "A1", 1],
        [None, None, "A2"],
    ]
    read = _read(tmp_path, workbook(rows))
    assert read.header == ("id", "amount")
    assert read.rows == [(1, "A1", "1"), (2, "A2", None)]
    assert read.accounting.blank_lines == 2


def test_a_column_without_a_name_that_holds_something_is_a_column(tmp_path: Path) -> None:
    read = _read(tmp_path, workbook([[None, "id", None, "amount"], [0, "A1", "x", 1]]))
    assert read.header == ("", "id", "", "amount")
    assert read.rows == [(1, "0", "A1", "x", "1")]


def test_a_value_far_down_before_the_first_column_is_rejected_and_not_dropped(
    tmp_path: Path,
) -> None:
    rows: list[list[Any]] = [
        [None, "id", "amount"],
        *([None, f"A{it}", it] for it in range(1_200)),
        ["x", "A", 1],
    ]
    read = _read(tmp_path, workbook(rows))
    assert len(read.rows) == 1_200
    assert read.rejected == [(1_201, 1_202, "too many columns", b"x,A,1")]


def test_a_footer_that_is_longer_than_the_sheet_leaves_no_record(tmp_path: Path) -> None:
    read = _read(tmp_path, workbook([HEADER, ["A1", 1], ["A2", 2]]), skipfooter=2)
    assert (read.rows, read.accounting.passed_over.total()) == ([], 2)
    assert _read(tmp_path, workbook([HEADER]), header_lines=3).accounting.header_lines == 1


def test_an_empty_sheet_has_no_header(tmp_path: Path) -> None:
    assert _read(tmp_path, workbook([])).header == ()
    assert _read(tmp_path, workbook([HEADER]), skiprows=5).header == ()


def test_a_size_that_the_sheet_states_wrongly_hides_no_row(tmp_path: Path) -> None:
    content = workbook([HEADER, ["A1", 1], ["A2", 2]])
    wrong = edited(content, "xl/worksheets/", lambda xml: xml.replace('"A1:B3"', '"A1:A1"'))
    assert len(_read(tmp_path, wrong).rows) == 2


def test_merged_cells_hold_their_value_in_the_first_of_them(tmp_path: Path) -> None:
    content = edited(
        workbook([HEADER, ["A1", 1], [None, 2]]),
        "xl/worksheets/",
        lambda xml: xml.replace(
            "</sheetData>",
            '</sheetData><mergeCells count="1"><mergeCell ref="A2:A3"/></mergeCells>',
        ),
    )
    assert _read(tmp_path, content).rows == [(1, "A1", "1"), (2, None, "2")]


SHEETS = {"Notes": [["read me"]], "Cards": [HEADER, ["A1", 1]], "Look-up": [["x"]]}


def test_of_several_sheets_the_declared_one_is_read(tmp_path: Path) -> None:
    assert _read(tmp_path, workbook(SHEETS), sheet_name="Cards").rows == [(1, "A1", "1")]
    assert _read(
        tmp_path, workbook({"": [], **SHEETS} and {"Empty": [], "Cards": [HEADER]})
    ).header == tuple(HEADER)


def test_of_several_sheets_without_a_declaration_none_is_read(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as told:
        _read(tmp_path, workbook(SHEETS, **{"Look-up": "hidden"}))
    assert "'Notes', 'Cards', 'Look-up' (hidden)" in str(told.value)
    assert "sheet_name" in str(told.value)


def test_a_sheet_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no sheet 'Card' \(did you mean 'Cards'\?\)"):
        _read(tmp_path, workbook(SHEETS), sheet_name="Card")


OF_TEXT = 'office:value-type="string"><text:p>{}</text:p>'


def _ods(rows: list[list[str]]) -> bytes:
    """An OpenDocument spreadsheet; of each cell the attributes and what it encloses."""
    uri = "urn:oasis:names:tc:opendocument:xmlns"
    root = "".join(f' xmlns:{it}="{uri}:{it}:1.0"' for it in ("office", "table", "text"))
    table = "".join(
        f"<table:table-row>{''.join(f'<table:table-cell {it}</table:table-cell>' for it in row)}"
        "</table:table-row>"
        for row in rows
    )
    content = (
        f"<office:document-content{root}><office:body><office:spreadsheet>"
        f'<table:table table:name="Cards">{table}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
    return buffer.getvalue()


def test_a_spreadsheet_of_another_kind_is_read_alike(tmp_path: Path) -> None:
    rows = [
        [OF_TEXT.format(name) for name in ("id", "on", "amount")],
        [">"],
        [
            OF_TEXT.format("007"),
            'office:value-type="date" office:date-value="2025-03-04">',
            'office:value-type="float" office:value="12.50">',
        ],
    ]
    read = _read(tmp_path, _ods(rows))
    assert read.header == ("id", "on", "amount")
    assert read.rows == [(1, "007", "2025-03-04", "12.5")]
    assert read.accounting.blank_lines == 1


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (OLE + "EncryptedPackage".encode("utf-16-le"), "is an encrypted Excel workbook; open it"),
        (OLE + bytes(64), "is an old Office document"),
        (b"id,amount\nA1,1\n", "does not have the form of one"),
        (b"", "does not have the form of one"),
        (workbook([HEADER])[:-200], "is cut off"),
        (OLE + "Workbook\0".encode("utf-16-le"), "The workbook is damaged"),
        (
            edited(workbook([HEADER]), "xl/workbook.xml", lambda xml: xml[:-40]),
            "The workbook is damaged",
        ),
    ],
)
def test_what_is_not_a_workbook_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        _read(tmp_path, content)


def test_damage_among_the_records_is_told(tmp_path: Path) -> None:
    rows: list[list[Any]] = [HEADER, *([f"A{it}", it] for it in range(2_000))]
    content = edited(workbook(rows), "xl/worksheets/", lambda xml: xml[: len(xml) * 9 // 10])
    with pytest.raises(SourceError, match="The workbook is damaged"):
        _read(tmp_path, content)


def test_what_the_library_would_no_longer_keep_is_not_a_warning(tmp_path: Path) -> None:
    content = edited(
        workbook([HEADER, ["A1", 1]]),
        "xl/worksheets/",
        lambda xml: xml.replace(
            "</worksheet>",
            '<extLst><ext uri="{CCE6A557-97BC-4b89-ADB6-D9C93CAAB3DF}"/></extLst></worksheet>',
        ),
    )
    assert len(_read(tmp_path, content).rows) == 1


def test_a_panic_of_the_library_is_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):
        pass

    def panic(*_: object) -> None:
        raise PanicException

    monkeypatch.setattr(python_calamine, "load_workbook", panic)
    with pytest.raises(SourceError, match="The workbook is damaged"):
        _read(tmp_path, OLE + "Workbook\0".encode("utf-16-le"))


def test_without_the_library_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(SourceError, match=r"openpyxl, which is not installed: run pip install 'b"):
        _read(tmp_path, workbook([HEADER]))
