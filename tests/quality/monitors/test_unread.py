"""Columns that nobody declared, and that look as if they decided what a charge is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import duckdb
import pytest
from projects import definitions
from sqlalchemy import create_engine

from benepass_tasks.quality.monitors.unread import MOST_VALUES, judge_unread

if TYPE_CHECKING:
    from benepass_tasks.catalog import Catalog

ROOT = Path(__file__).parents[3]
CATALOG = definitions().catalog


def numbers(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def warned(
    folder: Path,
    column: str,
    values: list[str],
    catalog: Catalog = CATALOG,
    table: str = "transactions",
) -> list[str]:
    file = folder / "w.duckdb"
    with duckdb.connect(file) as connection:
        connection.execute("create schema raw")
        connection.execute(
            f'create table raw.{table} as select unnest(?::varchar[]) as "{column}"', [values]
        )
    with create_engine(f"duckdb:///{file}").connect() as connection:
        return [it.message for it in judge_unread(connection, catalog)]


@pytest.mark.parametrize(
    ("column", "meaning"),
    [
        ("status", "status of a charge"),
        ("payment_status", "status of a charge"),
        ("estado", "status of a charge"),
        ("transaction_type", "type of a charge"),
        ("tipo", "type of a charge"),
        ("dc", "type of a charge"),
        ("currency", "currency of a charge"),
        ("moneda", "currency of a charge"),
        ("is_deleted", "mark of charges that do not count"),
        ("test", "mark of charges that do not count"),
        ("reversal_of", "charge that a record takes back or is a part of"),
        ("amount_refunded", "part of the charge that came back, or is off it"),
        ("tip", "tax, fee or tip of a charge"),
        ("tax_amount", "tax, fee or tip of a charge"),
        ("final_amount", "amount that a charge came to in the end"),
        ("amount_usd", "amount that a charge came to in the end"),
        ("voided_at", "day from which a charge does not count"),
    ],
)
def test_one_that_looks_like_it_is_warned_about_with_what_to_write(
    column: str, meaning: str, tmp_path: Path
) -> None:
    (message,) = warned(tmp_path, column, numbers(3))
    assert message.startswith(f"{column} looks like the {meaning} (3 values)")
    assert f"ignored: [{column}]" in message


@pytest.mark.parametrize(
    ("values", "meaning"),
    [
        (["purchase", "Refund"], "type of a charge"),
        (["POSTED", "declined "], "type of a charge"),
        (["usd", "EUR"], "currency of a charge"),
        (["EUR"], "currency of a charge"),
    ],
)
def test_one_with_no_other_values_than_such_words_is_warned_about_whatever_its_name(
    values: list[str], meaning: str, tmp_path: Path
) -> None:
    (message,) = warned(tmp_path, "f12", values)
    assert message.startswith(f"f12 looks like the {meaning} ({len(values)} values)")


@pytest.mark.parametrize(
    ("column", "meaning"),
    [
        ("approved", "mark of charges that count"),
        ("livemode", "mark of charges that count"),
        ("posted_flag", "mark of charges that count"),
        ("cancelled_ind", "mark of charges that do not count"),
        ("chargeback_flag", "type of a charge"),
        ("is_test_transaction", "mark of charges that do not count"),
        ("is_refund", "type of a charge"),
        ("credit_indicator", "type of a charge"),
    ],
)
def test_a_mark_is_one_by_what_it_says_of_a_charge(
    column: str, meaning: str, tmp_path: Path
) -> None:
    (message,) = warned(tmp_path, column, ["TRUE", "FALSE"])
    assert message.startswith(f"{column} looks like the {meaning} (2 values)")


def test_for_how_long_an_allowance_is_is_told_where_that_is_not_a_month(tmp_path: Path) -> None:
    (message,) = warned(tmp_path, "frequency", ["Annual", "Monthly"], table="benefit_accounts")
    assert message.startswith("frequency looks like the time that an allowance is for (2 values)")
    assert "made_of: {each: COLUMN, every: frequency}, under benefit_accounts.metadata" in message


@pytest.mark.parametrize(
    ("column", "values"),
    [("frequency", ["Monthly"]), ("period", ["2025-03"]), ("note", ["annual"]), ("status", ["a"])],
)
def test_of_accounts_nothing_else_is(column: str, values: list[str], tmp_path: Path) -> None:
    assert warned(tmp_path, column, values, table="benefit_accounts") == []


def test_the_charge_that_a_record_takes_back_may_be_any_of_many(tmp_path: Path) -> None:
    (message,) = warned(tmp_path, "original_transaction_id", numbers(100))
    assert (
        "looks like the charge that a record takes back or is a part of (more than 30 values)"
        in message
    )


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("note", numbers(3)),
        ("note", ["posted", "lunch with Ann"]),
        ("note", ["usd"]),
        ("status", numbers(MOST_VALUES + 1)),
        ("status", []),
        ("reversal_of", []),
        ("tax", ["yes", "no"]),
        ("original_amount", numbers(3)),
        ("statusbar", numbers(3)),
        ("latest_test", numbers(3)),
        ("approved", ["2025-03-01"]),
        ("is_reimbursable", ["Y", "N"]),
        ("flag", ["Y", "N"]),
        ("amount", numbers(3)),
    ],
)
def test_others_are_not(column: str, values: list[str], tmp_path: Path) -> None:
    assert warned(tmp_path, column, values) == []


def test_one_that_somebody_has_looked_at_is_not(tmp_path: Path) -> None:
    source = replace(CATALOG.sources["transactions"], ignored=("status",))
    sources = MappingProxyType({**CATALOG.sources, "transactions": source})
    assert warned(tmp_path, "status", numbers(3), replace(CATALOG, sources=sources)) == []
