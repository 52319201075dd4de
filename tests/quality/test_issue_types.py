"""What an issue is and does is said once, in `quality.issue_types`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from examples import at_night

if TYPE_CHECKING:
    from workspace import Workspace

NEW_ISSUES = {
    # source: the issue, the model that finds it, the end of a SELECT of it, the SELECT for it,
    #         the mart with the column that loses a value, what the record is called
    "employees": (
        "suspicious_name",
        "quality/employee_issues",
        "    where not coalesce(is_email_valid, false)\n",
        "from employees where employee_id = 'E3'",
        ("marts.dim_employees", "employee_id", "E3"),
    ),
    "benefit_accounts": (
        "suspicious_account",
        "quality/benefit_account_issues",
        "    where monthly_allowance is null\n",
        "from benefit_accounts where benefit_account_id = 'A3'",
        ("marts.fact_transactions", "benefit_account_id", "A3"),
    ),
    "transactions": (
        "suspicious_charge",
        "intermediate/int_transaction_issues",
        "    where is_employee_known and not is_own_account\n",
        "from intermediate.int_transactions_enriched where transaction_id = 'T5'",
        ("marts.fact_transactions", "transaction_id", "T5"),
    ),
}


def add_issue(workspace: Workspace, source: str, tier: int) -> None:
    """One row in the table of the issues, one SELECT in that of what was found."""
    issue, table, before, select, _ = NEW_ISSUES[source]
    found = f"select _source_file, _row_number, '{issue}' as issue {select}"
    workspace.replace(
        "sql/quality/issue_types.sql",
        "    values\n",
        f"    values\n    ('{source}', '{issue}', {tier}, 15, 'looks odd to <us>'),\n",
    )
    workspace.replace(f"sql/{table}.sql", before, f"{before}    union all\n    {found}\n")


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(
    "source", ["employees", *at_night(*(it for it in NEW_ISSUES if it != "employees"))]
)
def test_a_new_issue_that_keeps_records_out_takes_them_from_the_marts(
    workspace: Workspace, source: str
) -> None:
    issue, *_, (mart, column, value) = NEW_ISSUES[source]
    assert workspace.query(f"select count(*) > 0 from {mart} where {column} = '{value}'") == [
        (True,)
    ]
    add_issue(workspace, source, tier=2)
    assert {"books", "contracts"} <= workspace.run("CheckContracts")
    assert workspace.query(f"select count(*) from {mart} where {column} = '{value}'") == [(0,)]
    (kept_out,) = workspace.query(
        f"select rejection_reason, rejection_reasons from quality.quarantine_{source} "
        f"where list_contains(rejection_reasons, '{issue}')"
    )
    assert kept_out == (issue, [issue])


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_what_belongs_to_an_employee_who_is_kept_out_is_kept_out_as_well(
    workspace: Workspace,
) -> None:
    add_issue(workspace, "employees", tier=2)
    workspace.run("CheckContracts")
    assert workspace.query(
        "select benefit_account_id, rejection_reason from quality.quarantine_benefit_accounts"
    ) == [("A3", "orphan_benefit_account")]
    assert workspace.query(
        "select transaction_id, rejection_reasons from quality.quarantine_transactions "
        "where transaction_id = 'T5'"
    ) == [("T5", ["invalid_employee_id", "invalid_benefit_account_id"])]
    programs = "select employee_count, account_count from marts.dim_benefit_programs"
    assert workspace.query(f"{programs} where benefit_type = 'meals'") == [(1, 1)]


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_new_issues_that_only_flag_leave_the_records_in_and_are_told(workspace: Workspace) -> None:
    for source in NEW_ISSUES:
        add_issue(workspace, source, tier=1)
    workspace.run("BuildSite")
    for *_, (mart, column, value) in NEW_ISSUES.values():
        found = workspace.query(f"select count(*) > 0 from {mart} where {column} = '{value}'")
        assert found == [(True,)]
    assert "looks odd to &lt;us&gt;" in (workspace.site / "quality.html").read_text("utf-8")


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_issues_that_are_not_declared_fail_the_run(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    for source, (issue, *_) in NEW_ISSUES.items():
        add_issue(workspace, source, tier=2)
        workspace.replace("sql/quality/issue_types.sql", f"'{issue}'", "'another_name'")
    _, succeeded = workspace.attempt("CheckContracts")
    assert not succeeded
    for source in NEW_ISSUES:
        issues = f"quality.{source.removesuffix('s')}_issues"
        assert f"{issues}.issue: relationships (quality.issue_types.issue): 1 of" in caplog.text
        assert f"{issues}.tier: not_null: 1 of" in caplog.text
