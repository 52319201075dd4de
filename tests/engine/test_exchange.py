"""Rows that go and rows that come: told apart, and what is left of several steps of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from changing import connected

from benepass_tasks.engine.exchange import exchange, net
from benepass_tasks.engine.measure import signed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

COLUMNS = {"id": "integer", "town": "varchar", "age": "integer"}


@pytest.fixture
def connection() -> Iterator[Connection]:
    with connected() as connection:
        yield connection


def values(*rows: str) -> str:
    names = ", ".join(COLUMNS)
    return f"select * from (values {', '.join(rows)}) as it({names})"


def step(connection: Connection, name: str, went: str, came: str) -> str:
    connection.exec_driver_sql(f"create table changes.{name} as {signed(went, came)}")
    return f"changes.{name}"


def left(connection: Connection, steps: list[str], columns: list[str]) -> set[tuple[object, ...]]:
    """What is left of steps in some columns, with its signs."""
    table = net(connection, "left_over", steps, columns)
    if table is None:
        return set()
    listed = ", ".join([*columns, "changes_sign"])
    return {tuple(it) for it in connection.exec_driver_sql(f"select {listed} from {table}")}


def test_what_differs_only_in_other_columns_cancels_out(connection: Connection) -> None:
    went, came = values("(1, 'Rome', 30)", "(2, 'Oslo', 40)"), values("(1, 'Rome', 31)")
    aged = step(connection, "aged", went, came)
    assert left(connection, [aged], ["id", "town"]) == {(2, "Oslo", -1)}
    assert left(connection, [aged], ["id", "age"]) == {(1, 30, -1), (1, 31, 1), (2, 40, -1)}


def test_steps_there_and_back_cancel_out(connection: Connection) -> None:
    one, other = values("(1, 'Rome', null)"), values("(1, 'Oslo', null)")
    steps = [step(connection, "there", one, other), step(connection, "back", other, one)]
    assert left(connection, steps, list(COLUMNS)) == set()
    assert left(connection, steps[:1], list(COLUMNS)) == {
        (1, "Rome", None, -1),
        (1, "Oslo", None, 1),
    }


def test_of_no_column_at_all_the_number_of_rows_is_left(connection: Connection) -> None:
    one, two = values("(1, 'Rome', 1)"), values("(1, 'Rome', 2)", "(2, 'Rome', 2)")
    assert left(connection, [step(connection, "swap", one, one)], []) == set()
    assert left(connection, [step(connection, "more", one, two)], []) == {(1,)}


def test_rows_on_both_sides_stay_as_often_as_they_are_on_both(connection: Connection) -> None:
    rows = values("(1, 'Rome', 1)", "(1, 'Rome', 1)", "(1, 'Rome', 1)", "(2, null, 2)")
    connection.exec_driver_sql(f"create table marts.people as {rows}")
    old = "select rowid as changes_row, * from marts.people where id < 3"
    new = values("(1, 'Rome', 1)", "(2, null, 2)", "(2, null, 2)")
    done = exchange(connection, "marts.people", COLUMNS, old, new)
    assert (done.gone.rows, done.come.rows) == (2, 1)
    found = connection.exec_driver_sql("select id, count(*) from marts.people group by id")
    assert dict(map(tuple, found)) == {1: 1, 2: 2}
