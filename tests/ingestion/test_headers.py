"""From header fields to columns."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from benepass_tasks.catalog import Column, Guards, Pii, Source
from benepass_tasks.catalog.datasets import DeclaredColumn
from benepass_tasks.catalog.forms import ColumnForm
from benepass_tasks.catalog.header_names import column_name
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.headers import match_header

if TYPE_CHECKING:
    from collections.abc import Mapping

NONE: Mapping[str, tuple[str, ...]] = MappingProxyType({})


def source(
    *required: str, optional: tuple[str, ...] = (), aliases: Mapping[str, tuple[str, ...]] = NONE
) -> Source:
    columns = {
        name: Column(
            name,
            "A column.",
            "VARCHAR",
            "people",
            Pii("none"),
            required=name in required,
            aliases=aliases.get(name, ()),
        )
        for name in (*required, *optional)
    }
    return Source("people", "data/people.csv", "People.", "people", MappingProxyType(columns))


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("employee_id", "employee_id"),
        (" Employee ID ", "employee_id"),
        ("EMPLOYEE-ID", "employee_id"),
        ("employeeId", "employee_id"),
        ("EmployeeID", "employee_id"),
        ("HRDate", "hr_date"),
        ("Straße Nº 5", "strae_no_5"),
        ("Café", "cafe"),
        ("2nd address", "_2nd_address"),
        ("__x__", "x"),
        ("_source_file", "_source_file"),
        ("%", ""),
        ("", ""),
    ],
)
def test_names_are_trimmed_snake_cased_and_lower_cased(field: str, name: str) -> None:
    assert column_name(field) == name


def test_a_name_of_megabytes_is_cut_and_stays_itself() -> None:
    names = {column_name("x" * length) for length in (128, 129, 5_000_000)}
    assert len(names) == 3
    assert {len(name) for name in names} == {128}


def test_columns_match_in_any_order_and_spelling() -> None:
    header = match_header(source("a_b", "c"), "people.csv", ["C", "A B"])
    assert header.columns == ("c", "a_b")
    assert header.absent == ()
    assert header.undeclared == ()


@pytest.mark.parametrize(
    "field", ["timestamp", " Time-Stamp at ", "TIMESTAMP", "timeStampAt", "at"]
)
def test_a_column_comes_by_any_of_its_names_in_any_style(field: str) -> None:
    people = source("at", "name", aliases={"at": ("timestamp", "Time stamp at")})
    header = match_header(people, "people.csv", ["name", field])
    assert header.columns == ("name", "at")
    assert (header.absent, header.undeclared) == ((), ())


@pytest.mark.parametrize(
    "fields", [("at", "timestamp"), ("Timestamp", "at"), ("timestamp", "Time Stamp")]
)
def test_two_headers_that_mean_the_same_column_are_refused_with_both(
    fields: tuple[str, str],
) -> None:
    people = source("at", "name", aliases={"at": ("timestamp", "Time stamp")})
    with pytest.raises(SourceError) as raised:
        match_header(people, "people.csv", [fields[0], "name", fields[1]])
    assert str(raised.value) == (
        f"people: people.csv:1 names the column at twice, as {fields[0]!r} and {fields[1]!r}; "
        "rename or remove one"
    )


def test_what_is_missing_and_what_is_new_is_told_apart() -> None:
    header = match_header(source("a", "c", optional=("b",)), "people.csv", ["a", "x", ""])
    assert header.absent == ("c", "b")
    assert header.undeclared == ("x", "unnamed_3")


def test_columns_of_one_name_that_nobody_declared_are_numbered() -> None:
    header = match_header(source("a"), "people.csv", ["Notes", "a", "notes", "notes_2", "NOTES"])
    assert header.undeclared == ("notes", "notes_2", "notes_2_2", "notes_3")


def test_a_column_comes_by_a_name_in_another_script() -> None:
    aliases = {"employee_id": ("社員番号",), "department_id": ("部署ID",), "name": ("Имя",)}
    people = source("employee_id", "department_id", "name", aliases=aliases)
    header = match_header(people, "people.csv", ["имя", "部署ＩＤ", " 社員番号 ", "会社ID", "備考"])
    assert header.columns == ("name", "department_id", "employee_id", "id", "unnamed_5")


def test_the_latin_rest_of_a_name_in_another_script_is_not_a_declared_column() -> None:
    header = match_header(source("id"), "people.csv", ["id", "部署ID"])
    assert header.columns == ("id", "id_2")


def test_a_first_line_that_is_a_record_is_not_shown() -> None:
    with pytest.raises(SourceError) as raised:
        match_header(source("a", "name"), "people.csv", ["E1", "ann.archer@example.com"])
    assert "is the header missing?" in str(raised.value)
    assert "ann" not in str(raised.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([], "people.csv is empty, without even a header; expected the columns a, name"),
        (["x"], "people.csv:1 lacks the required columns a, name, and has none of those"),
        (["a", "name", "Name"], "names the column name twice, as 'name' and 'Name'"),
        (["a", "name", "_row_number"], "has a column _row_number, which the load adds"),
    ],
)
def test_a_header_that_breaks_the_contract_is_refused(fields: list[str], message: str) -> None:
    with pytest.raises(SourceError) as raised:
        match_header(source("a", "name"), "people.csv", fields)
    assert message in str(raised.value)


def test_a_column_of_its_own_beside_the_two_that_it_is_made_of_is_refused_until_it_is_ignored() -> (
    None
):
    form = ColumnForm("amount")
    made = DeclaredColumn(
        "amount", "Paid.", None, None, None, aliases=("Betrag",), form=form,
        made_of={"debit": "paid_out", "credit": "paid_in"},
    )  # fmt: skip
    money = replace(source("a", "paid_out", "paid_in"), made={"amount": made})
    for field in ("Amount", "Betrag"):
        fields = ["a", "paid_out", "paid_in", field]
        with pytest.raises(SourceError) as raised:
            match_header(money, "people.csv", fields)
        assert (
            f"has a column {field}, and catalog.yaml makes amount of paid_out and paid_in"
            in str(raised.value)
        )
        assert f"write ignored: [{field.lower()}]" in str(raised.value)
        match_header(replace(money, ignored=(field.lower(),)), "people.csv", fields)


def test_a_part_may_be_called_in_the_files_what_the_whole_is_called() -> None:
    form = ColumnForm("amount")
    made_of = {"charged": "charged", "refunded": "refunded"}
    made = DeclaredColumn("amount", "Left.", None, None, None, form=form, made_of=made_of)
    money = source("a", "charged", "refunded")
    charged = replace(money.columns["charged"], aliases=("Amount",))
    money = replace(money, columns={**money.columns, "charged": charged}, made={"amount": made})
    header = match_header(money, "people.csv", ["a", "Amount", "refunded"])
    assert [*header.columns] == ["a", "charged", "refunded"]


def test_an_address_is_not_the_name_of_a_column_and_is_not_repeated() -> None:
    fields = ["employee_id", "hire_date", "ann.archer@example.com"]
    with pytest.raises(SourceError, match="for the name of its column 3; is the header") as error:
        match_header(source("employee_id"), "employees.csv", fields)
    assert "archer" not in str(error.value)


def test_more_columns_than_the_guard_allows_are_refused_at_once() -> None:
    wide = replace(source("a"), guards=Guards(max_columns=3))
    match_header(wide, "people.csv", ["a", "x", "y"])
    with pytest.raises(SourceError, match="has 4 columns, and max_columns of its guards is 3"):
        match_header(wide, "people.csv", ["a", "x", "y", "z"])


def test_a_wide_header_takes_time_in_proportion_to_its_width() -> None:
    """Were it to its square, this would take minutes."""
    wide = replace(source("a"), guards=Guards(max_columns=200_000))
    header = match_header(wide, "people.csv", ["a", *["same"] * 50_000, *map(str, range(50_000))])
    assert len(set(header.columns)) == 100_001
