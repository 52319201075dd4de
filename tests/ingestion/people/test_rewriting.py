"""A source file is written anew: some records say something else, and all others every byte."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from projects import definitions
from pyarrow import parquet

from benepass_tasks.catalog.layout import EXCEL, JSON_LINES, PARQUET, Layout
from benepass_tasks.ingestion.people.rewriting import UnwritableError, write_aside
from benepass_tasks.state.source_files import SourceFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COLUMNS = ("employee_id", "first_name", "last_name", "email", "hire_date", "status")
NEW = {
    "employee_id": "erased-1",
    "first_name": "erased-2",
    "last_name": "erased-3",
    "email": None,
    "hire_date": "2020-01-01",
    "status": "active",
}
OTHERS = [
    ["E2", "Bo", "Baker", "bo@example.org", "2021-06-15", "active"],
    ["E3", "Zoë", 'The "Cook"', "cy@example.net", "2024-02-29", "on_leave"],
]
PERSON = ["E1", "Ann", "O'Archer", "ann@example.com", "2020-05-04", "active"]
HEADER = ",".join(COLUMNS)


def rewritten(
    tmp_path: Path,
    name: str,
    content: bytes,
    numbers: tuple[int, ...] = (2,),
    rejected: tuple[int, ...] = (),
    **layout: Any,  # noqa: ANN401 - the words of a layout
) -> bytes:
    """The bytes of a file of employees that is written anew."""
    source = definitions().catalog.sources["employees"]
    source = replace(source, layout=replace(Layout(), **layout))
    path = tmp_path / name
    path.write_bytes(content)
    file = SourceFile("employees", name, path)
    aside = write_aside(
        source, file, dict.fromkeys(numbers, NEW), lambda it: it.record_number in rejected
    )
    assert path.read_bytes() == content
    return aside.read_bytes()


BEFORE = f'''{HEADER}
E2,Bo,Baker,bo@example.org,2021-06-15,active
E1,"Ann","O'Archer, née
Beck",ann@example.com,2020-05-04,active
E3,Zoë,"The ""Cook""",  cy@example.net ,2024-02-29,"on_leave"
'''
AFTER = f'''{HEADER}
E2,Bo,Baker,bo@example.org,2021-06-15,active
erased-1,"erased-2","erased-3",,2020-01-01,active
E3,Zoë,"The ""Cook""",  cy@example.net ,2024-02-29,"on_leave"
'''


@pytest.mark.parametrize(
    ("before", "after", "layout"),
    [
        (BEFORE, AFTER, {}),
        pytest.param(
            *(it.replace("\n", "\r\n") for it in (BEFORE, AFTER)), {}, marks=pytest.mark.nightly
        ),
        (BEFORE.replace(",", ";"), AFTER.replace(",", ";"), {"sep": ";"}),
        pytest.param(BEFORE.rstrip(), AFTER.rstrip(), {}, marks=pytest.mark.nightly),
        (
            f'Export, of "all\n\n{BEFORE}# E1,Ann\n',
            f'Export, of "all\n\n{AFTER}# E1,Ann\n',
            {"skiprows": 2, "comment": "#"},
        ),
    ],
    ids=["plain", "crlf", "semicolons", "no end", "titles and comments"],
)
def test_text_is_the_same_but_for_the_record(
    tmp_path: Path, before: str, after: str, layout: dict[str, Any]
) -> None:
    for encoding in ("utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"):
        written = rewritten(
            tmp_path, "employees.csv", before.encode(encoding), encoding=encoding, **layout
        )
        assert written == after.encode(encoding)


def test_a_compressed_file_is_compressed_again(tmp_path: Path) -> None:
    packed = gzip.compress(BEFORE.encode())
    assert gzip.decompress(rewritten(tmp_path, "employees.csv.gz", packed)) == AFTER.encode()
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(BEFORE.encode())
    packed = rewritten(tmp_path, "employees.csv.zst", sink.getvalue().to_pybytes())
    assert pa.CompressedInputStream(pa.BufferReader(packed), "zstd").read() == AFTER.encode()


def test_of_an_archive_only_the_file_is_another(tmp_path: Path) -> None:
    path = tmp_path / "made.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__MACOSX/._employees.csv", "something")
        archive.writestr("employees.csv", BEFORE)
    (tmp_path / "new.zip").write_bytes(rewritten(tmp_path, "employees.zip", path.read_bytes()))
    with zipfile.ZipFile(tmp_path / "new.zip") as archive:
        assert archive.namelist() == ["__MACOSX/._employees.csv", "employees.csv"]
        assert archive.read("employees.csv") == AFTER.encode()


def test_a_record_that_cannot_be_parsed_becomes_one_that_says_nothing(tmp_path: Path) -> None:
    before = BEFORE + "E1,Ann\nE2,Bo\n"
    after = AFTER + "erased\nE2,Bo\n"
    assert rewritten(tmp_path, "a.csv", before.encode(), rejected=(4,)) == after.encode()


def test_of_json_lines_only_the_line_is_another(tmp_path: Path) -> None:
    rows = [OTHERS[0], PERSON, OTHERS[1]]
    lines = [json.dumps(dict(zip(COLUMNS, it, strict=True)), ensure_ascii=False) for it in rows]
    written = rewritten(
        tmp_path, "employees.jsonl", "\n".join(lines).encode() + b"\n", type=JSON_LINES
    ).decode()
    new = written.splitlines()
    assert (new[0], new[2]) == (lines[0], lines[2])
    assert json.loads(new[1]) == NEW


def test_of_parquet_only_the_row_is_another(tmp_path: Path) -> None:
    columns = zip(*(OTHERS[0], PERSON, OTHERS[1]), strict=True)
    table = pa.table(dict(zip(COLUMNS, map(list, columns), strict=True)))
    table = table.append_column("shoe_size", pa.array([40, 41, 42]))
    parquet.write_table(table, tmp_path / "made.parquet", compression="zstd")
    content = (tmp_path / "made.parquet").read_bytes()
    values = NEW | {"shoe_size": "41"}
    source = definitions().catalog.sources["employees"]
    source = replace(source, layout=replace(Layout(), type=PARQUET))
    path = tmp_path / "employees.parquet"
    path.write_bytes(content)
    aside = write_aside(
        source, SourceFile("employees", path.name, path), {2: values}, lambda _: False
    )
    new = parquet.read_table(aside)
    assert new.schema == table.schema
    assert new.take([0, 2]) == table.take([0, 2])
    assert new.take([1]).to_pylist() == [NEW | {"shoe_size": 41}]
    with parquet.ParquetFile(aside) as file:
        assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_of_a_workbook_only_the_row_is_another(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    from workbooks import workbook  # noqa: PLC0415 - as above

    hired = (datetime(2020, 5, 4), "DD.MM.YYYY")  # noqa: DTZ001 - a cell has no zone
    person = [*PERSON[:4], hired, PERSON[5]]
    rejected = ["E1", "x", "x", "x", "x", "x", "x", "y"]
    people: list[list[Any]] = [[*COLUMNS], person, [*OTHERS[0]], rejected]
    content = workbook({"Notes": [["Cells", 1.5]], "People": [["", *it] for it in people]})
    written = rewritten(
        tmp_path, "a.xlsx", content, (1,), rejected=(3,), type=EXCEL, sheet_name="People"
    )
    book = openpyxl.load_workbook(io.BytesIO(written))
    assert book.sheetnames == ["Notes", "People"]
    assert [cell.value for cell in book["Notes"][1]] == ["Cells", 1.5]
    rows = [[cell.value for cell in row][1:] for row in book["People"].iter_rows()]
    day = datetime(2020, 1, 1)  # noqa: DTZ001 - as above
    assert rows[1][:6] == ["erased-1", "erased-2", "erased-3", None, day, "active"]
    assert book["People"]["F2"].number_format == "DD.MM.YYYY"
    assert rows[2][:6] == OTHERS[0]
    assert [it for it in rows[3] if it is not None] == ["erased", "erased"]
    with zipfile.ZipFile(io.BytesIO(written)) as members:
        assert not any(b"Archer" in members.read(it) for it in members.namelist())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda it: it.replace("<v>", "<f>1+1</f><v>", 1), "formulas, whose values Excel alone"),
        (None, "its xl/drawings/drawing1.xml would be lost"),
    ],
)
def test_a_workbook_that_would_lose_something_is_left_as_it_is(
    tmp_path: Path, change: Callable[[str], str] | None, message: str
) -> None:
    pytest.importorskip("openpyxl")
    from workbooks import edited, workbook  # noqa: PLC0415 - as above

    content = workbook([[*COLUMNS, "age"], [*PERSON, 41], [*OTHERS[0], 42]])
    if change is None:
        changed = io.BytesIO(content)
        with zipfile.ZipFile(changed, "a") as members:
            members.writestr("xl/drawings/drawing1.xml", "<xml/>")
        content = changed.getvalue()
    else:
        content = edited(content, "xl/worksheets/", change)
    with pytest.raises(UnwritableError, match=message):
        rewritten(tmp_path, "employees.xlsx", content, (1,), type=EXCEL)
    assert not list(tmp_path.glob(".*"))


def test_a_record_that_is_not_found_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    before = f"""{HEADER}\n"§1","A""nn","B""C",x"y,2020-01-01,active\n"""
    with pytest.raises(UnwritableError, match="record 1 is not found in it"):
        rewritten(tmp_path, "a.csv", before.encode(), (1,))
    assert not list(tmp_path.glob(".*"))
