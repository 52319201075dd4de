"""An old month whose money changes is noted, with what it came to before the run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from warehouses import warehouse

from benepass_tasks.catalog import Months
from benepass_tasks.engine.measure import Tally, Touched, tally
from benepass_tasks.state.restatements import Restatement, Watch, restatements_of, summary_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

TABLE = "marts.spend"
MONTHS = Months("day", "spent")
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with warehouse(tmp_path).write() as connection:
        connection.exec_driver_sql("create schema marts")
        connection.exec_driver_sql(f"create table {TABLE} (day date, spent decimal(18, 2))")
        _spend(connection, "2025-01-31", "5.00")
        _spend(connection, "2025-02-01", "7.00")
        _look(connection, "r0")
        yield connection


def _spend(connection: Connection, day: str | None, spent: str | None) -> None:
    connection.exec_driver_sql(f"insert into {TABLE} values (?, ?)", (day, spent))


def _watch(run: str, limit: str | None = "3") -> Watch:
    return Watch(TABLE, MONTHS, run, NOON, Decimal(limit) if limit else None)


def _look(connection: Connection, run: str, limit: str | None = "3") -> list[Restatement]:
    _watch(run, limit).look(connection, run)
    return restatements_of(connection, [run])


def _follow(
    connection: Connection, before: str, run: str, went: str, came: str
) -> list[Restatement]:
    """What is told from rows that went and came, which the table itself does not show."""
    columns = {"day": "DATE", "spent": "DECIMAL(18,2)"}
    gone, come = (tally(connection, f"({it})", columns) for it in (went, came))
    touched = Touched(columns, gone, come, went, came)
    _watch(run).follow(connection, before, run, touched)
    return restatements_of(connection, [run])


def _totals(connection: Connection) -> list[tuple[object, ...]]:
    kept = (
        "select month, row_count, cast(money as decimal(18, 2)) from meta.month_totals order by 1"
    )
    return [tuple(row) for row in connection.exec_driver_sql(kept)]


def _said(found: list[Restatement]) -> list[tuple[str, str, bool]]:
    return [(str(it), f"{it.money_before}", it.is_news) for it in found]


def test_a_first_build_restates_nothing(connection: Connection) -> None:
    assert restatements_of(connection, ["r0"]) == []


def test_the_last_month_and_new_ones_are_not_restated(connection: Connection) -> None:
    _spend(connection, "2025-02-28", "1.00")
    _spend(connection, "2025-03-01", "1.00")
    assert _look(connection, "r1") == []


def test_a_month_before_the_last_is_from_its_first_day_to_its_last(connection: Connection) -> None:
    _spend(connection, "2025-01-01", "1.00")
    assert _said(_look(connection, "r1")) == [("2025-01 +1.00", "5.00", False)]


def test_it_is_news_from_the_limit_on(connection: Connection) -> None:
    _spend(connection, "2025-01-15", "-3.00")
    assert _said(_look(connection, "r1")) == [("2025-01 -3.00", "5.00", True)]
    _spend(connection, "2025-01-15", "9.00")
    assert _said(_look(connection, "r2", limit=None)) == [("2025-01 +9.00", "2.00", False)]


def test_an_old_month_may_come_or_go(connection: Connection) -> None:
    _spend(connection, "2024-12-31", "4.00")
    connection.exec_driver_sql(f"delete from {TABLE} where day = '2025-01-31'")
    assert _said(_look(connection, "r1")) == [
        ("2024-12 +4.00", "0", True),
        ("2025-01 -5.00", "5.00", True),
    ]


def test_rows_that_come_and_go_without_money_restate_nothing(connection: Connection) -> None:
    _spend(connection, "2025-01-15", "0.00")
    _spend(connection, "2025-01-15", None)
    _spend(connection, None, "8.00")
    assert _look(connection, "r1") == []


def test_a_table_that_a_run_makes_twice_is_compared_with_what_it_was_before(
    connection: Connection,
) -> None:
    _spend(connection, "2025-01-15", "1.00")
    _look(connection, "r1")
    _spend(connection, "2025-01-15", "2.00")
    assert _said(_look(connection, "r1")) == [("2025-01 +3.00", "5.00", True)]
    connection.exec_driver_sql(f"delete from {TABLE} where day = '2025-01-15'")
    assert _look(connection, "r1") == []


NONE = f"select * from {TABLE} where false"


def test_months_are_told_from_the_rows_that_came_and_went(connection: Connection) -> None:
    came = "select date '2025-01-03' as day, 6.00 as spent union all select null, 8.00"
    went = f"select * from {TABLE}"
    assert _said(_follow(connection, "r0", "r1", went, came)) == [("2025-01 +1.00", "5.00", False)]
    # No row of February is left.
    assert _totals(connection) == [(date(2025, 1, 1), 1, Decimal("6.00"))]


def test_months_of_another_state_are_added_up_of_all_rows(connection: Connection) -> None:
    _spend(connection, "2025-01-15", "1.00")
    assert _said(_follow(connection, "another", "r1", NONE, NONE)) == [
        ("2025-01 +1.00", "5.00", False)
    ]
    days = replace(_watch("r2"), months=Months("day", "twice"))
    connection.exec_driver_sql(f"alter table {TABLE} add column twice decimal(18, 2)")
    connection.exec_driver_sql(f"update {TABLE} set twice = 2 * spent")
    days.look(connection, "r2")
    assert _said(_follow(connection, "r2", "r3", NONE, NONE)) == [("2025-01 -6.00", "12.00", True)]


def test_sums_of_floating_numbers_are_made_of_all_rows(connection: Connection) -> None:
    connection.exec_driver_sql(f"alter table {TABLE} alter spent type double")
    _look(connection, "r1")
    _spend(connection, "2025-01-15", "1.00")
    columns = {"day": "DATE", "spent": "DOUBLE"}
    nothing = Touched(columns, Tally(0, 0), Tally(0, 0), NONE, NONE)
    _watch("r2").follow(connection, "r1", "r2", nothing)
    assert _said(restatements_of(connection, ["r2"])) == [("2025-01 +1.00", "5", False)]


def test_a_summary_names_some_months_and_counts_the_others() -> None:
    one = Restatement(
        "r", TABLE, date(2025, 1, 1), Decimal(0), Decimal(1), is_news=True, found_at=NOON
    )
    said = summary_of(TABLE, [replace(one, month=date(2025, it, 1)) for it in range(1, 10)])
    assert said.startswith(f"{TABLE}: the money of old months changed: 2025-01 +1.00, ")
    assert said.endswith("2025-06 +1.00, and 3 more")
