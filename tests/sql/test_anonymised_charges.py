"""The SQL counts an anonymised charge as what it was: all sums stay, and nothing else comes in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from promises import broken

from tests.sql.test_declared_records import company

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb
    from workbench import Row, Workbench

    Changed = Callable[..., Workbench]

PURPOSE = "    purpose: to settle benefits and to see what they are used for\n"
RETENTION = "    retention: {keep: 1 year, by: transaction_timestamp, then: anonymise}\n"
NETTED = "    refunds: net\n"

SUMS = {
    "month": "date_trunc('month', transaction_timestamp)",
    "programme": "concat_ws('/', benefit_type, program_name)",
    "merchant": "merchant",
}
WHOLE = {
    "marts.program_utilization": "spend_month, benefit_type, program_name, allowance, spend",
    "marts.program_balances": "balance_month, program_name, spend, refunds, expected_balance",
    "marts.dim_merchants": "merchant, primary_category, transaction_count",
}

charges = st.lists(
    st.fixed_dictionaries(
        {
            "transaction_id": st.sampled_from([None, *(f"T{it}" for it in range(9))]),
            "employee_id": st.sampled_from(["E1", "E1", "E2", "E9", "E404", None]),
            "benefit_account_id": st.sampled_from(["A1", "A1", "A2", "A9", "A404", None]),
            "merchant": st.sampled_from(["Iron Hall", "Plum Crate", None]),
            "amount": st.sampled_from(["10.00", "95.00", "-10.00", "0.00", "ten"]),
            "transaction_timestamp": st.sampled_from(
                [
                    "2024-06-15T12:00:00Z",
                    "2024-06-15T12:05:00",
                    "2024-07-01T00:00:00Z",
                    "2025-06-15T12:00:00Z",
                    "not a time",
                ]
            ),
            "category": st.sampled_from(["gym", "food", None]),
        }
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def workbench(changed: Changed) -> Workbench:
    """The project, with a retention of charges, and refunds that lower the spend."""
    return changed((PURPOSE, PURPOSE + RETENTION + NETTED))


def counted(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """What accepted charges come to."""
    found = {
        name: connection.execute(
            f"select {group}, sum(amount), count(*) from marts.fact_transactions "
            "group by 1 order by 1"
        ).fetchall()
        for name, group in SUMS.items()
    }
    return found | {
        table: connection.execute(f"select {columns} from {table} order by all").fetchall()
        for table, columns in WHOLE.items()
    }


def accepted(connection: duckdb.DuckDBPyConnection) -> dict[int, str]:
    """What each accepted record counts for, by its number."""
    found = connection.execute("""
        select _row_number, json_object('benefit_type', benefit_type, 'program_name', program_name)
        from intermediate.int_transactions_enriched
        anti join quality.quarantine_transactions using (_source_file, _row_number)
    """).fetchall()
    return dict(found)


def anonymised(rows: list[Row], outcomes: dict[int, str]) -> list[Row]:
    """The records of which those of 2024 are anonymised, as an enforced retention leaves them."""
    days: dict[str, str] = {}
    for number, row in enumerate(rows, 1):
        unit = row["transaction_id"] or str(number)
        if str(row["transaction_timestamp"])[:2] == "20":
            days[unit] = max(days.get(unit, ""), str(row["transaction_timestamp"]))
    left: list[Row] = []
    for number, row in enumerate(rows, 1):
        is_due = days.get(row["transaction_id"] or str(number), "9") < "2025"
        if not is_due:
            left.append(row | {"_row_number": str(number)})
        elif number in outcomes:
            left.append(
                row
                | {
                    "transaction_id": f"erased-{number}",
                    "employee_id": None,
                    "benefit_account_id": None,
                    "_outcome": outcomes[number],
                    "_source_file": "(erased) transactions.csv~1",
                }
            )
    return left


@examples(8)
@given(rows=charges)
def test_no_sum_moves_and_nothing_else_is_accepted(workbench: Workbench, rows: list[Row]) -> None:
    with workbench.built(company(workbench, rows)) as connection:
        before, outcomes = counted(connection), accepted(connection)
    with workbench.built(company(workbench, anonymised(rows, outcomes))) as connection:
        assert broken(connection, workbench) == []
        assert counted(connection) == before
        assert connection.execute(
            "select count(*) from quality.quarantine_transactions "
            "where starts_with(transaction_id, 'erased-')"
        ).fetchall() == [(0,)]


def test_a_programme_without_accounts_keeps_what_was_spent(workbench: Workbench) -> None:
    outcome = json.dumps({"benefit_type": "meals", "program_name": "Old Kitchen"})
    charge = {"transaction_id": "erased-1", "employee_id": None, "benefit_account_id": None}
    rows: list[Row] = [{**charge, "amount": "12.34", "category": "gym", "_outcome": outcome}]
    with workbench.built(company(workbench, rows)) as connection:
        assert connection.execute(
            "select spend::varchar, account_count from marts.program_utilization "
            "where program_name = 'Old Kitchen'"
        ).fetchall() == [("12.34", 0)]
        assert connection.execute(
            "select spend::varchar from marts.program_balances where program_name = 'Old Kitchen'"
        ).fetchall() == [("12.34",)]
        assert connection.execute("select dq_flags from marts.fact_transactions").fetchall() == [
            (["category_mismatch"],)
        ]
