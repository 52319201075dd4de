"""Workbooks for tests, written as Excel writes them, with what Excel alone computes."""

import io
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from openpyxl import Workbook

Sheets = Mapping[str, Iterable[Sequence[Any]]]


def workbook(sheets: Sheets | Iterable[Sequence[Any]], **changes: str) -> bytes:
    """Write rows of values into sheets.

    A value may be a pair of a value and its number format. Texts that begin with `@@` are cells
    that Excel computed: `@@e:#N/A` is an error, `@@str:ab` the text and `@@n:2` the number of a
    formula.

    Args:
        sheets: The rows by the name of their sheet, or those of the only one.
        changes: Attributes of the workbook's sheets by their names: `state` and the like.
    """
    book = Workbook()
    del book[book.sheetnames[0]]
    for name, rows in (sheets if isinstance(sheets, Mapping) else {"Data": sheets}).items():
        sheet = book.create_sheet(name)
        sheet.sheet_state = changes.get(name, "visible")
        for number, row in enumerate(rows, 1):
            for place, content in enumerate(row, 1):
                value, shown = content if isinstance(content, tuple) else (content, None)
                cell = sheet.cell(number, place, value)
                cell.number_format = shown or cell.number_format
    buffer = io.BytesIO()
    book.save(buffer)
    return _computed(buffer.getvalue())


_COMPUTED = re.compile(r'<c r="(\w+)"([^>]*?) t="inlineStr"><is><t>@@(\w+):([^<]*)</t></is></c>')


def _computed(content: bytes) -> bytes:
    """Put what Excel computed into the place of the texts that stand for it."""
    return edited(
        content,
        "xl/worksheets/",
        lambda xml: _COMPUTED.sub(r'<c r="\1"\2 t="\3"><f>A1</f><v>\4</v></c>', xml),
    )


def edited(content: bytes, member: str, change: Any) -> bytes:  # noqa: ANN401 - of text to text
    """Change the XML of the members of a workbook whose names begin so."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            if info.filename.startswith(member):
                data = change(data.decode()).encode()
            new.writestr(info, data)
    return buffer.getvalue()
