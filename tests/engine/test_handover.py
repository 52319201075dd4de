"""Tables are handed to another engine and taken over from it as they are, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from benepass_tasks.config.errors import EngineError
from benepass_tasks.engine.dialect import create_memory_engine
from benepass_tasks.engine.handover import Handover, Made
from benepass_tasks.engine.tables import engine_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

ROWS = """
select * from (values
    (18446744073709551615::ubigint, 1::hugeint << 90, 1.50::decimal(18, 2), 'nan'::double, 'a''b',
     timestamp '0999-12-31 23:59:59.999999', timestamptz '2025-01-01 00:00:00+00',
     date '9999-12-31', ['x', null], true, 3),
    (null, null, null, null, null, null, null, null, null, null, null)
) as it(big, huge, money, real, text, moment, instant, day, list, flag, number)
"""
HASH = "select 'A1' as id, hash('A1') as key union all select null, hash(cast(null as varchar))"


@pytest.fixture
def session() -> Iterator[Connection]:
    engine = create_memory_engine({})
    with engine.connect() as connection:
        connection.exec_driver_sql("set TimeZone = 'UTC'")
        connection.exec_driver_sql("create schema marts")
        yield connection
    engine.dispose()


@pytest.fixture
def handover(tmp_path: Path) -> Handover:
    return Handover(tmp_path / "exchange" / "warehouse")


def write(place: Path, rows: str) -> None:
    duckdb.execute(f"copy ({rows}) to '{place / 'part.parquet'}'")


def test_what_is_given_is_taken_over_as_it_was(session: Connection, handover: Handover) -> None:
    session.exec_driver_sql(f"create table marts.it as {ROWS}")
    columns = engine_of(session).columns("marts.it")
    file = handover.give(session, "marts.it", columns, "v1")
    place = handover.new_place()
    place.mkdir()
    file.rename(place / "part.parquet")
    taken = handover.taken(Made(place, 2), columns, ())
    assert engine_of(session).columns_of_query(taken) == columns
    both = (f"({taken}) except all from marts.it", f"from marts.it except all ({taken})")
    assert [session.exec_driver_sql(it).all() for it in both] == [[], []]


def test_a_version_is_given_once(session: Connection, handover: Handover) -> None:
    session.exec_driver_sql("create table marts.it as select 1 as n")
    first = handover.give(session, "marts.it", {"n": "INTEGER"}, "v1")
    session.exec_driver_sql("insert into marts.it values (2)")
    assert handover.give(session, "marts.it", {"n": "INTEGER"}, "v1") == first
    second = handover.give(session, "marts.it", {"n": "INTEGER"}, "v2")
    rows = [len(duckdb.read_parquet(str(it)).fetchall()) for it in (first, second)]
    assert rows == [1, 2]


def test_it_is_its_owner_s_alone_and_goes_as_a_whole(
    session: Connection, handover: Handover
) -> None:
    session.exec_driver_sql("create table marts.it as select 1 as n")
    file = handover.give(session, "marts.it", {"n": "INTEGER"}, "v1")
    assert file.stat().st_mode & 0o777 == 0o600
    assert handover.folder.stat().st_mode & 0o777 == 0o700
    handover.clear()
    handover.clear()
    assert not handover.folder.exists()


def test_the_hash_of_a_text_is_duckdb_s(session: Connection, handover: Handover) -> None:
    place = handover.new_place()
    place.mkdir()
    write(place, "select 'A1' as id, 'A1' as key union all select null, null")
    columns = {"id": "VARCHAR", "key": "UBIGINT"}
    taken = handover.taken(Made(place, 2), columns, {"key"})
    assert session.exec_driver_sql(f"({taken}) except all ({HASH})").all() == []


@pytest.mark.parametrize("rows", [1, 3])
def test_where_rows_are_missing_or_too_many_nothing_is_taken_over(
    handover: Handover, rows: int
) -> None:
    place = handover.new_place()
    place.mkdir()
    write(place, "select * from range(2) as it(n)")
    with pytest.raises(EngineError, match=f"wrote {rows} rows to .* and 2 are there"):
        handover.taken(Made(place, rows), {"n": "BIGINT"}, ())


def test_without_a_file_there_are_no_rows(session: Connection, handover: Handover) -> None:
    taken = handover.taken(Made(handover.new_place(), 0), {"n": "BIGINT", "t": "VARCHAR[]"}, ())
    assert session.exec_driver_sql(taken).all() == []
    assert engine_of(session).columns_of_query(taken) == {"n": "BIGINT", "t": "VARCHAR[]"}


def test_a_folder_that_cannot_be_is_told(session: Connection, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    session.exec_driver_sql("create table marts.it as select 1 as n")
    with pytest.raises(EngineError, match="another folder with --benepass-exchange-dir"):
        Handover(tmp_path / "file" / "x").give(session, "marts.it", {"n": "INTEGER"}, "v1")
