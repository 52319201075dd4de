"""Contracts as users meet them: in the catalog, in a run, in its log and its exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from projects import catalog_of

if TYPE_CHECKING:
    from workspace import Workspace

RESULTS = "select count(*) from meta.check_results"
STATUSES = "select distinct status from meta.check_results order by all"


def every_table(workspace: Workspace) -> set[str]:
    rows = workspace.query("select distinct relation from meta.check_results")
    return {f"contracts/{relation}" for (relation,) in rows}


@pytest.mark.usefixtures("finished")
def test_all_tables_with_tests_are_checked_once(workspace: Workspace) -> None:
    made = workspace.run("CheckContracts")
    assert made == every_table(workspace) | {"contracts"}
    tables = catalog_of(workspace.root).tables.values()
    assert every_table(workspace) == {
        f"contracts/{table.relation}" for table in tables if any(table.promises)
    }
    assert workspace.query(STATUSES) == [("passed",)]
    before = workspace.query("from meta.check_results order by all")
    assert workspace.run("CheckContracts") == set()
    assert workspace.query("from meta.check_results order by all") == before


@pytest.mark.usefixtures("tested")
def test_a_changed_test_checks_its_table_alone(workspace: Workspace) -> None:
    workspace.replace("catalog.yaml", "{min: '2000-01-01'}", "{min: '2000-01-02'}")
    assert workspace.run("CheckContracts") == {"contracts", "contracts/marts.fact_transactions"}


@pytest.mark.usefixtures("tested")
def test_changed_content_checks_its_table_and_those_that_refer_to_it(workspace: Workspace) -> None:
    workspace.replace("data/employees.csv", "Cy,Cole", "Cya,Cole")
    made = {name for name in workspace.run("CheckContracts") if name.startswith("contracts")}
    assert made == {
        "contracts",
        "contracts/marts.dim_employees",
        "contracts/marts.fact_transactions",
    }


@pytest.mark.nightly
@pytest.mark.usefixtures("tested")
def test_a_changed_check_is_run_again_and_a_comment_changes_nothing(workspace: Workspace) -> None:
    check = "sql/checks/spend_adds_up.sql"
    workspace.replace(check, "-- Purpose:", "-- The purpose:")
    assert workspace.run("CheckContracts") == set()
    workspace.replace(check, "is distinct from summed.spend", "<> summed.spend")
    assert workspace.run("CheckContracts") == {"contracts", "contracts/marts.program_utilization"}


@pytest.mark.usefixtures("tested")
def test_a_table_that_promises_nothing_any_more_is_vouched_for_no_more(
    workspace: Workspace,
) -> None:
    for old, new in (
        ("merchant: {type: VARCHAR, tests: [not_null, unique]}", "merchant: {type: VARCHAR}"),
        (
            "transactions at the merchant.,\n        type: BIGINT, tests: *counted}",
            "transactions there., type: BIGINT}",
        ),
    ):
        workspace.replace("catalog.yaml", old, new)
    assert workspace.run("CheckContracts") == {"contracts"}
    names = {name for name, _ in workspace.vouched_for()}
    assert "contracts/marts.dim_merchants" not in names
    assert "contracts/marts.dim_employees" in names


@pytest.mark.usefixtures("tested")
def test_results_are_a_history(workspace: Workspace) -> None:
    workspace.change("update meta.check_results set run_id = 'earlier'")
    ((before,),) = workspace.query(RESULTS)
    workspace.replace("catalog.yaml", "{min: '2000-01-01'}", "{min: '2000-01-02'}")
    workspace.run("CheckContracts")
    rows = workspace.query(
        "select run_id = 'earlier', count(*) from meta.check_results "
        "where relation = 'marts.fact_transactions' group by all order by all"
    )
    (_, now), (_, earlier) = rows
    assert now == earlier > 1
    assert workspace.query(RESULTS) == [(before + now,)]
    assert (
        workspace.query(
            "select run_id, relation, column_name, test, arguments from meta.check_results "
            "group by all having count(*) > 1"
        )
        == []
    )


@pytest.mark.usefixtures("tested")
def test_results_dropped_by_hand_come_back(workspace: Workspace) -> None:
    ((before,),) = workspace.query(RESULTS)
    workspace.change("drop table meta.check_results")
    workspace.run("CheckContracts")
    assert workspace.query(RESULTS) == [(before,)]


@pytest.mark.usefixtures("finished")
def test_a_test_that_fails_ends_the_command_with_30_and_says_all(workspace: Workspace) -> None:
    workspace.require_amounts_from("55")
    done = workspace.run_command(task="CheckContracts")
    assert done.returncode == 30, done.stderr
    assert "CheckContracts() failed: 1 of " in done.stderr
    line = (
        "  marts.fact_transactions.amount: range (min 55): 2 of 3 rows; keys in meta.check_results"
    )
    assert line in done.stderr.splitlines()
    assert "what was found is in meta.check_results; the tests are in catalog.yaml" in done.stderr
    assert "Traceback" not in done.stderr
    assert workspace.query("select count(*) from marts.fact_transactions") == [(3,)]
    assert workspace.query(
        "select relation, column_name, failing_rows, sample_keys from meta.check_results "
        "where status = 'failed'"
    ) == [("marts.fact_transactions", "amount", 2, ["T2", "T5"])]
    names = {name for name, _ in workspace.vouched_for()}
    assert "contracts/marts.dim_employees" in names
    assert not {"contracts", "contracts/marts.fact_transactions"} & names


@pytest.mark.usefixtures("tested")
def test_what_failed_is_checked_until_it_is_mended(workspace: Workspace) -> None:
    workspace.require_amounts_from("55")
    assert not workspace.attempt("CheckContracts")[1]
    assert not workspace.attempt("CheckContracts")[1]
    workspace.replace("catalog.yaml", "{range: {min: 55}}", "{range: {min: 0.01}}")
    assert workspace.run("CheckContracts") == {"contracts", "contracts/marts.fact_transactions"}


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_what_only_warns_ends_the_command_with_0_and_a_table(workspace: Workspace) -> None:
    workspace.replace("catalog.yaml", "{min: '2000-01-01'}", "{min: '2025-03-05'}")
    done = workspace.run_command(task="CheckContracts")
    assert done.returncode == 0, done.stderr
    warning = (
        "WARNING: marts.fact_transactions.transaction_timestamp: range (min 2025-03-05): "
        "2 of 3 rows; keys in meta.check_results\n"
    )
    assert warning in done.stderr
    assert "tables passed, 1 warned, 0 failed" in done.stderr
    lines = [" ".join(line.split()) for line in done.stderr.splitlines()]
    assert "table and column test status failing rows" in lines
    assert workspace.run("CheckContracts") == set()


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_where_all_is_kept_one_line_says_so(workspace: Workspace) -> None:
    done = workspace.run_command(task="CheckContracts")
    assert done.returncode == 0, done.stderr
    assert "tables passed, 0 warned, 0 failed" in done.stderr
    assert "table and column" not in done.stderr


HOSTILE = {
    "employees": (
        ",,,,,\nE1,,,,,\nE1,x,y,z,2020-02-30,odd\n'; drop table x; --,\x1b[31m,,@,soon,?\n"
        "E4,Di,Dow,di@example.com,1899-01-01,active\n"
    ),
    "benefit_accounts": (
        ",,,,\nA1,E9,,,\nA9,E4,,,-5\nA8,E4,unheard of,,9999999999999999.99\nA7,E4,,,NaN\n"
    ),
    "transactions": (
        ",,,,,,\nT1,E1,A1,x,1,2025-01-01,gym\nT9,E4,A9,,0.01,1000-01-01,\n"
        "T8,E4,A8,\x1b[31m,9999999999999999.99,9999-12-31,'; drop table x\nT7,E4,A7,,1e3,x,\n"
        "broken\nT6,E4,A8,%s ?,NaN,2025-01-01T00:00:00+25:00,gym\nT5,E4,A8,,0.01,1000-01-01,\n"
    ),
}


@pytest.mark.nightly
def test_bad_data_never_fails_a_test(workspace: Workspace) -> None:
    for name, rows in HOSTILE.items():
        with (workspace.data / f"{name}.csv").open("a") as file:
            file.write(rows)
    workspace.run("CheckContracts")
    assert workspace.query(STATUSES) == [("passed",), ("warned",)]


@pytest.mark.nightly
@pytest.mark.parametrize(
    "emptied",
    [
        (*HOSTILE, "category_benefit_mappings"),
        *((it,) for it in HOSTILE),
    ],
)
def test_missing_data_never_fails_a_test(workspace: Workspace, emptied: tuple[str, ...]) -> None:
    for name in emptied:
        path = workspace.data / f"{name}.csv"
        path.write_text(path.read_text().splitlines(keepends=True)[0])
    workspace.run("CheckContracts")
    assert ("warned",) in workspace.query(STATUSES)


# --- Columns as declared ------------------------------------------------------------------------


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param(
            "\nfrom marts.merchant_categories\n",
            ",\n    1 as extra\nfrom marts.merchant_categories\n",
            "sql/marts/dim_merchants.sql:8 gives a column extra that marts.dim_merchants does not "
            "declare; declare it in catalog.yaml, or take it out",
            id="undeclared",
        ),
        pytest.param(
            "    merchant,\n    first(",
            "    merchant as merchants,\n    first(",
            "sql/marts/dim_merchants.sql:1 gives no column merchant, which marts.dim_merchants "
            "declares; select it, or take it out of catalog.yaml",
            id="missing",
        ),
    ],
)
def test_columns_that_the_sql_does_not_declare_stop_the_run(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, old: str, new: str, message: str
) -> None:
    before = workspace.content()
    workspace.replace("sql/marts/dim_merchants.sql", old, new)
    made, succeeded = workspace.attempt()
    assert not succeeded
    assert made == set()
    assert message in caplog.text
    assert workspace.content() == before


@pytest.mark.usefixtures("finished")
def test_a_column_of_another_type_fails_the_build_and_keeps_the_table(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    before = workspace.content()
    file = "sql/marts/dim_merchants.sql"
    workspace.replace(file, "(transaction_count) as bigint)", "(transaction_count) as integer)")
    made, succeeded = workspace.attempt()
    assert not succeeded
    assert made == set()
    heading = f"{file}: marts.dim_merchants is not as catalog.yaml declares it:\n"
    assert heading in caplog.text
    assert (
        "  transaction_count: declared BIGINT, found INTEGER: cast it in the SQL, or correct "
        "its type in the catalog"
    ) in caplog.text.splitlines()
    assert workspace.content() == before


STAR = """
  marts.mappings:
    description: The mappings.
    columns: {benefit_type: {type: VARCHAR}, valid_category: {type: VARCHAR}}
"""


@pytest.mark.nightly
def test_a_column_that_a_file_brings_does_not_slip_through_a_star(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    workspace.write(
        "sql/marts/mappings.sql",
        "select * exclude (_source_file, _row_number, _dlt_load_id)\n"
        "from raw.category_benefit_mappings\n",
    )
    workspace.replace("catalog.yaml", "columns: freeze", "columns: evolve")
    with (workspace.root / "catalog.yaml").open("a", encoding="utf-8") as catalog:
        catalog.write(STAR)
    workspace.run()
    before = workspace.content()
    file = "benefit_type,valid_category,owner\nwellness,gym,Ann Archer\nmeals,groceries,Bo Baker\n"
    workspace.write("data/category_benefit_mappings.csv", file)
    assert not workspace.attempt()[1]
    assert (
        "  owner: not declared, found VARCHAR: declare it under "
        "marts.mappings.metadata.columns, or do not select it"
    ) in caplog.text.splitlines()
    assert workspace.content()["marts.mappings"] == before["marts.mappings"]


@pytest.mark.usefixtures("finished")
def test_a_column_of_a_view_of_another_type_than_it_declares_fails_its_build(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    column = '      valid_category: {description: "Spending category that it allows, in'
    typed = f"      _row_number: {{description: Row., type: BIGINT}}\n{column}"
    workspace.replace("catalog.yaml", column, typed)
    workspace.replace(
        "sql/staging/stg_category_benefit_mappings.sql",
        "    _row_number\n",
        "    cast(_row_number as integer) as _row_number\n",
    )
    assert not workspace.attempt()[1]
    assert "  _row_number: declared BIGINT, found INTEGER" in caplog.text
    assert workspace.query("select _row_number from staging.stg_category_benefit_mappings")


@pytest.mark.usefixtures("finished")
def test_a_changed_declaration_is_held_against_the_table(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    workspace.replace(
        "catalog.yaml",
        'type: "DECIMAL(38,2)", pii: *money',
        "type: DOUBLE, pii: *money",
    )
    assert not workspace.attempt()[1]
    assert "  spend: declared DOUBLE, found DECIMAL(38,2): cast it" in caplog.text


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_a_raw_column_of_another_type_fails_and_says_what_to_do(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    header = "employee_id,first_name,last_name,email,hire_date,status,note\n"
    row = "E1,Ann,Archer,ann.archer@example.com,2020-01-01,active,new\n"
    workspace.write("data/employees.csv", f"{header}{row}")
    workspace.run()
    status = '      status: {description: "active'
    note = "      note: {description: Whatever., required: false}\n"
    workspace.replace("catalog.yaml", status, f"{note}{status}")
    raw = (
        "  raw.employees: {description: Records., source: employees, "
        "columns: {note: {type: INTEGER}}}\n"
    )
    workspace.write("catalog.yaml", (workspace.root / "catalog.yaml").read_text() + raw)
    assert not workspace.attempt()[1]
    assert "  note: declared INTEGER, found VARCHAR" in caplog.text
    assert "drop table raw.employees" in caplog.text


@pytest.mark.usefixtures("tested")
def test_a_check_may_use_macros_and_settings(workspace: Workspace) -> None:
    workspace.write(
        "sql/checks/spend_adds_up.sql",
        "select clean_label('x') from marts.program_utilization\n"
        "where spend_month > getvariable('as_of_date')\n",
    )
    workspace.run("CheckContracts")
    made = workspace.run("CheckContracts", as_of="2026-01-02")
    assert "contracts/marts.program_utilization" in made
