"""A file that fits its declaration in nothing is told what it is, and what helps."""

from __future__ import annotations

import gzip
import io
import json
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from examples import at_night
from workbooks import workbook
from workspace import TRANSACTIONS

from benepass_tasks.catalog import Source
from benepass_tasks.catalog.layout import CSV, EXCEL, Layout
from benepass_tasks.ingestion.recognition.misfits import what_it_is
from benepass_tasks.state.source_files import SourceFile

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace

ROWS = [line.split(",") for line in TRANSACTIONS.splitlines()]
ACCEPTED = "select transaction_id, amount::varchar from marts.fact_transactions order by all"
EXPECTED = [("T1", "60.00"), ("T2", "50.00"), ("T5", "20.00")]


def _parquet() -> bytes:
    header, *records = ROWS
    columns = dict(zip(header, zip(*records, strict=True), strict=True))
    table = pa.table({**columns, "amount": [float(it) for it in columns["amount"]]})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def _json_lines() -> bytes:
    header, *records = ROWS
    return "".join(json.dumps(dict(zip(header, it, strict=True))) + "\n" for it in records).encode()


def _workbook() -> bytes:
    amount = ROWS[0].index("amount")
    rows: list[list[str | float]] = [[*row] for row in ROWS]
    for row in rows[1:]:
        row[amount] = float(row[amount])
    return workbook(rows)


def _declare(workspace: Workspace, type_: str, load_args: str) -> None:
    workspace.replace(
        "catalog.yaml",
        "transactions:\n  <<: *csv\n",
        f"transactions:\n  type: {type_}\n  load_args: {load_args}\n",
    )


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("type_", "load_args", "content"),
    [
        ("pandas.ExcelDataset", "{dtype: str}", _workbook()),
        *at_night(
            ("pandas.ParquetDataset", "{engine: pyarrow}", _parquet()),
            ("pandas.JSONDataset", "{lines: true, dtype: str}", _json_lines()),
        ),
    ],
)
def test_what_is_declared_arrives_in_the_marts(
    workspace: Workspace, type_: str, load_args: str, content: bytes
) -> None:
    _declare(workspace, type_, load_args)
    workspace.write("data/transactions.csv", content)
    workspace.run()
    assert workspace.query(ACCEPTED) == EXPECTED


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (_workbook(), "is an Excel workbook"),
        (_parquet(), "is a Parquet file"),
        (_json_lines(), "is JSON lines"),
        (gzip.compress(TRANSACTIONS.encode(), mtime=0), "is a gzip file"),
        (TRANSACTIONS.encode("utf-16"), "looks like UTF-16"),
        (TRANSACTIONS.replace(",", ";"), "is semicolon-separated"),
        ("Cards of May\n\n" + TRANSACTIONS, "has two lines above the header"),
        ("<html><body>Sign in</body></html>", "is a web page (download the file itself"),
        ("".join(f'"{it}"\n' for it in TRANSACTIONS.splitlines()), "has a whole record in quotes"),
        ("".join(f"{it}\n" for it, *_ in ROWS), "has one column only"),
    ],
)
def test_a_load_of_what_is_not_declared_says_what_it_is(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, content: bytes | str, told: str
) -> None:
    workspace.write("data/transactions.csv", content)
    _, succeeded = workspace.attempt("raw.transactions")
    assert not succeeded
    assert f"transactions: transactions.csv {told}" in caplog.text
    path = workspace.data / "transactions.csv"
    assert f"How to declare it: benepass source inspect {path}" in caplog.text
    assert "Iron Heron" not in caplog.text


@pytest.mark.nightly
def test_quotes_that_quote_nothing_are_told_though_the_file_loads(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    content = "".join(", ".join(f'"{it}"' for it in row) + "\n" for row in ROWS)
    workspace.write("data/transactions.csv", content)
    workspace.run("raw.transactions")
    told = "quotes within names. The file has spaces before quoted fields; how to declare it: "
    assert told in caplog.text
    _declare(workspace, "pandas.CSVDataset", "{skipinitialspace: true}")
    workspace.run()
    assert workspace.query(ACCEPTED) == EXPECTED


def test_a_load_with_other_names_says_what_helps(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    workspace.write("data/transactions.csv", TRANSACTIONS.replace("amount", "paid", 1))
    _, succeeded = workspace.attempt("raw.transactions")
    assert not succeeded
    assert "How to declare the file as it is: benepass source inspect" in caplog.text


def test_records_of_another_codec_are_told_where_they_are_rejected(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    content = TRANSACTIONS.replace("Plum Crate,12", "Crêperie Zoé,12")
    workspace.write("data/transactions.csv", content.encode("cp1252"))
    workspace.run("raw.transactions")
    assert "The file looks like Windows-1252" in caplog.text


@pytest.mark.nightly
def test_files_of_text_load_without_what_reads_workbooks(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for library in ("openpyxl", "python_calamine"):
        monkeypatch.setitem(sys.modules, library, None)
    workspace.run()
    assert workspace.query(ACCEPTED) == EXPECTED
    _declare(workspace, "pandas.ExcelDataset", "{dtype: str}")
    workspace.write("data/transactions.csv", _workbook())
    _, succeeded = workspace.attempt("raw.transactions")
    assert not succeeded
    assert "pip install 'benepass-tasks[excel]'" in caplog.text


@pytest.mark.parametrize(
    ("content", "layout", "told"),
    [
        (b"a,b\n1,2\n", Layout(), ""),
        (b"a,b\n1,2\n", Layout(sep=";"), "is comma-separated"),
        (b"a;b\n1;2\n", Layout(sep=";"), ""),
        (b"a,b\n1,2\n", Layout(encoding="utf-16"), "is UTF-8"),
        (b"a,b\n1,2\n", Layout(encoding="cp1252"), ""),
        ("a,b\n1,é\n".encode("cp1252"), Layout(encoding="latin-1"), ""),
        ("a,b\n1,2\n".encode("utf-16"), Layout(encoding="UTF-16"), ""),
        ("a,b\n1,2\n".encode("utf-16-le"), Layout(encoding="utf_16_le"), ""),
        (b"a,b\n1,2\n", Layout(compression="gzip"), "is not compressed"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), Layout(compression="gzip"), ""),
        (b"a,b\n1,2\n", Layout(skiprows=1), "has its header on the first line"),
        (b"a,b\n1,2\n", Layout(EXCEL), "is comma-separated text"),
        (b"a;b\n1;2\n", Layout(EXCEL), "is semicolon-separated"),
        (workbook([["a"]]), Layout(EXCEL), ""),
        (b"", Layout(CSV), "is empty (put the file there anew)"),
    ],
)
def test_only_what_the_declaration_does_not_say_is_told(
    tmp_path: Path, content: bytes, layout: Layout, told: str
) -> None:
    path = tmp_path / "cards.csv"
    path.write_bytes(content)
    cards = Source(
        "cards", "data/cards.csv", "Cards.", "people", MappingProxyType({}), layout=layout
    )
    assert what_it_is(cards, SourceFile("cards", "cards.csv", path)) == told
