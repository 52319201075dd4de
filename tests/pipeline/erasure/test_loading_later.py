"""A file that brings somebody back who is erased is loaded without the person."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from erasing import ACCOUNTS, EMPLOYEES, TRANSACTIONS, totals
from examples import at_night

from benepass_tasks.config.hash_key import VARIABLE
from tests.pipeline.erasure.conftest import copy_of

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace

    from tests.pipeline.erasure.conftest import Erased

LATER = """\
TXN-30020,EMP-1001,ACC-2001,Iron Heron Gym,1.00,2025-03-05T10:00:00Z,gym
TXN-30021,,ACC-2001,Iron Heron Gym,2.00,2025-03-05T10:00:00Z,gym
TXN-30022,EMP-1002,ACC-2001,Plum Crate,3.00,2025-03-05T10:00:00Z,groceries
TXN-30023,EMP-1002,ACC-2002,Plum Crate,4.00,2025-03-05T10:00:00Z,groceries
TXN-30024,EMP-1001,ACC-2001
"""
HEADER = TRANSACTIONS.splitlines(keepends=True)[0]


@pytest.fixture
def later(done: Erased, tmp_path: Path) -> Workspace:
    """A project that nobody may change for the other tests."""
    return copy_of(done.workspace, tmp_path / "project")


def spent(workspace: Workspace) -> Decimal:
    ((found,),) = workspace.query("select sum(amount) from marts.fact_transactions")
    return Decimal(found)


def test_a_new_file_is_loaded_without_the_person_and_the_books_count_it(later: Workspace) -> None:
    before = spent(later)
    later.write("data/transactions_02.csv", HEADER + LATER)
    later.run()
    assert later.query(
        "select transaction_id, employee_id, benefit_account_id from raw.transactions "
        "where _source_file = 'transactions_02.csv' order by 1"
    ) == [("TXN-30022", "EMP-1002", None), ("TXN-30023", "EMP-1002", "ACC-2002")]
    assert later.query(
        "select records, parsed, rejected, erased from meta.loads "
        "where file = 'transactions_02.csv'"
    ) == [(5, 2, 0, 3)]
    assert spent(later) - before == 4


@pytest.mark.nightly
def test_a_file_that_is_loaded_again_keeps_what_is_left_of_the_person(later: Workspace) -> None:
    before = totals(later)
    accounts = ACCOUNTS.replace("ACC-2002,", "ACC-2002 ,")
    later.write("data/benefit_accounts.csv", accounts)
    later.write("data/employees.csv", EMPLOYEES.replace("Hugo", "Hugh"))
    later.write("data/transactions.csv", TRANSACTIONS.replace("12.50", "12.5"))
    later.run()
    after = totals(later)
    money = ("by month", "by programme", "by merchant")
    assert {it: after[it] for it in money} == {it: before[it] for it in money}
    assert later.query("select count(*) from raw.transactions where employee_id = 'EMP-1001'") == [
        (0,)
    ]
    # And once more: what is kept is kept.
    later.write("data/transactions.csv", TRANSACTIONS.replace("12.50", "12.5") + "\n")
    later.run()
    assert {it: totals(later)[it] for it in money} == {it: before[it] for it in money}


@pytest.mark.nightly
def test_a_warehouse_built_anew_has_nothing_of_the_person(later: Workspace) -> None:
    later.warehouse.unlink()
    later.run()
    held = later.query(
        "select count(*) from raw.employees where last_name in ('Aldous', 'Marlowe')"
    )
    assert held == [(0,)]
    assert later.query("select sum(erased) from meta.loads") == [(3 + 2 + 9,)]


@pytest.mark.parametrize("key", ["f" * 40, *at_night("")])
def test_a_run_without_the_key_of_the_list_loads_nothing(
    later: Workspace, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv(VARIABLE, key)
    later.write("data/transactions_02.csv", HEADER + LATER)
    made, succeeded = later.attempt()
    assert (made, succeeded) == (set(), False)
    assert later.query("select count(*) from raw.transactions") == [(11,)]
