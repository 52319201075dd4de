"""`catalog`: what is declared, shown to people and to programs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from projects import catalog_of

from benepass_tasks.catalog import load_catalog

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace import Workspace

    from tests.cli.conftest import Said

    Say = Callable[..., Said]


def test_each_dataset_has_a_line(say: Say) -> None:
    said = say("catalog", "list")
    assert said.code == 0
    assert said.lines[0].split() == (
        ["dataset", "layer", "kind", "domain", "columns", "personal", "data", "description"]
    )
    catalog = load_catalog(Path("catalog.yaml"))
    names = [line.split()[0] for line in said.lines[1:]]
    assert sorted(names) == sorted([*catalog.sources, *catalog.tables])
    line = next(line for line in said.lines if line.startswith("marts.dim_employees "))
    assert re.split(r"  +", line) == [
        "marts.dim_employees",
        "marts",
        "table",
        "people",
        str(len(catalog.tables["marts.dim_employees"].columns)),
        "2 identifiers, 2 pseudonyms, 4 quasi-identifiers",
        "Employees, with their tenure at the as-of date.",
    ]


def test_without_a_command_the_datasets_are_listed(say: Say) -> None:
    assert say("catalog", "--layer", "marts").out == say("catalog", "list", "--layer", "marts").out


def test_sources_are_the_layer_of_files(say: Say, workspace: Workspace) -> None:
    lines = say("catalog", "--layer", "files").lines
    assert [line.split()[:3] for line in lines[1:]] == [
        [source, "files", "source"] for source in catalog_of(workspace.root).sources
    ]


def test_views_are_told_from_tables(say: Say) -> None:
    kinds = {dataset["name"]: dataset["kind"] for dataset in say("catalog", "--json").json}
    assert kinds["staging.stg_employees"] == "view"
    assert kinds["marts.dim_employees"] == "table"


def test_filters_combine(say: Say) -> None:
    said = say("catalog", "list", "--layer", "marts", "--domain", "people", "--json")
    assert {(it["layer"], *it["domains"]) for it in said.json} == {("marts", "people")}
    columns = load_catalog(Path("catalog.yaml")).tables["marts.dim_employees"].columns
    assert [it for it in said.json if it["name"] == "marts.dim_employees"] == [
        {
            "name": "marts.dim_employees",
            "layer": "marts",
            "kind": "table",
            "domains": ["people"],
            "column_count": len(columns),
            "pii": {"identifier": 2, "pseudonym": 2, "quasi_identifier": 4},
            "description": "Employees, with their tenure at the as-of date.",
        }
    ]


def test_where_nothing_matches_there_is_a_heading_or_an_empty_list(say: Say) -> None:
    assert len(say("catalog", "--layer", "staging", "--domain", "quality").lines) == 1
    assert say("catalog", "--layer", "staging", "--domain", "quality", "--json").json == []


def test_a_dataset_without_a_domain_has_those_of_its_columns(
    say: Say, workspace: Workspace
) -> None:
    text = (workspace.root / "catalog.yaml").read_text()
    text = re.sub(r"(marts.dim_merchants:(?:\n .*)*?)\n    domain: benefits", r"\1", text)
    text = text.replace(
        "category at the merchant.,", "category at the merchant., domain: benefits,"
    )
    text = text.replace("Accepted transactions at the merchant.,", "Accepted., domain: quality,")
    workspace.write("catalog.yaml", text)
    (shown,) = [it for it in say("catalog", "--json").json if it["name"] == "marts.dim_merchants"]
    assert shown["domains"] == ["benefits", "quality"]
    names = [it["name"] for it in say("catalog", "--domain", "quality", "--json").json]
    assert "marts.dim_merchants" in names


def test_a_column_is_shown_with_its_aliases_and_whether_files_may_lack_it(say: Say) -> None:
    lines = {line.split()[0]: line for line in say("catalog", "show", "transactions").lines if line}
    assert "  or timestamp  " in lines["transaction_timestamp"]
    assert "  optional  " in lines["merchant"]
    columns = {
        it["name"]: it for it in say("catalog", "show", "transactions", "--json").json["columns"]
    }
    assert columns["transaction_timestamp"]["aliases"] == ["timestamp"]
    assert columns["merchant"]["aliases"] == []


def test_a_dataset_is_shown_with_its_columns_and_neighbours(say: Say) -> None:
    said = say("catalog", "show", "intermediate.int_employees")
    assert said.code == 0
    heading, _, columns = said.out.partition("\n\n")
    assert dict(re.split(r"  +", line, maxsplit=1) for line in heading.splitlines()) == {
        "dataset": "intermediate.int_employees",
        "description": "Employees with which of their records speaks for an id.",
        "grain": "one row per staged employee record",
        "layer": "intermediate",
        "kind": "table",
        "domain": "people",
        "purpose": "to find which records count, on the way to the marts",
        "audience": "owner of the warehouse",
        "retention": "as long as the files have it",
        "made by": "sql/intermediate/int_employees.sql",
        "reads": "base.employees, staging.stg_employees",
        "read by": "intermediate.accepted_employees, quality.employee_issues",
    }
    email = next(line for line in columns.splitlines() if line.startswith("email "))
    assert re.split(r"  +", email)[:6] == (
        ["email", "VARCHAR", "people", "pseudonym", "EMAIL_ADDRESS", "mask"]
    )


def test_an_identifier_is_shown_with_the_reason_for_leaving_it_in_clear(say: Say) -> None:
    lines = say("catalog", "show", "marts.dim_employees").lines
    line = next(line for line in lines if line.startswith("first_name "))
    assert "  benefits staff look people up by name  " in line


def test_a_source_is_shown_with_its_files_and_its_raw_table(say: Say) -> None:
    shown = say("catalog", "show", "transactions", "--json").json
    assert shown["made_by"] == "data/transactions*.csv"
    assert shown["reads"] == []
    assert shown["read_by"] == ["raw.transactions", "raw.rejected_rows"]
    merchant = next(column for column in shown["columns"] if column["name"] == "merchant")
    assert merchant["required"] is False


def test_rejected_rows_come_from_every_source(say: Say, workspace: Workspace) -> None:
    shown = say("catalog", "show", "raw.rejected_rows", "--json").json
    assert shown["reads"] == list(catalog_of(workspace.root).sources)


def test_an_unknown_dataset_is_answered_with_the_nearest(say: Say) -> None:
    said = say("catalog", "show", "marts.dim_employes")
    assert said.code == 1
    assert said.out == ""
    assert said.err == (
        "catalog.yaml declares no dataset 'marts.dim_employes' "
        "(did you mean 'marts.dim_employees'?)\n"
    )


def test_a_valid_catalog_takes_one_line(say: Say, workspace: Workspace) -> None:
    said = say("catalog", "validate")
    assert said.code == 0
    sources = len(catalog_of(workspace.root).sources)
    counted = rf"{sources} sources, \d+ tables, \d+ of them from SQL, and 5 pages"
    pattern = rf"catalog.yaml is valid: {counted}.\n"
    assert re.fullmatch(pattern, said.out)


def test_every_problem_of_the_catalog_is_told(say: Say, workspace: Workspace) -> None:
    workspace.replace("catalog.yaml", "treatment: mask", "treatment: maks")
    workspace.replace("catalog.yaml", "domain: benefits", "domain: benefit")
    said = say("catalog", "validate")
    assert said.code == 1
    assert said.out == ""
    assert "(did you mean 'mask'?)" in said.err
    assert "(did you mean 'benefits'?)" in said.err


def test_every_mismatch_between_sql_and_catalog_is_told(say: Say, workspace: Workspace) -> None:
    workspace.write("sql/marts/x.sql", "select * from marts.nope")
    (workspace.root / "sql/marts/dim_merchants.sql").unlink()
    said = say("catalog", "validate")
    assert said.code == 1
    assert said.err.splitlines() == [
        "catalog.yaml: marts.dim_merchants has no SQL file; expected sql/marts/dim_merchants.sql",
        "sql/marts/x.sql: marts.x has no entry in catalog.yaml; declare it there",
        "sql/marts/x.sql:1 reads marts.nope, which no entry in catalog.yaml declares",
    ]


@pytest.mark.parametrize(
    ("file", "edit", "problem"),
    [
        (
            "marts/dim_employees.sql",
            ("    hire_date,", "    hire_dat,"),
            (
                ' DuckDB refuses the SQL: Binder Error: Referenced column "hire_dat" not found '
                "in FROM clause! (did you mean 'hire_date'?)"
            ),
        ),
        (
            "marts/dim_employees.sql",
            ("    hire_date,", "    date_dif('day', hire_date, hire_date) as hire_date,"),
            (
                " DuckDB refuses the SQL: Catalog Error: Scalar Function with name date_dif does "
                "not exist! (did you mean 'date_diff'?)"
            ),
        ),
        (
            "marts/merchant_categories.sql",
            ("merchant is not null", "merchant is not null and amount = 'abc'"),
            ":8 'abc' stands where a DECIMAL(18,2) is needed, and is none",
        ),
        (
            "marts/fact_transactions.sql",
            ("    transactions.merchant,", "    transactions.merchnt,"),
            (
                ':19 DuckDB refuses the SQL: Binder Error: Table "transactions" does not have a '
                "column named \"merchnt\" (did you mean 'merchant'?)"
            ),
        ),
        (
            "marts/fact_transactions.sql",
            ("    refunds.refund_of", "    refunds.refundof"),
            ":27 DuckDB refuses the SQL: Binder Error: Cannot extract field 'refundof'",
        ),
        (
            "marts/fact_transactions.sql",
            ("    transactions.merchant,", "    transactions.merchant"),
            "; perhaps a comma is missing before transactions",
        ),
        (
            "marts/dim_merchants.sql",
            ("select\n    merchant,\n    first", "select\n    merchant\n    first"),
            "; perhaps a comma is missing before first",
        ),
        (
            "marts/dim_employees.sql",
            ("    is_terminated,", "    is_terminated,\n    1 as one,"),
            " gives a column one that marts.dim_employees does not declare",
        ),
        (
            "marts/dim_employees.sql",
            ("    is_terminated,", "    is_terminated::integer as is_terminated,"),
            "is_terminated: declared BOOLEAN, found INTEGER",
        ),
        (
            "marts/dim_employees.sql",
            ("    first_name,\n    last_name,", "    first_name\n    last_name,"),
            ":1 gives no column first_name, which marts.dim_employees declares",
        ),
        (
            "marts/dim_employees.sql",
            ("    hire_date,", "    hire_date as hired last_name,"),
            (
                ':24 cannot be read as SQL: syntax error at or near "last_name"; perhaps a comma '
                "is missing before last_name"
            ),
        ),
        (
            "marts/dim_employees.sql",
            ("\nfrom intermediate.", "\nfrom {{ ref('int_employees') }}."),
            (
                ':6 cannot be read as SQL: syntax error at or near "{"; this is a template: '
                "write the tables and values themselves"
            ),
        ),
        (
            "marts/dim_employees.sql",
            ("select\n", "{% set x = 1 %}\nselect\n"),
            "this is a template",
        ),
        (
            "staging/stg_employees.sql",
            ("    mask_email(email) as", "    last_name || mask_email(email) as"),
            "no approved mask is applied to LAST_NAME",
        ),
        (
            "macros/money.sql",
            ("    case", "    (case"),
            "sql/macros/money.sql:13 DuckDB refuses the SQL: Parser Error: ",
        ),
        (
            "macros/mask_email.sql",
            ("regexp_matches(", "regex_matches("),
            (
                "sql/macros/mask_email.sql:8 DuckDB refuses the SQL: Catalog Error: Scalar "
                "Function with name regex_matches does not exist! (did you mean 'regexp_matches'?)"
            ),
        ),
        (
            "checks/spend_adds_up.sql",
            ("sum(amount) as spend", "sum(amont) as spend"),
            ':6 DuckDB refuses the SQL: Binder Error: Referenced column "amont" not found',
        ),
        (
            "../catalog.yaml",
            ("filepath: data/employees.csv", "filepath: data/transactions*.csv"),
            "transactions.csv matches the file paths of both",
        ),
    ],
)
def test_what_a_run_refuses_before_it_builds_validate_refuses_in_the_same_words(
    say: Say, workspace: Workspace, file: str, edit: tuple[str, str], problem: str
) -> None:
    workspace.replace(f"sql/{file}", *edit)
    validated = say("catalog", "validate")
    assert problem in validated.err
    assert (validated.code, validated.out) == (1, "")
    assert say("plan") == validated


HOSTILE = r'"[red]x[/red] \e]0;owned\a \u202Egnirts [/bold] \x9b31m"'


@pytest.mark.parametrize("arguments", [("list",), ("show", "marts.dim_merchants")])
def test_what_would_steer_a_terminal_is_shown_as_text(
    say: Say, workspace: Workspace, arguments: tuple[str, ...]
) -> None:
    workspace.replace("catalog.yaml", "Merchants where money was spent.", HOSTILE)
    said = say("catalog", *arguments)
    assert r"[red]x[/red] \x1b]0;owned\x07 \u202egnirts [/bold] \x9b31m" in said.out
    assert "\x1b" not in said.out


def test_a_description_of_several_lines_stays_in_its_row(say: Say, workspace: Workspace) -> None:
    workspace.replace("catalog.yaml", "Merchants where money was spent.", '"one\\ntwo\\r\\tthree"')
    said = say("catalog", "--layer", "marts")
    assert "  one two three" in said.out
    tables = catalog_of(workspace.root).tables.values()
    assert len(said.lines) == 1 + sum(table.layer == "marts" for table in tables)


def test_contracts_are_written_for_what_others_read(say: Say, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "contracts"
    said = say("catalog", "--odcs", str(folder))
    assert said.code == 0
    written = len(list(folder.iterdir()))
    assert said.out == f"{written} data contracts written to {folder}\n"
    (table,) = yaml.safe_load((folder / "marts.dim_employees.odcs.yaml").read_text())["schema"]
    assert [column["name"] for column in table["properties"]][:2] == ["employee_id", "first_name"]


def test_a_folder_that_cannot_be_made_is_named(say: Say, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = say("catalog", "--odcs", str(tmp_path / "file" / "x"))
    assert said.code == 1
    assert said.err == f"{tmp_path}/file/x cannot be written: Not a directory\n"


def test_an_option_before_the_command_it_is_for_is_refused(say: Say) -> None:
    said = say("catalog", "--json", "list")
    assert said.code == 2
    assert "--json must stand after 'list'" in said.err
