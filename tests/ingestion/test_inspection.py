"""A file is loaded only where all of it was read, and was the same from the start to the end."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from events import Writer, packed
from openpyxl.utils.datetime import MAC_EPOCH
from openpyxl.workbook import Workbook

from benepass_tasks.catalog import Source
from benepass_tasks.catalog.datasets import Column, DeclaredColumn, Pii
from benepass_tasks.catalog.events import COLUMNS
from benepass_tasks.catalog.forms import ColumnForm, WrittenAs
from benepass_tasks.catalog.layout import EXCEL, JSON_LINES, Layout
from benepass_tasks.config.errors import BooksError, SourceError
from benepass_tasks.ingestion.inspection import open_file, require_whole
from benepass_tasks.ingestion.readers.records import Accounting, RecordReader
from benepass_tasks.ingestion.schema_evolution.history import Known
from benepass_tasks.state.source_files import SourceFile

if TYPE_CHECKING:
    from pathlib import Path

PEOPLE = Source("people", "data/people.csv", "People.", "people", MappingProxyType({}))


@pytest.fixture
def file(tmp_path: Path) -> SourceFile:
    """A file with a header and two records."""
    path = tmp_path / "people.csv"
    path.write_text("id,name\n1,Ann\n2,Bo\n", encoding="utf-8")
    return SourceFile("people", "people.csv", path)


def accounting_of(file: SourceFile) -> Accounting:
    with file.path.open("rb") as opened:
        reader = RecordReader(opened)
        for _ in reader.batches(reader.header):
            pass
    return reader.accounting


def test_a_file_that_stays_as_it_is_passes(file: SourceFile) -> None:
    require_whole(PEOPLE, file, file.state, accounting_of(file))


def test_a_file_that_grows_while_it_is_read_is_refused(file: SourceFile) -> None:
    before, accounting = file.state, accounting_of(file)
    with file.path.open("a", encoding="utf-8") as opened:
        opened.write("3,Cy\n")
    with pytest.raises(SourceError, match=r"people\.csv changed while it was being read"):
        require_whole(PEOPLE, file, before, accounting)


@pytest.mark.parametrize("lost", [1, -1])
def test_a_file_whose_lines_are_not_all_accounted_for_is_refused(
    file: SourceFile, lost: int
) -> None:
    accounting = accounting_of(file)
    accounting = replace(accounting, lines=accounting.lines + lost)
    with pytest.raises(BooksError, match="its 2 records account for another number of them"):
        require_whole(PEOPLE, file, file.state, accounting)


def test_a_workbook_that_counts_days_from_another_year_is_refused_where_days_are_numbers(
    tmp_path: Path,
) -> None:
    book = Workbook()
    book.epoch = MAC_EPOCH
    for row in (["id", "day"], [1, 44200]):
        book.active.append(row)
    book.save(tmp_path / "people.xlsx")
    file = SourceFile("people", "people.xlsx", tmp_path / "people.xlsx")
    forms = {
        "numbers": (WrittenAs(excel_serial=1900),),
        "others": (WrittenAs(excel_serial=1904),),
        "texts": (),
    }
    sources = {
        name: replace(PEOPLE, layout=Layout(EXCEL), columns=MappingProxyType({"day": day}))
        for name, form in forms.items()
        for day in [
            Column("day", "Day.", "VARCHAR", "people", Pii("none"), form=ColumnForm("date", form))
        ]
    }
    for name in ("texts", "others"):
        with open_file(sources[name], file, Known()) as inspection:
            assert inspection.header.columns == ("id", "day")
    with (
        pytest.raises(SourceError, match="counts days from 1904, and excel_serial of day does not"),
        open_file(sources["numbers"], file, Known()),
    ):
        pass


@pytest.mark.parametrize(
    ("amount", "what"), [(12.5, "floating-point numbers"), (packed(1250), "bytes without")]
)
def test_amounts_of_events_that_are_not_as_the_database_had_them_are_refused(
    tmp_path: Path, amount: object, what: str
) -> None:
    path = tmp_path / "people.jsonl"
    path.write_text(Writer(has_schema=False).event("c", {"pay": amount}, 1), encoding="utf-8")
    file = SourceFile("people", "people.jsonl", path)
    pay = Column("pay", "Pay.", "VARCHAR", "people", Pii("none"), form=ColumnForm("amount"))
    about = {name: replace(pay, **vars_of(it)) for name, it in COLUMNS.items()}
    columns = MappingProxyType({"pay": pay, **about})
    source = replace(PEOPLE, layout=Layout(JSON_LINES, format="debezium"), columns=columns)
    with (
        pytest.raises(SourceError, match=f"has pay as {what}.*Set decimal.handling.mode: string"),
        open_file(source, file, Known()),
    ):
        pass
    text = replace(
        source, columns=MappingProxyType({"pay": replace(pay, form=ColumnForm())} | about)
    )
    with open_file(text, file, Known()) as inspection:
        assert inspection.header.columns[-1] == "pay"


def vars_of(column: DeclaredColumn) -> dict[str, Any]:
    """What is declared of a column of events."""
    return {"name": column.name, "aliases": column.aliases, "required": False, "form": ColumnForm()}
