"""The books balance, or the run fails and says by how much they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from workspace import Workspace


@pytest.mark.parametrize(
    ("model", "change", "message"),
    [
        pytest.param(
            "marts/fact_transactions",
            ("left join flags\n", "inner join flags\n"),
            "transactions: staging 5, marts + quarantine 3: off by 2",
            id="a mart that loses rows",
        ),
        pytest.param(
            "quality/quarantine_transactions",
            ("from reasons\n", "from reasons cross join range(2)\n"),
            "transactions: staging 5, marts + quarantine 7: off by -2",
            id="a quarantine that multiplies rows",
        ),
        pytest.param(
            "marts/fact_transactions",
            (
                "    transactions.amount,\n",
                "    cast(transactions.amount * 2 as decimal(18, 2)) as amount,\n",
            ),
            "transactions: USD in staging 139.50, USD in marts + quarantine 269.50: off by -130.00",
            id="a mart that multiplies money",
        ),
        pytest.param(
            "staging/stg_employees",
            (
                "\nfrom employees\n",
                "\nfrom employees\nwhere status <> 'on_leave'\n",
            ),
            "employees: raw 3, staging 2: off by 1",
            id="staging that filters",
        ),
        pytest.param(
            "marts/dim_benefit_programs",
            ("where is_current and is_owner_known", "where benefit_type = 'meals'"),
            "benefit_accounts: staging 3, marts + quarantine 2: off by 1",
            id="a mart that leaves accounts out",
        ),
    ],
)
def test_an_imbalance_fails_the_run_and_names_the_difference(
    workspace: Workspace,
    caplog: pytest.LogCaptureFixture,
    model: str,
    change: tuple[str, str],
    message: str,
) -> None:
    workspace.replace(f"sql/{model}.sql", *change)
    made, succeeded = workspace.attempt()
    assert not succeeded
    assert "books" not in made
    assert message in caplog.text


@pytest.mark.usefixtures("finished")
def test_rows_that_vanish_from_raw_are_missed(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    workspace.change("delete from raw.transactions where transaction_id = 'T5'")
    workspace.change("delete from meta.markers where name = 'raw.transactions'")
    _, succeeded = workspace.attempt()
    assert not succeeded
    assert "transactions: records in the files 5, raw + rejected 4: off by 1" in caplog.text


def test_an_imbalance_is_found_again_until_it_is_mended(workspace: Workspace) -> None:
    workspace.replace("sql/marts/fact_transactions.sql", "left join flags", "inner join flags")
    assert not workspace.attempt()[1]
    assert not workspace.attempt()[1]
    workspace.replace("sql/marts/fact_transactions.sql", "inner join flags", "left join flags")
    assert workspace.attempt()[1]


def test_the_closing_table_says_what_became_of_the_records(
    workspace: Workspace,
) -> None:
    with (workspace.data / "transactions.csv").open("a") as file:
        file.write("broken\n")
    said = workspace.run_command().stderr
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "source records clean flagged quarantined rejected" in lines
    assert "transactions 6 2 1 2 1" in lines
    assert "transactions negative_amount 1" in lines
    assert "transactions terminated_employee 1" in lines
    assert any(line.startswith("Seconds: raw ") for line in lines)


@pytest.mark.usefixtures("finished")
def test_a_changed_proof_is_proven_again(workspace: Workspace) -> None:
    workspace.replace("sql/checks/books_balance.sql", "-- Purpose:", "-- The purpose:")
    assert workspace.run() == set()
    workspace.replace(
        "sql/checks/books_balance.sql", "left_value <> right_value", "left_value < right_value"
    )
    assert workspace.run() == {"books"}


def test_a_missing_proof_stops_the_run(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    (workspace.root / "sql/checks/books_balance.sql").unlink()
    assert not workspace.attempt()[1]
    assert "books_balance.sql is missing" in caplog.text
