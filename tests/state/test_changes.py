"""What the steps of a table touched: joined where several were missed, and dropped when seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from warehouses import warehouse

from benepass_tasks.state.changes import (
    add_step,
    forget_gone,
    forget_seen_steps,
    forget_steps,
    gone_of,
    keep_gone,
    read_inputs,
    steps_between,
    write_inputs,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

TABLE = "marts.m"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with warehouse(tmp_path).write() as connection:
        yield connection


def step(connection: Connection, before: str, after: str, rows: int = 1) -> None:
    add_step(connection, TABLE, before, after, f"select range as a from range({rows})")


def touched(connection: Connection, before: str, after: str) -> list[int] | None:
    found = steps_between(connection, TABLE, before, after)
    return None if found is None else [it.touched for it in found]


def stored(connection: Connection) -> int:
    tables = "select count(*) from duckdb_tables() where schema_name = 'changes'"
    return int(connection.exec_driver_sql(tables).scalar_one())


def test_a_step_is_known_that_comes_once_it_was_asked_for(connection: Connection) -> None:
    assert touched(connection, "h1", "h2") is None
    step(connection, "h1", "h2", rows=3)
    assert touched(connection, "h1", "h2") == [3]


def test_several_steps_are_joined(connection: Connection) -> None:
    step(connection, "1", "2", 10)
    step(connection, "2", "3", 20)
    assert touched(connection, "1", "3") == [10, 20]
    assert touched(connection, "2", "3") == [20]


def test_a_step_is_kept_for_readers_of_its_own_table_alone(connection: Connection) -> None:
    other = "marts.other"
    step(connection, "1", "2")
    add_step(connection, other, "1", "2", "select 1 as a")
    write_inputs(connection, "marts.reader", {TABLE: "1"})
    forget_seen_steps(connection, [TABLE, other])
    assert touched(connection, "1", "2") == [1]
    assert steps_between(connection, other, "1", "2") is None


def test_a_step_that_is_missing_makes_the_history_unknown(connection: Connection) -> None:
    step(connection, "1", "2")
    step(connection, "3", "4")
    assert touched(connection, "1", "4") is None
    assert touched(connection, "0", "4") is None
    assert touched(connection, "3", "5") is None


def test_a_state_that_came_back_is_left_by_its_last_step(connection: Connection) -> None:
    for before, after, rows in (("1", "2", 10), ("2", "1", 20), ("1", "3", 30)):
        step(connection, before, after, rows)
    assert touched(connection, "1", "3") == [30]


def test_steps_are_kept_until_every_reader_has_seen_them(connection: Connection) -> None:
    write_inputs(connection, "marts.a", {TABLE: "1"})
    write_inputs(connection, "marts.b", {TABLE: "2"})
    step(connection, "1", "2")
    step(connection, "2", "3")
    forget_seen_steps(connection, [TABLE])
    assert touched(connection, "1", "3") == [1, 1]
    write_inputs(connection, "marts.a", {TABLE: "3"})
    forget_seen_steps(connection, [TABLE])
    assert touched(connection, "2", "3") == [1]
    assert touched(connection, "1", "3") is None
    assert stored(connection) == 1
    write_inputs(connection, "marts.b", {TABLE: "3"})
    forget_seen_steps(connection, [TABLE])
    assert touched(connection, "2", "3") is None
    assert stored(connection) == 0


def test_a_table_whose_history_is_not_known_has_no_steps(connection: Connection) -> None:
    step(connection, "1", "2")
    forget_steps(connection, TABLE)
    assert stored(connection) == 0


def test_what_a_table_was_made_from_is_replaced_as_a_whole(connection: Connection) -> None:
    write_inputs(connection, "marts.a", {"raw.x": "1", "raw.y": "1"})
    write_inputs(connection, "marts.a", {"raw.x": "2"})
    assert read_inputs(connection, "marts.a") == {"raw.x": "2"}
    assert read_inputs(connection, "marts.b") == {}


def test_rows_that_are_deleted_are_kept_whatever_columns_come_later(connection: Connection) -> None:
    connection.exec_driver_sql("create schema raw")
    connection.exec_driver_sql("create table raw.t as select * from (values (1), (2), (3)) as v(a)")
    keep_gone(connection, "raw.t", "a = ?", ("1",))
    connection.exec_driver_sql("alter table raw.t add column b integer")
    keep_gone(connection, "raw.t", "a = ?", ("2",))
    kept = gone_of(connection, "raw.t")
    rows = connection.exec_driver_sql(f"from {kept} order by a").all()
    assert [tuple(it) for it in rows] == [(1, None), (2, None)]
    forget_gone(connection, "raw.t")
    assert gone_of(connection, "raw.t") is None


def test_where_nothing_is_deleted_nothing_is_kept(connection: Connection) -> None:
    connection.exec_driver_sql("create schema raw")
    connection.exec_driver_sql("create table raw.t as select 1 as a")
    keep_gone(connection, "raw.t", "a = ?", ("2",))
    assert gone_of(connection, "raw.t") is None
