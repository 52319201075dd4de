"""The books balance, or the run fails and says by how much they do not."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from examples import at_night
from workspace import FILES, MadeOnce, Workspace, new_project

if TYPE_CHECKING:
    from pathlib import Path


def declare_amounts(workspace: Workspace) -> None:
    """Say of the amounts what follows from the SQL no more where a test computes with them."""
    fact, quarantine = (
        'amount: {description: "Amount charged, USD; below zero where it is given back.",',
        'amount: {type: "DECIMAL(18,2)"}',
    )
    workspace.replace("catalog.yaml", fact, f"{fact} pii: *money,")
    workspace.replace(
        "catalog.yaml",
        quarantine,
        'amount: {description: "Amount charged, USD.", pii: *money, type: "DECIMAL(18,2)"}',
    )


@pytest.fixture
def balanced(tmp_path: Path, made_once: MadeOnce) -> Workspace:
    """A project whose books balance, with a fifth source and what becomes of it."""

    def make(root: Path) -> None:
        made = new_project(root)
        add_source(made)
        add_models(made)
        declare_amounts(made)
        made.run()

    return Workspace(made_once("balanced", make)).copied(tmp_path / "project")


MERCHANTS = "merchant_id,rebate\nM1,1.50\nM2,2.25\nM3,nothing\n"

SOURCE = """
merchants:
  type: pandas.CSVDataset
  filepath: data/merchants.csv
  metadata:
    description: Merchants with what they pay back.
    domain: benefits
    columns:
      merchant_id: {description: Id.}
      rebate: {description: What they pay back.}
"""

MODELS = {
    "staging.stg_merchants": "select merchant_id, money(rebate) as rebate from raw.merchants",
    "quality.quarantine_merchants": (
        "select merchant_id, rebate, 'invalid_rebate' as rejection_reason, "
        "'merchants.csv' as _source_file from staging.stg_merchants where rebate is null"
    ),
    "marts.dim_rebates": (
        "select merchant_id, rebate from staging.stg_merchants where rebate is not null"
    ),
}

RECONCILED = """    reconciliation:
      staging: staging.stg_merchants
      accepted: marts.dim_rebates
      quarantine: quality.quarantine_merchants
      amount: rebate
"""


def add_source(workspace: Workspace) -> None:
    """A fifth source, in one entry."""
    workspace.write("data/merchants.csv", MERCHANTS)
    catalog = (workspace.root / "catalog.yaml").read_text(encoding="utf-8")
    workspace.write("catalog.yaml", catalog + SOURCE)


def add_models(workspace: Workspace, reconciled: str = RECONCILED) -> None:
    """What becomes of the fifth source."""
    catalog = (workspace.root / "catalog.yaml").read_text(encoding="utf-8")
    more = {"rejection_reason": "VARCHAR", "_source_file": "VARCHAR"}
    for relation, sql in MODELS.items():
        layer, _, name = relation.partition(".")
        workspace.write(f"sql/{layer}/{name}.sql", sql)
        columns = {"merchant_id": "VARCHAR", "rebate": "DECIMAL(18,2)"}
        columns |= more if layer == "quality" else {}
        declared = "".join(
            f"      {column}: {{description: It., type: '{kind}'}}\n"
            for column, kind in columns.items()
        )
        entry = "    description: Merchants.\n    domain: benefits\n    columns:\n"
        catalog = catalog.replace(
            "\n_tables:\n", f"\n_tables:\n  {relation}:\n{entry}{declared}", 1
        )
    workspace.write("catalog.yaml", catalog)
    described = "    description: Merchants with what they pay back.\n"
    workspace.replace("catalog.yaml", described, described + reconciled)


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_a_source_whose_records_stay_in_raw_is_proven_up_to_there(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    add_source(workspace)
    assert "books" in workspace.run()
    workspace.change("delete from raw.merchants where merchant_id = 'M2'")
    workspace.change("delete from meta.markers where name = 'raw.merchants'")
    assert not workspace.attempt()[1]
    assert "merchants: records in the files 3, raw + rejected 2: off by 1" in caplog.text


def test_a_source_that_no_proof_covers_fails_the_run(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    add_source(workspace)
    add_models(workspace, reconciled="")
    made, succeeded = workspace.attempt()
    assert not succeeded
    assert made == set()
    assert "merchants: staging.stg_merchants reads its records, and nothing proves" in caplog.text
    assert "metadata.reconciliation: {staging: staging.stg_merchants}" in caplog.text


@pytest.mark.nightly
def test_what_becomes_of_a_new_source_is_counted_with_that_of_the_others(
    balanced: Workspace,
) -> None:
    figures = (
        "select figure, name, cast(value as integer) from meta.quality_figures "
        "where dataset = 'merchants' and figure in ('records', 'quarantined_by_reason') "
        "order by all"
    )
    assert balanced.query(figures) == [
        ("quarantined_by_reason", "invalid_rebate", 1),
        ("records", None, 3),
    ]


# By what becomes of records: edits of models, each with what the run then says of their source.
BROKEN: dict[str, list[tuple[str, tuple[str, str], str]]] = {
    "lost in staging": [
        (
            "staging/stg_employees",
            ("\nfrom employees\n", "\nfrom employees\nwhere status <> 'on_leave'\n"),
            "employees: raw 3, staging 2: off by 1",
        ),
        (
            "staging/stg_benefit_accounts",
            ("\nfrom typed\n", "\nfrom typed\nwhere employee_id <> 'E1'\n"),
            "benefit_accounts: raw 3, staging 2: off by 1",
        ),
        (
            "staging/stg_transactions",
            ("\nfrom typed\n", "\nfrom typed\nwhere amount <> 60\n"),
            "transactions: raw 5, staging 4: off by 1",
        ),
        (
            "staging/stg_category_benefit_mappings",
            ("from base.category_benefit_mappings", "from base.category_benefit_mappings limit 1"),
            "category_benefit_mappings: raw 2, staging 1: off by 1",
        ),
        (
            "staging/stg_merchants",
            ("from raw.merchants", "from raw.merchants where merchant_id <> 'M1'"),
            "merchants: raw 3, staging 2: off by 1",
        ),
    ],
    "lost in marts": [
        (
            "marts/dim_employees",
            ("accepted_employees\n", "accepted_employees\nwhere employee_id <> 'E1'\n"),
            "employees: staging 3, marts + quarantine 2: off by 1",
        ),
        (
            "marts/dim_benefit_programs",
            (
                "from intermediate.accepted_benefit_accounts\n",
                "from intermediate.accepted_benefit_accounts where benefit_type = 'meals'\n",
            ),
            "benefit_accounts: staging 3, marts + quarantine 2: off by 1",
        ),
        (
            "marts/fact_transactions",
            ("left join flags\n", "inner join flags\n"),
            "transactions: staging 5, marts + quarantine + uncounted 3: off by 2",
        ),
        (
            "marts/dim_rebates",
            ("rebate is not null", "false"),
            "merchants: USD in staging 3.75, USD in marts + quarantine 0.00: off by 3.75",
        ),
    ],
    "multiplied": [
        (
            "quality/quarantine_transactions",
            ("from reasons\n", "from reasons cross join range(2)\n"),
            "transactions: staging 5, marts + quarantine + uncounted 7: off by -2",
        ),
        (
            "marts/dim_rebates",
            ("from staging.stg_merchants", "from staging.stg_merchants cross join range(2)"),
            "merchants: staging 3, marts + quarantine 5: off by -2",
        ),
    ],
    "worth something else in marts": [
        (
            "marts/fact_transactions",
            (
                "    transactions.amount,\n",
                "    cast(transactions.amount * 2 as decimal(18, 2)) as amount,\n",
            ),
            "marts + quarantine + uncounted 269.50: off by -130.00",
        ),
        (
            "marts/dim_rebates",
            ("merchant_id, rebate", "merchant_id, cast(rebate - 0.01 as decimal(18, 2)) as rebate"),
            "merchants: USD in staging 3.75, USD in marts + quarantine 3.73: off by 0.02",
        ),
    ],
    "worth something else in quarantine": [
        (
            "quality/quarantine_transactions",
            (
                "    transactions.amount,\n",
                "    cast(transactions.amount + 1 as decimal(18, 2)) as amount,\n",
            ),
            "marts + quarantine + uncounted 141.50: off by -2.00",
        ),
    ],
}


@pytest.mark.parametrize(
    "what_becomes",
    [
        "lost in marts",
        *at_night(*(it for it in BROKEN if it != "lost in marts")),
    ],
)
def test_an_imbalance_of_any_source_fails_the_run_and_the_difference_is_named(
    balanced: Workspace, caplog: pytest.LogCaptureFixture, what_becomes: str
) -> None:
    for model, edit, _ in BROKEN[what_becomes]:
        balanced.replace(f"sql/{model}.sql", *edit)
    made, succeeded = balanced.attempt()
    assert not succeeded
    assert "books" not in made
    for *_, message in BROKEN[what_becomes]:
        assert message in caplog.text


@pytest.mark.usefixtures("finished")
def test_what_does_not_count_is_in_the_books(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    workspace.replace(
        "catalog.yaml",
        "    resends: supersede\n",
        "    resends: supersede\n    counts_when: {category: [gym]}\n",
    )
    workspace.run("BuildMarts")
    assert workspace.query(
        "select transaction_id from quality.uncounted_transactions order by all"
    ) == [("T3",), ("T4",), ("T5",)]
    condition = "where not_counted is not null\n"
    workspace.replace(
        "sql/quality/uncounted_transactions.sql",
        condition,
        f"{condition}    and transaction_id <> 'T3'\n",
    )
    assert not workspace.attempt()[1]
    assert "transactions: staging 5, marts + quarantine + uncounted 4: off by 1" in caplog.text


@pytest.mark.usefixtures("finished")
def test_rows_that_vanish_from_any_raw_table_are_missed(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    for source in FILES:
        workspace.change(f"delete from raw.{source} where _row_number = 1")
        workspace.change(f"delete from meta.markers where name = 'raw.{source}'")
    assert not workspace.attempt()[1]
    for source, content in FILES.items():
        records = content.count("\n") - 1
        missed = f"{source}: records in the files {records}, raw + rejected {records - 1}: off by 1"
        assert missed in caplog.text


TRANSACTION = (
    "transaction_id,employee_id,benefit_account_id,merchant,amount,transaction_timestamp,category\n"
    "T90,E1,BA1,Cafe,7.50,2025-03-10T08:00:00Z,cafe\n"
)
STAGED = "select file, cast(amount as decimal(18, 2)) from meta.staged_sums order by all"


@pytest.mark.usefixtures("finished")
def test_what_a_file_comes_to_is_added_up_once(workspace: Workspace) -> None:
    [(file, total)] = workspace.query(STAGED)
    workspace.write("data/transactions_2.csv", TRANSACTION)
    workspace.run()
    assert workspace.query(STAGED) == [(file, total), ("transactions_2.csv", Decimal("7.50"))]
    workspace.change(f"update meta.staged_sums set amount = '1.00' where file = '{file}'")
    workspace.write("data/transactions_2.csv", TRANSACTION.replace("7.50", "8.50"))
    assert not workspace.attempt()[1]
    workspace.replace("sql/staging/stg_transactions.sql", "\nfrom typed", "\nfrom typed as it")
    assert workspace.attempt()[1]
    assert workspace.query(STAGED) == [(file, total), ("transactions_2.csv", Decimal("8.50"))]


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_an_imbalance_is_found_again_until_it_is_mended(workspace: Workspace) -> None:
    workspace.replace("sql/marts/fact_transactions.sql", "left join flags", "inner join flags")
    assert not workspace.attempt()[1]
    assert not workspace.attempt()[1]
    workspace.replace("sql/marts/fact_transactions.sql", "inner join flags", "left join flags")
    assert workspace.attempt()[1]


@pytest.mark.usefixtures("finished")
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
