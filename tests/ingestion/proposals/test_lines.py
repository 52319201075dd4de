"""Lines that are no records, and where files are."""

from __future__ import annotations

import re

import pytest
from proposing import CSV, file_of

from benepass_tasks.config.errors import ProjectError
from benepass_tasks.ingestion.proposals.lines import has_second_header, totals
from benepass_tasks.ingestion.proposals.places import filepath_for, name_for
from benepass_tasks.ingestion.proposals.profile import FileProfile, shape
from benepass_tasks.ingestion.proposals.propose import with_lines

RECORDS = "T1,Gym,10.00\nT2,Total Wine,20.00\nT3,Deli,30.00\n"


@pytest.mark.parametrize(
    "line", ["Total,,60.00", ",Grand Total,60.00", "Gesamtsumme,,", "合計,,60"]
)
def test_a_total_is_told_from_records(line: str) -> None:
    profile = file_of(f"id,merchant,amount\n{RECORDS}{line}")
    (found,) = totals(profile, ",")
    lines = [",".join(profile.record(it)) for it in range(profile.records)]
    assert [it for it in lines if re.search(found.pattern, it)] == [line]


def test_a_footer_that_is_not_a_record_is_known_by_its_words() -> None:
    profile = file_of(f"id,merchant,amount\n{RECORDS}")
    with_footer = FileProfile("it", profile.columns, 3, ["Generated on 2025-01-31 by somebody"])
    assert [it.pattern for it in totals(with_footer, ",")] == [r"^\W*Generated\b"]


def test_a_record_that_begins_like_a_total_stays() -> None:
    profile = file_of("merchant,amount,on\nTotal Wine,1.00,2025-01-01\nTotal,2.00,2025-01-02")
    assert totals(profile, ",") == []


def test_a_total_beside_such_records_is_told_by_its_whole_field() -> None:
    profile = file_of("merchant,amount,on\nTotal Wine,1.00,2025-01-01\nTotal,,")
    (found,) = totals(profile, ",")
    assert not re.search(found.pattern, "Total Wine,1.00,2025-01-01")
    assert re.search(found.pattern, "Total,,")


def test_units_below_the_header_are_a_second_header_line() -> None:
    text = "id,amount,on\n,USD,local\nT1,10.00,2025-01-01\nT2,20.00,2025-01-02"
    assert has_second_header(file_of(text))
    assert with_lines(CSV, file_of(text)).layout == {"header_lines": 2}
    assert not has_second_header(file_of(text.replace(",USD,local\n", "")))


@pytest.mark.parametrize(
    ("known", "names", "filepath"),
    [
        ("data/a*.csv", ["a_1.csv"], "data/a*.csv"),
        ("data/a.csv", ["staff.csv"], "data/staff.csv"),
        ("data/a*.csv", ["a_1.csv", "a_2.CSV"], "data/a*.[Cc][Ss][Vv]"),
        ("data/a*.csv", ["a_1.csv.gz"], "data/a*_1.csv.gz"),
        ("", ["x_2025-01.csv", "x_2025-02.csv"], "data/x_*.csv"),
        ("", ["in/x1.csv", "in/x2.csv"], "data/in/x*.csv"),
        ("", ["odd[1].csv"], "data/odd[[]1].csv"),
    ],
)
def test_where_files_are_is_what_finds_them_all(
    known: str, names: list[str], filepath: str
) -> None:
    assert filepath_for(known, names) == filepath


def test_files_of_several_folders_are_not_one_source() -> None:
    with pytest.raises(ProjectError, match="in one folder"):
        filepath_for("", ["a/x.csv", "b/x.csv"])


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (["Departments 2025-01.csv"], "departments"),
        (["cost_centres.xlsx"], "cost_centres"),
        (["20250131.csv"], "files"),
        (["部署.csv"], "files"),
    ],
)
def test_a_new_source_is_called_as_its_files(names: list[str], name: str) -> None:
    assert name_for(names) == name


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2025-01-31 10:15", "9999-99-99 99:99"),
        ("Ann Archer", "A A"),
        ("4111111111111111", "9..."),
        ("ann@example.com", "A@A.A"),
        ("\x1b[31m$1,200.00", "\\x1b[99A$9,999.99"),
    ],
)
def test_a_shape_gives_no_value_away(value: str, shown: str) -> None:
    assert shape(value) == shown
