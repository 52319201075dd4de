"""A file is loaded only where all of it was read, and was the same from the start to the end."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from benepass_tasks.catalog import Source
from benepass_tasks.config.errors import BooksError, SourceError
from benepass_tasks.ingestion.inspection import require_whole
from benepass_tasks.ingestion.readers.records import Accounting, RecordReader
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
