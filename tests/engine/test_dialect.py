"""The dialect: one database a process, and names that may be anything."""

from __future__ import annotations

import duckdb
import duckdb_sqlalchemy
import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select
from sqlalchemy.schema import CreateTable

from benepass_tasks.engine.dialect import create_memory_engine


def test_one_database_is_opened_and_none_to_ask_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    connect = duckdb.connect

    def count(*arguments: object, **options: object) -> object:
        opened.append(arguments)
        return connect(*arguments, **options)  # type: ignore[arg-type]

    def refuse(*_arguments: object, **_options: object) -> object:
        pytest.fail("the default database of the process is used")

    monkeypatch.setattr(duckdb, "connect", count)
    monkeypatch.setattr(duckdb, "cursor", refuse)
    engine = create_memory_engine({"memory_limit": "100MB"})
    with engine.connect() as connection:
        limit = connection.exec_driver_sql("select current_setting('memory_limit')").scalar_one()
    engine.dispose()
    assert (len(opened), limit) == (1, "95.3 MiB")


@pytest.mark.parametrize("name", ["select", "at", "Mixed Case", 'a "quoted" one', "id"])
def test_a_column_may_have_any_name(name: str) -> None:
    table = Table("table", MetaData(), Column(name, Integer))
    engine = create_memory_engine({})
    with engine.begin() as connection:
        connection.execute(CreateTable(table))
        connection.execute(insert(table), {name: 1})
        described = connection.exec_driver_sql('describe "table"').one()
        assert (described[0], connection.execute(select(table)).scalar_one()) == (name, 1)
    engine.dispose()


def test_the_rows_of_an_insert_go_in_by_one_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        pytest.fail("each row is a statement of its own")

    monkeypatch.setattr(duckdb_sqlalchemy.Dialect, "do_executemany", refuse)
    table = Table("table", MetaData(), Column("id", Integer), Column("name", String))
    rows = [(1, "one"), (2, None), (3, "$1, (?)")]
    engine = create_memory_engine({})
    with engine.begin() as connection:
        connection.execute(CreateTable(table))
        connection.execute(insert(table), [{"name": name, "id": id_} for id_, name in rows])
        assert connection.execute(select(table).order_by("id")).all() == rows
    engine.dispose()


def test_the_sql_of_a_table_is_not_looked_through_for_rows_that_it_inserts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_statement: str) -> list[str]:
        pytest.fail("the text of a model is read letter by letter")

    monkeypatch.setattr(duckdb_sqlalchemy, "_top_level_sql_words", refuse)
    engine = create_memory_engine({})
    with engine.begin() as connection:
        connection.exec_driver_sql("create or replace table made as select 1 as one")
        connection.exec_driver_sql("-- What it is\n-- for.\n create macro twice(it) as 2 * it")
        inserted = connection.exec_driver_sql("insert into made values (2), (3)")
        assert inserted.rowcount == 2
        assert connection.exec_driver_sql("select sum(one) from made").scalar_one() == 6
    engine.dispose()
