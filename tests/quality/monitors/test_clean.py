"""A source is not healthy where too little of it is clean, or where its ids restart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from projects import catalog_of, definitions

from benepass_tasks.quality.monitors.clean import judge_clean
from benepass_tasks.state.history.read import SourceFigures

if TYPE_CHECKING:
    from workspace import Workspace

NONE = SourceFigures("transactions", 0, 0, 0, 0, 0, None, None, {}, {})
HEADER = (
    "transaction_id,employee_id,benefit_account_id,merchant,amount,transaction_timestamp,category"
)
RATES = (
    "select figure, value from meta.quality_figures where dataset = 'transactions' "
    "and figure in ('accepted_rate', 'accepted_money_rate') order by all"
)
WRONG = (
    "select key from meta.incidents where resolved_at is null and severity = 'fail' order by all"
)


def charge(number: int, amount: str, account: str = "A1", day: int = 1) -> str:
    return f"T{number},E1,{account},Fit {number},{amount},2025-03-0{day}T1{number}:00:00Z,gym"


def with_charges(workspace: Workspace, *charges: str, name: str = "transactions.csv") -> None:
    workspace.write(f"data/{name}", "\n".join([HEADER, *charges, ""]))


@pytest.mark.usefixtures("finished")
def test_shares_are_judged_by_the_catalog_and_nothing_is_said_without_a_figure(
    workspace: Workspace,
) -> None:
    catalog = catalog_of(workspace.root)
    figures = replace(NONE, accepted_rate=0.49, accepted_money_rate=0.5)
    results = list(judge_clean([figures], catalog))
    assert [(it.name, it.status) for it in results] == [("records", "fail"), ("money", "ok")]
    assert results[0].message == (
        "49.0% of the records are neither rejected nor quarantined; expected are at least 50%"
    )
    assert list(judge_clean([NONE], catalog)) == []


FLAGGED = (
    "select dataset, status, message from meta.monitor_results "
    "where monitor = 'flagged_share' and status <> 'ok'"
)


@pytest.mark.nightly
def test_the_first_run_is_unhealthy_where_most_of_what_is_accepted_has_a_flag(
    workspace: Workspace,
) -> None:
    """Nobody whose date of hire cannot be read is kept out."""
    for day in ("2020-01-01", "2021-06-15"):
        workspace.replace("data/employees.csv", day, day.replace("-", "/"))
    workspace.run()
    message = (
        "66.7% of the accepted records have a flag: invalid_hire_date (2); expected are at most 50%"
    )
    assert workspace.query(FLAGGED) == [("employees", "warn", message)]
    open_ = "select key from meta.incidents where resolved_at is null and key like 'flagged_%'"
    assert workspace.query(open_) == [("flagged_share:employees",)]


@pytest.mark.nightly
def test_a_column_that_a_file_does_not_have_makes_nothing_unhealthy(workspace: Workspace) -> None:
    lines = [HEADER, charge(1, "10.00"), charge(2, "20.00")]
    without = "\n".join(it.rpartition(",")[0] for it in lines)
    workspace.write("data/transactions.csv", f"{without}\n")
    workspace.run()
    flags = "select distinct unnest(dq_flags) from marts.fact_transactions"
    assert workspace.query(flags) == [("missing_category",)]
    assert workspace.query(FLAGGED) == []
    workspace.write("data/transactions.csv", "\n".join(f"{it}," for it in without.split("\n")))
    workspace.replace("data/transactions.csv", "timestamp,", "timestamp,category")
    workspace.run()
    assert [dataset for dataset, *_ in workspace.query(FLAGGED)] == ["transactions"]


@pytest.mark.parametrize(("rate", "status"), [(0.799, "fail"), (0.8, "ok")])
def test_where_the_catalog_says_nothing_four_of_five_are_enough(rate: float, status: str) -> None:

    figures = replace(NONE, accepted_rate=rate)
    (result,) = judge_clean([figures], definitions().catalog)
    assert result.status == status


def test_the_first_run_is_unhealthy_where_most_of_the_money_is_quarantined(
    workspace: Workspace,
) -> None:
    """Of the records, half are clean; copies stand for nothing, and say nothing of the money."""
    copies = [charge(1, "10.00")] * 3
    with_charges(workspace, *copies, charge(2, "90.00", account="A9"))
    workspace.run()
    assert workspace.query(RATES) == [("accepted_money_rate", 0.1), ("accepted_rate", 0.5)]
    assert workspace.query(WRONG) == [("clean_share:transactions:money",)]


@pytest.mark.nightly
def test_money_that_cannot_be_read_weighs_as_much_as_on_average(workspace: Workspace) -> None:
    with_charges(workspace, charge(1, "10.00"), charge(2, "30.00"), charge(3, "USD"))
    workspace.run()
    assert workspace.query(RATES)[0] == ("accepted_money_rate", pytest.approx(2 / 3))


@pytest.mark.nightly
def test_where_no_amount_can_be_read_the_records_count(workspace: Workspace) -> None:
    with_charges(workspace, charge(1, "a"), charge(2, "b"))
    workspace.run()
    assert workspace.query(RATES) == [("accepted_money_rate", 0.0), ("accepted_rate", 0.0)]


@pytest.mark.nightly
def test_a_file_most_of_which_is_lost_is_not_made_good_by_the_others(workspace: Workspace) -> None:
    for month in range(1, 8):
        charges = [
            charge(it, f"{it}.00")
            .replace(f"T{it},", f"T{month}-{it},")
            .replace("-03-", f"-{month:02}-")
            for it in range(1, 5)
        ]
        with_charges(workspace, *charges, name=f"transactions_{month}.csv")
    workspace.run()
    assert workspace.query(WRONG) == []

    lost = [charge(it, f"{it},00").replace(f"T{it},", f"T8-{it},") for it in range(1, 4)]
    lost = [it.replace(f"{number},00", f'"{number},00"') for number, it in enumerate(lost, 1)]
    with_charges(workspace, *lost, charge(9, "9.00"), name="transactions_8.csv")
    workspace.run()
    assert workspace.query(WRONG) == [("clean_share:transactions:transactions_8.csv",)]
    ((message,),) = workspace.query(
        "select message from meta.monitor_results where name = 'transactions_8.csv'"
    )
    assert message == (
        "25.0% of the records of transactions_8.csv are neither rejected nor quarantined; expected "
        "are at least 50%"
    )


@pytest.mark.nightly
def test_a_file_most_of_which_is_flagged_is_not_made_good_by_the_others(
    workspace: Workspace,
) -> None:
    for month in range(1, 9):
        amount = "{}.00" if month < 8 else "{}00.00"
        charges = [
            charge(it, amount.format(it))
            .replace(f"T{it},", f"T{month}-{it},")
            .replace("-03-", f"-{month:02}-")
            for it in range(1, 5)
        ]
        with_charges(workspace, *charges, name=f"transactions_{month}.csv")
        if month == 7:
            workspace.run()
            assert workspace.query(FLAGGED) == []
    workspace.run(accept="transactions")
    said = (
        "75.0% of the accepted records of transactions_8.csv have a flag; expected are at most 50%"
    )
    assert workspace.query(FLAGGED) == [("transactions", "warn", said)]


@pytest.mark.nightly
def test_records_that_are_restated_are_not_doubtful(workspace: Workspace) -> None:
    with_charges(workspace, *(charge(it, f"{it}.00") for it in range(1, 5)))
    restated = [charge(it, f"{it}.50") for it in range(1, 5)]
    with_charges(workspace, *restated, name="transactions_2.csv")
    workspace.run()
    assert workspace.query(FLAGGED) == []


@pytest.mark.nightly
def test_a_file_that_sends_all_again_has_lost_nothing(workspace: Workspace) -> None:
    charges = [charge(it, f"{it}.00") for it in range(1, 5)]
    with_charges(workspace, *charges)
    with_charges(workspace, *charges, charge(5, "5.00"), name="transactions_2.csv")
    workspace.run()
    assert workspace.query(WRONG) == []


@pytest.mark.nightly
def test_ids_that_restart_in_each_file_are_said_to(workspace: Workspace) -> None:
    with_charges(workspace, charge(1, "1.00"), charge(2, "2.00"))
    others = [charge(1, "3.00", day=5), charge(2, "4.00", day=6), charge(3, "5.00", day=7)]
    others = [it.replace("Fit", "Other") for it in others]
    with_charges(workspace, *others, name="transactions_2.csv")
    workspace.run()
    assert "restarted_ids:transactions" in [key for (key,) in workspace.query(WRONG)]
    ((message,),) = workspace.query(
        "select message from meta.monitor_results where monitor = 'restarted_ids'"
    )
    assert message == (
        "the ids look restarted (if they are: key: [transaction_id, _source_file]): most of "
        "transactions.csv, transactions_2.csv stand for something else in other files"
    )


SPLIT = (
    "select message from meta.monitor_results where monitor = 'split_charges' "
    "order by checked_at desc limit 1"
)


def test_a_charge_that_stands_there_as_a_whole_and_in_parts_is_told(workspace: Workspace) -> None:
    def part(of: int, name: str, amount: str) -> str:
        return charge(of, amount).replace(f"T{of},", f"T{of}{name},")

    wholes = [charge(1, "10.00"), charge(2, "20.00"), charge(3, "30.00"), charge(4, "5.00")]
    parts = [part(1, "-1", "4.00"), part(1, "-2", "6.00"), part(2, "_A1", "15.00")]
    others = [part(3, "/1", "10.00"), part(3, "/2", "10.00"), part(4, ".1", "5.00")]
    with_charges(workspace, *wholes, *parts, part(2, "_A2", "5.00"), *others)
    workspace.run()
    assert "split_charges:transactions" in [key for (key,) in workspace.query(WRONG)]
    ((message,),) = workspace.query(SPLIT)
    assert message.startswith("2 charges, USD 30.00, count twice: as a whole, and in parts")


@pytest.mark.nightly
def test_a_file_of_which_few_ids_come_again_does_not_restart_them(workspace: Workspace) -> None:
    with_charges(workspace, charge(1, "1.00"), charge(2, "2.00"), charge(3, "3.00"))
    others = [charge(3, "4.00", day=5), charge(4, "4.00"), charge(5, "5.00")]
    with_charges(workspace, *others, name="transactions_2.csv")
    workspace.run()
    assert "restarted_ids:transactions" not in [key for (key,) in workspace.query(WRONG)]
