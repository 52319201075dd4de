"""A database that anybody may ask reads one file and what it is given, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb
import pytest
from sqlalchemy.exc import DBAPIError

from benepass_tasks.engine.isolated import Given, isolated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

RUNS = Given(
    {"at": "TIMESTAMP", "name": "VARCHAR", "count": "BIGINT"},
    [{"at": datetime(2026, 1, 5, 12, tzinfo=UTC), "name": "a'b", "count": None}],
)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Connection]:
    with duckdb.connect(str(tmp_path / "file.duckdb")) as file:
        file.execute("create schema marts; create table marts.t as select 7 as a")
    with isolated(
        tmp_path / "file.duckdb",
        "history",
        {"runs": RUNS, "none": Given({"a": "BIGINT"}, [])},
        {"as_of_date": "date '2026-01-05'"},
        "200MB",
    ) as connection:
        yield connection


def rows(session: Connection, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in session.exec_driver_sql(sql)]


def test_sql_reads_the_file_and_what_is_given(session: Connection) -> None:
    assert rows(session, "select a, getvariable('as_of_date')::varchar from marts.t") == [
        (7, "2026-01-05")
    ]
    assert rows(session, "from history.runs") == [(datetime(2026, 1, 5, 12), "a'b", None)]  # noqa: DTZ001 - UTC
    assert rows(session, "from history.none") == []


@pytest.mark.parametrize(
    "sql",
    [
        "from read_csv('/etc/passwd')",
        "copy marts.t to '/tmp/never.csv'",
        "attach '/tmp/never.duckdb' as other",
        "install httpfs",
        "set enable_external_access = true",
        "insert into marts.t values (8)",
    ],
)
def test_it_does_no_more(session: Connection, sql: str) -> None:
    with pytest.raises(DBAPIError):
        session.exec_driver_sql(sql)
