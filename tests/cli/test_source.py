"""`source`: what becomes of the files of the sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from examples import at_night

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace import Workspace

    from tests.cli.conftest import Said

    Say = Callable[..., Said]

SECOND = "data/transactions_2.csv"


@pytest.fixture
def one_gone(workspace: Workspace) -> Workspace:
    """A built workspace whose second file of transactions is gone again."""
    rows = (workspace.data / "transactions.csv").read_text()
    workspace.write(SECOND, rows.replace("\nT", "\nU") + "broken\n")
    workspace.run()
    (workspace.root / SECOND).unlink()
    return workspace


def test_a_file_that_is_gone_is_forgotten_with_its_rows_and_money_named(
    say: Say, one_gone: Workspace
) -> None:
    (money,) = one_gone.query(
        "select sum(amount) from staging.stg_transactions where _source_file = 'transactions_2.csv'"
    )[0]
    said = say("source", "forget", "transactions_2.csv", "--yes")
    assert said.code == 0
    loss = f"5 rows and 1 rejected records, USD {money:,.2f}"
    assert said.lines[0] == f"transactions: transactions_2.csv is gone; with it go {loss}."
    assert one_gone.query("select count(*) from raw.transactions") == [(5,)]
    assert one_gone.query("select count(*) from raw.rejected_rows") == [(0,)]
    assert one_gone.query("select decision, source, file, detail, run_id from meta.decisions") == [
        ("forgotten", "transactions", "transactions_2.csv", loss, None)
    ]
    one_gone.run()
    assert one_gone.query(
        "select count(*) from marts.fact_transactions where transaction_id like 'U%'"
    ) == [(0,)]


@pytest.mark.nightly
@pytest.mark.parametrize(
    "name", ["transactions_2.csv", *at_night(SECOND, "{root}/data/transactions_2.csv")]
)
def test_the_file_is_named_as_the_run_the_catalog_or_the_disk_does(
    say: Say, one_gone: Workspace, name: str
) -> None:
    assert say("source", "forget", name.format(root=one_gone.root), "--yes").code == 0
    assert one_gone.query("select count(*) from raw.transactions") == [(5,)]


@pytest.mark.nightly
def test_without_a_terminal_nothing_is_removed_unless_it_is_said(
    say: Say, one_gone: Workspace
) -> None:
    said = say("source", "forget", "transactions_2.csv")
    assert said.code == 2
    assert "say --yes" in said.err
    assert one_gone.query("select count(*) from raw.transactions") == [(10,)]


@pytest.mark.usefixtures("finished")
def test_a_file_that_is_there_is_not_forgotten(say: Say, workspace: Workspace) -> None:
    said = say("source", "forget", "transactions.csv", "--yes")
    assert said.code == 1
    assert "Move it out of the data folder first" in said.err
    assert workspace.query("select count(*) from meta.decisions") == [(0,)]


@pytest.mark.usefixtures("finished")
def test_a_file_that_was_never_loaded_is_named_with_the_nearest(say: Say) -> None:
    said = say("source", "forget", "transaction.csv", "--yes")
    assert said.code == 1
    assert said.err == ("no file 'transaction.csv' is loaded (did you mean 'transactions.csv'?)\n")


@pytest.mark.nightly
def test_forgetting_the_file_forgets_those_whom_it_once_had(say: Say, workspace: Workspace) -> None:
    word = "    reconciliation: {staging: staging.stg_employees,"
    workspace.replace("catalog.yaml", word, f"    census: active_only\n{word}")
    workspace.run("raw.employees")
    header, _, *others = (workspace.data / "employees.csv").read_text().splitlines()
    workspace.write("data/employees.csv", "\n".join([header, *others, ""]))
    workspace.run("raw.employees")
    (workspace.data / "employees.csv").unlink()
    said = say("source", "forget", "employees.csv", "--yes")
    assert "2 rows and 0 rejected records, and 1 of those whom it once had and who left" in said.out
    assert workspace.query("select count(*) from raw.employees") == [(0,)]
    assert workspace.query("select count(*) from meta.loads where source = 'employees'") == [(0,)]
