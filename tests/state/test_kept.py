"""The steps of a table that are kept lead back to what it held, or it is said that they do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from warehouses import warehouse

from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.state.kept import (
    Keeper,
    OldChanges,
    UnknownPastError,
    entries_of,
    forget_old_changes,
    steps_since,
)
from benepass_tasks.state.markers import Materialization

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

TABLE = "marts.m"
NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
RECORD = Materialization(TABLE, "", "", "A", 0, 0.0, "r", NOON, "relation")


def at(day: int) -> datetime:
    """An instant some days after the table was made first."""
    return NOON + timedelta(days=day)


def step(connection: Connection, record: Materialization, after: str, day: int) -> Materialization:
    """A step that is kept."""
    Keeper("r", at(day)).keep(connection, record, after, "select 1 as a", "select 2 as a")
    return replace(record, data_hash=after, built_at=at(day))


def hashes(connection: Connection, record: Materialization, day: float) -> list[tuple[str, str]]:
    found = steps_since(connection, record, NOON + timedelta(days=day))
    return [(str(it.before), it.after) for it in found]


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with warehouse(tmp_path).write() as connection:
        yield connection


def test_the_steps_since_an_instant_are_those_after_it(connection: Connection) -> None:
    record = step(connection, step(connection, RECORD, "B", 1), "C", 2)
    assert hashes(connection, record, 0) == [("A", "B"), ("B", "C")]
    assert hashes(connection, record, 1) == [("B", "C")]
    assert hashes(connection, record, 1.5) == [("B", "C")]
    assert hashes(connection, record, 2) == []


def test_before_the_first_of_them_nothing_is_known(connection: Connection) -> None:
    record = step(connection, RECORD, "B", 1)
    with pytest.raises(UnknownPastError, match="known since 2026-01-10 12:00:00Z only"):
        hashes(connection, record, -1)


def test_a_table_that_was_only_looked_at_is_what_it_was(connection: Connection) -> None:
    record = replace(step(connection, RECORD, "B", 1), built_at=at(5))
    assert hashes(connection, record, 3) == []
    assert hashes(connection, record, 0) == [("A", "B")]


def test_a_step_that_was_not_kept_hides_what_was_before(connection: Connection) -> None:
    record = step(connection, RECORD, "B", 1)
    unkept = replace(record, data_hash="C", built_at=at(2))
    with pytest.raises(UnknownPastError, match="before 2026-01-12 12:00:00Z is not known"):
        hashes(connection, unkept, 1.5)
    record = step(connection, unkept, "D", 3)
    assert hashes(connection, record, 2) == [("C", "D")]
    with pytest.raises(UnknownPastError, match="known since 2026-01-12 12:00:00Z only"):
        hashes(connection, record, 1.5)


def test_what_is_older_than_is_kept_goes_and_the_rest_stays_known(connection: Connection) -> None:
    record = step(connection, step(connection, RECORD, "B", 1), "C", 3)
    forget_old_changes(connection, timedelta(days=2), at(4))
    assert [it.stored is None for it in entries_of(connection, TABLE)] == [True, False]
    assert hashes(connection, record, 1) == [("B", "C")]
    with pytest.raises(UnknownPastError):
        hashes(connection, record, 0.5)
    forget_old_changes(connection, None, at(4))
    assert entries_of(connection, TABLE) == []
    stored = "select count(*) from duckdb_tables() where schema_name = 'changes'"
    assert connection.exec_driver_sql(stored).scalar_one() == 0


def test_a_clock_that_has_leapt_drops_nothing_until_it_is_accepted(connection: Connection) -> None:
    keep = timedelta(days=30)
    OldChanges.of(connection, keep, at(0)).forget(connection, "first", ())
    step(connection, RECORD, "B", 0)
    leapt = OldChanges.of(connection, keep, at(32))
    assert leapt.due == leapt.held > 0
    with pytest.raises(WarehouseError, match=r"it was 2026-01-10\. Nothing of them is dropped"):
        leapt.forget(connection, "later", ("transactions",))
    assert OldChanges.of(connection, keep, at(32)).due == leapt.due
    leapt.forget(connection, "later", ("keep_changes",))
    assert OldChanges.of(connection, keep, at(32)).held == 0
    decided = connection.exec_driver_sql("select source, guard from meta.decisions").all()
    assert decided == [("keep_changes", "max_expired")]


def test_after_a_month_all_may_go_that_came_on_one_day(connection: Connection) -> None:
    keep = timedelta(days=30)
    OldChanges.of(connection, keep, at(0)).forget(connection, "first", ())
    step(connection, RECORD, "B", 0)
    OldChanges.of(connection, keep, at(31)).forget(connection, "later", ())
    assert OldChanges.of(connection, keep, at(31)).held == 0


def test_a_setting_that_is_new_and_takes_most_there_is_has_to_be_accepted(
    connection: Connection,
) -> None:
    step(connection, RECORD, "B", 1)
    shorter = OldChanges.of(connection, timedelta(days=1), at(3))
    with pytest.raises(WarehouseError, match="1 days: max_expired is 25%"):
        shorter.forget(connection, "run", ())
    # Whoever keeps nothing says so, and no clock decides.
    OldChanges.of(connection, None, at(3)).forget(connection, "run", ())
    assert OldChanges.of(connection, None, at(3)).held == 0
