"""Personal values are in no log, message, marker or file beside the warehouse, whatever fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace import Workspace

PERSONAL = [
    "Archer",
    "Baker",
    "Cole",
    "ann.archer@example.com",
    "bo.baker@example.org",
    "cy.cole@example.net",
]
"""The raw identifiers; first names are too short to tell from parts of other words."""

HEADER = "employee_id,first_name,last_name,email,hire_date,status\n"
EMPLOYEES = (
    f"{HEADER}E1,Ann,Archer,ann.archer@example.com,2020-01-01,active\n"
    "E2,Bo,Baker,bo.baker@example.org,2021-06-15,terminated\n"
    "E3,Cy,Cole,cy.cole@example.net,2024-02-29,on_leave\n"
)
CONFLICT = "E1,Ann,Archer,ann.archer@example.com,2020-01-01,active,ann.archer@example.com\n"


def told(workspace: Workspace) -> tuple[int, str]:
    """The exit code; everything that a run says, and what it writes but tables of data."""
    result = workspace.run_command("--log-level", "DEBUG")
    said = result.stdout + result.stderr
    for path in workspace.data.rglob("*"):
        if path.is_file() and path.suffix not in {".csv", ".duckdb", ".wal"}:
            said += path.read_bytes().decode(errors="replace")
    if workspace.warehouse.is_file():
        tables = workspace.query(
            "select table_name from duckdb_tables() where schema_name = 'meta'"
        )
        said += repr([workspace.query(f"from meta.{name}") for (name,) in tables])
    return result.returncode, said


def test_the_values_that_are_looked_for_are_there(people: Workspace) -> None:
    assert (people.data / "employees.csv").read_text(encoding="utf-8") == EMPLOYEES
    rows = repr(people.query("from raw.employees"))
    assert all(value in rows for value in PERSONAL)


def edited(name: str, old: str, new: str) -> Callable[[Workspace], None]:
    return lambda workspace: workspace.replace(name, old, new)


def edited_status(expression: str) -> Callable[[Workspace], None]:
    def edit(workspace: Workspace) -> None:
        workspace.replace(MART, "    status,", f"    {expression} as status,")
        workspace.describe("status", "*status")

    return edit


def allowed(condition: str) -> Callable[[Workspace], None]:
    """A condition on the rows of the mart that the catalog allows the last name to decide."""
    described = "    description: Employees, with their tenure at the as-of date.\n"
    reason = "    derived_from: {column: employees.last_name, reason: validity}\n"

    def edit(workspace: Workspace) -> None:
        workspace.replace(MART, "accepted_employees", f"accepted_employees\n{condition}")
        workspace.replace("catalog.yaml", described, described + reason)

    return edit


def employees(content: str | bytes) -> Callable[[Workspace], None]:
    return lambda workspace: workspace.write("data/employees.csv", content)


MART = "sql/marts/dim_employees.sql"
STAGING = "sql/staging/stg_employees.sql"
FAILURES = {
    "nothing": (employees(EMPLOYEES), 0, "The books balance"),
    "a cast in a model": (
        edited_status("if(last_name::integer is null, null, status)"),
        30,
        "sql/marts/dim_employees.sql: DuckDB stopped with ConversionException",
    ),
    "a cast of an email in staging": (
        edited(
            STAGING,
            "    coalesce(termination_date, vanished_on) as termination_date,\n    if",
            "    if(email::date is null, null, termination_date) as termination_date,\n    if",
        ),
        30,
        "DuckDB stopped with ConversionException",
    ),
    "an error that a model raises": (
        allowed("where error(last_name) is null"),
        30,
        "DuckDB stopped with InvalidInputException",
    ),
    "a column that is not there": (
        edited(MART, "    status,", "    nope as status,"),
        35,
        "sql/marts/dim_employees.sql:",
    ),
    "a proof that does not hold": (
        edited(STAGING, "mask_email(email) as email", "email"),
        35,
        "declares mask, and no approved mask is applied to EMAIL_ADDRESS",
    ),
    "a header that is a record": (
        employees(EMPLOYEES.partition("\n")[2]),
        30,
        "employees.csv",
    ),
    "records that cannot be parsed": (
        employees(EMPLOYEES + CONFLICT + '"Ann,Archer\n'),
        0,
        "2 of 5 records in employees.csv could not be parsed",
    ),
    "invalid bytes in a name": (
        employees(EMPLOYEES.encode() + b"E9,Archer\xff,Archer,ann.archer@example.com,,\n"),
        0,
        "1 of 4 records in employees.csv could not be parsed",
    ),
    "versions that differ": (
        employees(EMPLOYEES + "E1,Archer,Baker,bo.baker@example.org,2020-01-01,active\n"),
        0,
        "The books balance",
    ),
    "books that do not balance": (
        edited(STAGING, "from employees", "from employees where status <> 'terminated'"),
        30,
        "balance",
    ),
    "a warehouse that cannot be written": (
        lambda workspace: workspace.warehouse.mkdir(),
        35,
        "--benepass-warehouse must name a file",
    ),
}


IN_ALL_TABLES = ("nothing", "a cast in a model", "an error that a model raises")
"""Where all tables are made, and otherwise those of people alone."""


@pytest.mark.slow
@pytest.mark.parametrize("failure", FAILURES)
def test_no_personal_value_is_told(request: pytest.FixtureRequest, failure: str) -> None:
    fixture = "workspace" if failure in IN_ALL_TABLES else "new_people"
    project: Workspace = request.getfixturevalue(fixture)
    prepare, expected_code, expected = FAILURES[failure]
    prepare(project)
    code, said = told(project)
    assert code == expected_code
    assert expected in said
    assert [value for value in PERSONAL if value in said] == []
    assert not (project.root / "home").exists()
