"""Hashes of texts that a table stores: nobody sees them, and every row has those of its texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from changing import connected

from benepass_tasks.engine import key_hashes
from benepass_tasks.engine.exchange import put_in
from benepass_tasks.engine.key_hashes import hash_of_text
from benepass_tasks.engine.tables import Engine, engine_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

TABLE = "marts.charges"
ROWS = "select * from (values ('a', 1), (null, 2)) as it(id, amount)"


@pytest.fixture
def connection() -> Iterator[Connection]:
    with connected() as connection:
        engine_of(connection).create(TABLE, "table", ROWS, None, hashed=["id"])
        yield connection


@pytest.fixture
def engine(connection: Connection) -> Engine:
    return engine_of(connection)


def wrong(connection: Connection, engine: Engine) -> int:
    """The rows whose stored hash is not that of their id."""
    stored = engine.hashes(TABLE)["id"]
    condition = f'"{stored}" is distinct from {hash_of_text("id")}'
    counted = f"select count(*) from {TABLE} where {condition}"
    return int(connection.exec_driver_sql(counted).scalar_one())


def test_a_table_has_the_columns_of_its_query_and_no_others(engine: Engine) -> None:
    assert list(engine.columns(TABLE)) == ["id", "amount"]


def test_rows_that_come_bring_their_hashes(connection: Connection, engine: Engine) -> None:
    connection.exec_driver_sql("create temp table more as select 'b' as id, 3 as amount")
    put_in(connection, TABLE, engine.columns(TABLE), "more")
    assert connection.exec_driver_sql(f"select count(*) from {TABLE}").scalar_one() == 3
    assert wrong(connection, engine) == 0


def test_a_row_without_an_id_is_found_by_the_hash_of_null(
    connection: Connection, engine: Engine
) -> None:
    stored = engine.hashes(TABLE)["id"]
    found = f'select amount from {TABLE} where "{stored}" = {hash_of_text("null::varchar")}'
    assert connection.exec_driver_sql(found).scalars().all() == [2]


def test_nothing_is_looked_up_by_the_hashes_of_another_release(
    connection: Connection, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_hashes, "_RELEASE", "#9.9.9")
    assert engine.hashes(TABLE) == {}
    connection.exec_driver_sql("create temp table more as select 'b' as id, 3 as amount")
    put_in(connection, TABLE, engine.columns(TABLE), "more")
    monkeypatch.undo()
    # The new row would lack them.
    assert engine.hashes(TABLE) == {}
    described = connection.exec_driver_sql(f"describe {TABLE}")
    assert [name for name, *_ in described] == ["id", "amount"]
