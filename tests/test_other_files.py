"""Files with other headers than the sample's: from the first run to what analysts open."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from benepass_tasks.cli.program import main

if TYPE_CHECKING:
    from workspace import Workspace

EMPLOYEES = """employee_id,first_name,last_name,email,hire_date,status
M1,Ida,Iver,ida.iver@example.com,2019-04-01,active
M2,Jon,Juhl,jon.juhl@example.com,2021-09-01,active
M3,Kim,Krag,kim.krag@example.com,2022-02-01,terminated
"""
ACCOUNTS = """\
benefit_account_id,employee_id,benefit_type,program_name,monthly_allowance,current_balance
C1,M1,wellness,Move More,80,12.25
C2,M2,meals,Lunch Card,120,-3.10
C3,M3,meals,Lunch Card,120,about ten
"""
TRANSACTIONS = """transaction_id,employee_id,benefit_account_id,merchant,amount,timestamp,category
S1,M1,C1,River Yoga,31.50,2024-02-05T08:00:00Z,gym
S2,M2,C2,Oak Bakery,9.25,2024-02-06T08:00:00Z,groceries
S3,M1,C2,Oak Bakery,5.00,2024-02-07T08:00:00Z,groceries
S4,M3,C3,Oak Bakery,6.00,2024-02-08T08:00:00Z,groceries
S5,M2,C2,Oak Bakery,-7.00,2024-02-09T08:00:00Z,groceries
S6,M2,C2,Oak Bakery,4.75,2024-02-10T08:00:00Z,groceries
"""


@pytest.fixture
def other(workspace: Workspace) -> Workspace:
    """A project whose transactions have a `timestamp`, and whose accounts have a balance."""
    workspace.write("data/employees.csv", EMPLOYEES)
    workspace.write("data/benefit_accounts.csv", ACCOUNTS)
    workspace.write("data/transactions.csv", TRANSACTIONS)
    return workspace


def test_they_load_without_a_word_and_only_bad_records_are_kept_out(
    other: Workspace, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    other.run("Publish")
    assert [it.message for it in caplog.records if it.levelname != "INFO"] == []
    assert other.query(
        "select transaction_id, amount, dq_flags from marts.fact_transactions order by 1"
    ) == [
        ("S1", Decimal("31.50"), []),
        ("S2", Decimal("9.25"), []),
        ("S6", Decimal("4.75"), []),
    ]
    assert other.query(
        "select transaction_id, rejection_reason from quality.quarantine_transactions order by 1"
    ) == [
        ("S3", "cross_employee_account_usage"),
        ("S4", "terminated_employee"),
        ("S5", "negative_amount"),
    ]
    with other.configured():
        assert main(["status"]) == 0
    assert "Healthy" in capsys.readouterr().out


def test_a_balance_is_money_as_far_as_it_is_one_and_no_account_s_is_published(
    other: Workspace,
) -> None:
    other.run("Publish", min_group_size="2")
    assert other.query(
        "select benefit_account_id, current_balance, current_balance_as_written "
        "from intermediate.int_benefit_accounts order by 1"
    ) == [
        ("C1", Decimal("12.25"), None),
        ("C2", Decimal("-3.10"), None),
        ("C3", None, "about ten"),
    ]
    assert other.query_published(
        "select distinct table_name from duckdb_columns() where column_name like '%balance%'"
    ) == [("program_balances",)]
    withheld = other.query_published(
        "select distinct stated_balance, expected_balance from marts.program_balances"
    )
    assert withheld == [(None, None)], "each programme has one employee"
