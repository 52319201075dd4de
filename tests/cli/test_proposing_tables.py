"""`source inspect` and `source add` look at tables of a database, and say no secret."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from databases import VARIABLE, Sqlite
from mariadb import PASSWORD, USER, connected, mariadb

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace import Workspace

    from tests.cli.conftest import Said

STAFF = [
    ("E1", "Ann", "Archer", "ann.archer@example.com", "2020-01-01", "active", "Sales"),
    ("E2", "Bo", "Baker", "bo.baker@example.org", "2021-06-15", "term", "Legal"),
    ("E3", "Cy", "Cole", "cy.cole@example.net", "2024-02-29", "active", "Legal"),
]
COLUMNS = "employee_no text primary key, first_name text, last_name text, work_email text"
NAMED = ("--database", VARIABLE)


@pytest.fixture
def hr(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Sqlite:
    made = Sqlite(workspace.root / "hr.sqlite")
    made.run(f"create table staff ({COLUMNS}, hire_date date, status text, department text)")
    made.insert("staff", STAFF)
    monkeypatch.setenv(VARIABLE, made.url)
    return made


@pytest.mark.nightly
@pytest.mark.usefixtures("hr")
def test_a_table_is_declared_and_tried_as_a_file_is(
    workspace: Workspace, say: Callable[..., Said]
) -> None:
    said = say("source", "add", "staff", *NAMED, "--yes")
    assert said.code == 0, said.err
    assert (
        said.lines[0] == f"table staff of {VARIABLE}: 3 records read, all of them; source employees"
    )
    assert f"Every run reads table staff of {VARIABLE}." in said.lines
    assert "      3      3        0            0         0" in said.lines
    assert "Archer" not in said.out
    entry = (
        (workspace.root / "catalog.yaml").read_text(encoding="utf-8").partition("\nemployees:")[2]
    )
    assert entry.splitlines()[1:6] == [
        "  <<: *csv",
        "  type: pandas.SQLTableDataset",
        "  table_name: staff",
        f"  credentials: {VARIABLE}",
        "  load_args: {}",
    ]
    assert "synonyms: {terminated: [term]}" in entry
    assert say("source", "add", "staff", *NAMED, "--yes").lines[-1] == (
        "catalog.yaml says all of this already: there is nothing to write."
    )


@pytest.mark.nightly
@pytest.mark.usefixtures("hr")
def test_a_table_that_nobody_knows_is_a_new_source(
    workspace: Workspace, say: Callable[..., Said], hr: Sqlite
) -> None:
    hr.run("create table offices (office_code text, city text, opened date)")
    hr.insert("offices", [("B1", "Berlin", "2020-01-01"), ("P1", "Paris", "2021-05-31")])
    said = say("source", "inspect", "main.offices", *NAMED, "--json")
    (proposal,) = said.json
    assert (proposal["source"], proposal["is_new"], proposal["files"]) == ("offices", True, [])
    assert proposal["table"] == {"credentials": VARIABLE, "table": "main.offices"}
    said = say("source", "add", "main.offices", *NAMED, "--yes")
    assert said.code == 0, said.err
    assert (workspace.root / "sql" / "staging" / "stg_offices.sql").exists()
    catalog = (workspace.root / "catalog.yaml").read_text(encoding="utf-8")
    entry = catalog.partition("\noffices:")[2].partition("metadata:")[0]
    assert "filepath" not in entry
    assert "load_args: {schema: main}" in entry


@pytest.mark.usefixtures("hr")
def test_a_table_that_is_not_there_is_told_with_the_nearest(say: Callable[..., Said]) -> None:
    said = say("source", "inspect", "staf", *NAMED)
    assert said.code != 0
    assert f"there is no table staf of {VARIABLE} (did you mean 'staff'?)" in said.err


def test_an_address_in_place_of_the_variable_is_refused_and_not_said_again(
    say: Callable[..., Said],
) -> None:
    said = say("source", "inspect", "staff", "--database", "postgresql://me:hunter2@db/hr")
    assert said.code == 2
    assert "name of a variable of the environment such as HR_DATABASE" in said.err
    assert "hunter2" not in said.out + said.err


def test_a_table_of_mariadb_is_declared_tried_and_read(
    workspace: Workspace, say: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    with mariadb() as port, closing(connected(port)) as connection:
        with connection.cursor() as cursor:
            columns = COLUMNS.replace("employee_no text", "employee_no varchar(9)")
            cursor.execute(f"create table staff ({columns}, hire_date date, status text, x text)")
            marks = ", ".join(["%s"] * 7)
            cursor.executemany(f"insert into staff values ({marks})", STAFF)
        monkeypatch.setenv(VARIABLE, f"mysql://{USER}:{PASSWORD}@127.0.0.1:{port}/{USER}")
        said = say("source", "add", f"{USER}.staff", *NAMED, "--yes")
        assert said.code == 0, said.err
        assert PASSWORD not in said.out
        workspace.run("marts.dim_employees")
    assert workspace.query("select employee_id, status from marts.dim_employees order by 1") == [
        ("E1", "active"),
        ("E2", "terminated"),
        ("E3", "active"),
    ]
