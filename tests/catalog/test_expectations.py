"""Tests and keys in the catalog: what they become, and what is said of wrong ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from projects import catalog_without_sql

from benepass_tasks.catalog import (
    AcceptedValues,
    NotNull,
    Range,
    Regex,
    Relationships,
    RowCount,
    SqlCheck,
    Table,
    Unique,
)
from benepass_tasks.config.errors import CatalogError

if TYPE_CHECKING:
    from pathlib import Path

CATALOG = """\
_connection: &connection {{backend: duckdb, database: data/warehouse.duckdb, read_only: true}}
marts.people:
  type: ibis.TableDataset
  table_name: people
  database: marts
  connection: *connection
  metadata:
    description: People
    domain: people
    columns:
      id: {{description: Id, type: VARCHAR, pii: {{class: none}}}}
      age: {{description: Age, type: INTEGER, pii: {{class: none}}}}
marts.spend:
  type: ibis.TableDataset
  table_name: spend
  database: marts
  connection: *connection
  metadata:
    description: Spend
    domain: benefits
{table}
    columns:
      _source_file: {{description: File, type: VARCHAR, pii: {{class: none}}}}
      _row_number: {{description: Row, type: BIGINT, pii: {{class: none}}}}
      email:
        description: Email
        type: VARCHAR
        pii: {{class: identifier, kind: EMAIL_ADDRESS, treatment: mask}}
      spent:
        description: Spent
        type: {kind}
        pii: {{class: none}}
        {tests}
"""
COLUMN = "33 marts.spend.metadata.columns.spent.tests"
TABLE = "21 marts.spend.metadata"


def load(folder: Path, tests: str = "", kind: str = "VARCHAR", table: str = "") -> Table:
    path = folder / "catalog.yaml"
    tests = f"tests: {tests}" if tests else ""
    path.write_text(CATALOG.format(tests=tests, kind=kind, table=f"    {table}"), encoding="utf-8")
    return catalog_without_sql(path).tables["marts.spend"]


def problems(folder: Path, tests: str = "", kind: str = "VARCHAR", table: str = "") -> list[str]:
    with pytest.raises(CatalogError) as caught:
        load(folder, tests, kind, table)
    return [line.removeprefix("catalog.yaml:") for line in str(caught.value).splitlines()]


@pytest.mark.parametrize(
    ("tests", "kind", "expected"),
    [
        ("[not_null, unique]", "VARCHAR", (NotNull(), Unique())),
        ("[{not_null, severity: warn}]", "VARCHAR", (NotNull(severity="warn"),)),
        ("[{unique: true}]", "VARCHAR", (Unique(),)),
        (
            "[{accepted_values: [a, ' b '], severity: warn}]",
            "VARCHAR[]",
            (AcceptedValues(values=("a", " b "), severity="warn"),),
        ),
        ("[{accepted_values: [1, 2]}]", "BIGINT", (AcceptedValues(values=(1, 2)),)),
        (
            "[{relationships: {to: marts.people, column: id}}]",
            "VARCHAR",
            (Relationships(to="marts.people", column="id"),),
        ),
        (
            "[{relationships: {to: marts.people, column: id}}]",
            "VARCHAR[]",
            (Relationships(to="marts.people", column="id"),),
        ),
        ("[{range: {min: 0.01}}]", "DECIMAL(18,2)", (Range(minimum=0.01),)),
        ("[{range: {max: 2026-01-31}}]", "DATE", (Range(maximum="2026-01-31"),)),
        (
            "[{range: {min: '2026-01-31 09:30:00.5', max: 2026-02-01}}]",
            "TIMESTAMP",
            (Range(minimum="2026-01-31 09:30:00.5", maximum="2026-02-01"),),
        ),
        (
            "[{range: {min: 0}, severity: warn}, {range: {min: -5}}]",
            "HUGEINT",
            (Range(minimum=0, severity="warn"), Range(minimum=-5)),
        ),
        ("[{regex: '^E '}]", "VARCHAR", (Regex(pattern="^E "),)),
        ("[]", "VARCHAR", ()),
    ],
)
def test_tests_of_a_column_become_plain_data(
    tests: str, kind: str, expected: tuple[object, ...], tmp_path: Path
) -> None:
    assert load(tmp_path, tests, kind).columns["spent"].tests == expected


def test_tests_of_a_table_become_plain_data(tmp_path: Path) -> None:
    tests = "tests: [{unique: [email, spent]}, {row_count: {min: 1, max: 9}}, {check: some}]"
    assert load(tmp_path, table=tests).tests == (
        Unique(columns=("email", "spent")),
        RowCount(minimum=1, maximum=9),
        SqlCheck(name="some"),
    )


def test_promises_are_all_tests_with_their_columns(tmp_path: Path) -> None:
    made = load(tmp_path, "[not_null]", table="tests: [{check: some}]")
    assert list(made.promises) == [("spent", NotNull()), (None, SqlCheck(name="some"))]


def test_a_row_is_known_by_where_it_came_from_or_by_the_key_that_is_given(tmp_path: Path) -> None:
    assert load(tmp_path).key == ("_source_file", "_row_number")
    assert load(tmp_path, table="key: [spent]").key == ("spent",)
    path = tmp_path / "catalog.yaml"
    assert catalog_without_sql(path).tables["marts.people"].key == ()


ARGUMENTS = "needs its arguments, such as"
COLUMN_KINDS = "not_null, unique, accepted_values, relationships, range, regex"


@pytest.mark.parametrize(
    ("tests", "kind", "expected"),
    [
        ("not_null", "VARCHAR", [": must be a list of tests such as [not_null, unique, "]),
        ("[not_nul]", "VARCHAR", [f".0: must be one of {COLUMN_KINDS} (did you mean 'not_null'?)"]),
        ("[3]", "VARCHAR", [".0: must be a test such as one of ["]),
        ("[range]", "VARCHAR", [f".0: {ARGUMENTS}"]),
        ("[{}]", "VARCHAR", [f".0: names no test: one of {COLUMN_KINDS}"]),
        ("[{severity: warn}]", "VARCHAR", [".0: names no test: one of "]),
        ("[{not_null: 3}]", "VARCHAR", [".0.not_null: takes no arguments, not 3"]),
        ("[{not_null, unique}]", "VARCHAR", [".0: is one test, not not_null, unique: give each"]),
        (
            "[{not_null, severity: wrn}]",
            "VARCHAR",
            [".0.severity: must be one of fail, warn (did you mean 'warn'?)"],
        ),
        (
            "[{uniqe, severity: warn}]",
            "VARCHAR",
            [".0.uniqe: unknown key (did you mean 'unique'?)"],
        ),
        ("[unique, unique]", "VARCHAR", [".1: stands twice; once is enough"]),
        ("[{check: x}]", "VARCHAR", [".0.check: a test of the whole table: move it"]),
        ("[row_count]", "VARCHAR", [".0: a test of the whole table: move it to metadata.tests"]),
        (
            "[{accepted_values: []}]",
            "VARCHAR",
            [".0.accepted_values: must list at least one value"],
        ),
        (
            "[{accepted_values: a}]",
            "VARCHAR",
            [".0.accepted_values: must be a list of values, not"],
        ),
        (
            "[{accepted_values: [a, a, [b], 1]}]",
            "VARCHAR",
            [
                ".0.accepted_values.1: stands twice; once is enough",
                ".0.accepted_values.2: must be a single value, not a list",
            ],
        ),
        (
            "[{accepted_values: [yes]}]",
            "VARCHAR",
            [
                (
                    ".0.accepted_values.0: must be text: put it in quotes, not true "
                    "(YAML reads yes as true)"
                )
            ],
        ),
        ("[{accepted_values: [a]}]", "BLOB", [".0.accepted_values.0: must be left out"]),
        ("[{accepted_values: [1]}]", "BOOLEAN", [".0.accepted_values.0: must be true or false"]),
        ("[{accepted_values: [x]}]", "UUID", [".0.accepted_values.0: must be a UUID, not 'x'"]),
        ("[{accepted_values: [1]}]", "VARCHAR[]", [".0.accepted_values.0: must be text: put it"]),
        ("[{accepted_values: [1.5]}]", "INTEGER", [".0.accepted_values.0: must be a whole number"]),
        ("[{range: {}}]", "INTEGER", [".0.range: must have min, max or both"]),
        ("[{range: 3}]", "INTEGER", [".0.range: must be a mapping, not 3"]),
        ("[{range: {mim: 3}}]", "INTEGER", [".0.range.mim: unknown key (did you mean 'min'?)"]),
        ("[{range: {min: 3, max: 2}}]", "INTEGER", [".0.range.max: must not be below min"]),
        ("[{range: {min: true}}]", "INTEGER", [".0.range.min: must be a number, a date or an"]),
        ("[{range: {min: .nan}}]", "DOUBLE", [".0.range.min: must be a number, not nan"]),
        (
            "[{range: {min: 3000000000}}]",
            "INTEGER",
            [".0.range.min: must be a whole number that INTEGER holds, not 3000000000"],
        ),
        (
            "[{range: {min: 0.001, max: 100}}]",
            "DECIMAL(4,2)",
            [
                ".0.range.min: must be a number that DECIMAL(4,2) holds, not 0.001",
                ".0.range.max: must be a number that DECIMAL(4,2) holds, not 100",
            ],
        ),
        (
            "[{range: {min: 2026-02-30}}]",
            "DATE",
            [".0.range.min: must be a date such as '2026-01-31', not '2026-02-30'"],
        ),
        ("[{range: {min: '10:00'}}]", "TIMESTAMP", [".0.range.min: must be an instant such as"]),
        (
            "[{range: {min: '2026-01-31 10:00:00'}}]",
            "TIMESTAMP WITH TIME ZONE",
            [".0.range.min: must be an instant with its zone"],
        ),
        ("[{range: {min: 2026-02-01, max: 2026-01-31}}]", "DATE", [".0.range.max: must not be"]),
        (
            "[{range: {min: a}}]",
            "VARCHAR",
            [".0.range: is for numbers, dates and instants only, and the column is VARCHAR"],
        ),
        ("[{regex: a}]", "INTEGER", [".0.regex: is for VARCHAR only, and the column is INTEGER"]),
        ("[{regex: 3}]", "VARCHAR", [".0.regex: must be a regular expression, not 3"]),
        (
            "[{regex: 'E('}]",
            "VARCHAR",
            [".0.regex: is not a regular expression of DuckDB: 'Invalid Input Error: missing ):"],
        ),
        ("[{regex: '(?=E)'}]", "VARCHAR", [".0.regex: is not a regular expression of DuckDB"]),
        (
            "[{relationships: {to: marts.peopel, column: id}}]",
            "VARCHAR",
            [".0.relationships.to: no such table in the catalog (did you mean 'marts.people'?)"],
        ),
        (
            "[{relationships: {to: marts.people, column: name}}]",
            "VARCHAR",
            [".0.relationships.column: marts.people has no such column (columns: id, age)"],
        ),
        (
            "[{relationships: {to: marts.people, column: age}}]",
            "VARCHAR",
            [
                (
                    ".0.relationships.column: must be of the column's own type VARCHAR, and "
                    "marts.people.age is INTEGER"
                )
            ],
        ),
        (
            "[{relationships: {to: marts.people}}]",
            "VARCHAR",
            [".0.relationships.column: is required"],
        ),
        (
            "[not_null, {range: {min: a}}, {regex: '('}]",
            "DOUBLE",
            [
                ".1.range.min: must be a number, not 'a'",
                ".2.regex: is for VARCHAR only",
                ".2.regex: is not a regular expression of DuckDB",
            ],
        ),
    ],
)
def test_a_wrong_test_of_a_column_is_refused(
    tests: str, kind: str, expected: list[str], tmp_path: Path
) -> None:
    found = problems(tmp_path, tests, kind)
    assert len(found) == len(expected), found
    for line, beginning in zip(found, expected, strict=True):
        assert line.startswith(f"{COLUMN}{beginning}")


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("tests: {}", [".tests: must be a list of tests such as [{unique: [a, b]}, "]),
        ("tests: [unique]", [f".tests.0: {ARGUMENTS}"]),
        (
            "tests: [{unique: [nope]}]",
            [".tests.0.unique.0: no such column in the table (columns: "],
        ),
        ("tests: [{unique: []}]", [".tests.0.unique: must list at least one column"]),
        ("tests: [{unique: [spent, spent]}]", [".tests.0.unique.1: stands twice; once is enough"]),
        ("tests: [{unique: spent}]", [".tests.0.unique: must be a list of columns, not 'spent'"]),
        (
            "tests: [{row_count: {min: -1}}]",
            [".tests.0.row_count.min: must be a whole number from"],
        ),
        ("tests: [{row_count: {min: 2, max: 1}}]", [".tests.0.row_count.max: must not be below"]),
        ("tests: [{row_count: {}}]", [".tests.0.row_count: must have min, max or both"]),
        ("tests: [{check: [a]}]", [".tests.0.check: must be text, not a list"]),
        ("tests: [{chek: a}]", [".tests.0.chek: unknown key (did you mean 'check'?)"]),
        ("tests: [not_null]", [".tests.0: a test of a column: move it to the column's tests"]),
        ("key: spent", [".key: must be a list of columns, not 'spent'"]),
        ("key: []", [".key: must list at least one column"]),
        ("key: [spend]", [".key.0: no such column in the table (did you mean 'spent'?)"]),
        ("key: [spent, spent]", [".key.1: stands twice; once is enough"]),
        (
            "key: [email]",
            [".key.0: identifies a person, and a key is shown; choose another column"],
        ),
    ],
)
def test_a_wrong_test_or_key_of_a_table_is_refused(
    table: str, expected: list[str], tmp_path: Path
) -> None:
    found = problems(tmp_path, table=table)
    assert len(found) == len(expected), found
    for line, beginning in zip(found, expected, strict=True):
        assert line.startswith(f"{TABLE}{beginning}")


def test_an_identifier_is_not_a_key_by_default(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yaml"
    load(tmp_path)
    text = path.read_text(encoding="utf-8").replace(
        "_source_file: {description: File, type: VARCHAR, pii: {class: none}}",
        "_source_file: {description: File, type: VARCHAR, "
        "pii: {class: identifier, kind: NAME, treatment: mask}}",
    )
    path.write_text(text, encoding="utf-8")
    assert catalog_without_sql(path).tables["marts.spend"].key == ()


def test_a_source_promises_nothing(tmp_path: Path) -> None:
    source = """
claims:
  type: pandas.CSVDataset
  filepath: data/claims.csv
  metadata:
    description: Claims
    domain: people
    tests: []
    columns:
      id: {description: Id, type: VARCHAR, pii: {class: none}, tests: [not_null]}
"""
    load(tmp_path)
    path = tmp_path / "catalog.yaml"
    path.write_text(path.read_text(encoding="utf-8") + source, encoding="utf-8")
    with pytest.raises(CatalogError) as caught:
        catalog_without_sql(path)
    assert "only a table has tests; remove them" in str(caught.value)
    assert "only a table's column has tests" in str(caught.value)
