"""Which table a run verifies by itself: one a day, that which was not verified for the longest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from warehouses import warehouse

from benepass_tasks.state.verifications import Verdict, due_table, write_verdict, wrong_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

TODAY = datetime(2026, 1, 31, 6, tzinfo=UTC)
TABLES = ("marts.a", "marts.b")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with warehouse(tmp_path).write() as connection:
        yield connection


def verify(
    connection: Connection, table: str, days_ago: float, *, missing: int = 0, scheduled: bool = True
) -> None:
    at, verdict = TODAY - timedelta(days=days_ago), Verdict(table, 10, missing=missing)
    write_verdict(connection, verdict, "r", at, is_scheduled=scheduled)


def due(connection: Connection) -> str | None:
    return due_table(connection, TABLES, timedelta(days=7), TODAY)


def test_a_table_that_was_never_verified_comes_first(connection: Connection) -> None:
    verify(connection, "marts.a", 40)
    assert due(connection) == "marts.b"


def test_then_the_one_that_was_not_for_the_longest(connection: Connection) -> None:
    verify(connection, "marts.a", 8)
    verify(connection, "marts.b", 9)
    assert due(connection) == "marts.b"


def test_what_was_verified_lately_is_not_due(connection: Connection) -> None:
    verify(connection, "marts.a", 6)
    verify(connection, "marts.b", 5)
    assert due(connection) is None


def test_one_a_day_unless_somebody_asked_for_the_other(connection: Connection) -> None:
    verify(connection, "marts.a", 0.5)
    assert due(connection) is None
    verify(connection, "marts.a", 0.5, scheduled=False)
    assert due(connection) == "marts.b"


def test_one_that_differed_is_due_the_next_day(connection: Connection) -> None:
    verify(connection, "marts.a", 1, missing=1)
    verify(connection, "marts.b", 6)
    assert due(connection) == "marts.a"
    assert [it.relation for _, it in wrong_tables(connection)] == ["marts.a"]
    verify(connection, "marts.a", 1)
    assert wrong_tables(connection) == []


def test_a_table_that_is_no_longer_there_is_never_due(connection: Connection) -> None:
    verify(connection, "marts.gone", 90)
    verify(connection, "marts.a", 1)
    verify(connection, "marts.b", 2)
    assert due(connection) is None
