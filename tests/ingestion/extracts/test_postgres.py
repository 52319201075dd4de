"""On a real server of Postgres: types, moments, permissions, and what is said of failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from databases import VARIABLE
from postgres import PASSWORD, postgres

from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.extracts import database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extracting import Reading
    from sqlalchemy import Connection

    from benepass_tasks.catalog.extracts import TableExtract
    from benepass_tasks.ingestion.extracts.files import Extracts

TYPES = """
create table people (
    id bigint primary key, amount numeric, fixed numeric(12, 2), ratio double precision,
    is_here boolean, born date, at timestamp, moment timestamptz, clock time, span interval,
    uuid uuid, tags text[], about jsonb, plain json, bytes bytea, mood text, empty text
)
"""
VALUES = """
insert into people values (
    9007199254740993, 12345678901234567890.123456789, 12.10, 0.1,
    true, '2024-02-29', '2026-01-05 10:00:00.5', '2026-01-05 12:00:00+02', '10:30', '36:05:00',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{a,b}', '{"n": 1.10}', '{"n": 1.10}', '\\x00ff',
    'été', ''
)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as address:
        yield address


@pytest.fixture
def hr(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    monkeypatch.setenv(VARIABLE, server)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("set timezone = 'Asia/Tokyo'")
        yield connection
        connection.execute("drop schema public cascade")
        connection.execute("create schema public")


def declare(
    reading: Reading, table: str = "people", name: str = "people", /, **more: object
) -> None:
    entry: dict[str, object] = {"type": "pandas.SQLTableDataset", "table_name": table}
    reading.declare(["id"], name, **entry | {"credentials": VARIABLE} | more)


def test_values_are_text_as_they_are_in_any_other_file(
    reading: Reading, hr: psycopg.Connection[Any]
) -> None:
    hr.execute(TYPES)
    hr.execute(VALUES)
    hr.execute("insert into people (id, amount) values (1, 'NaN')")
    declare(reading)
    reading.read()
    empty, full = reading.rows()
    assert full == {
        "id": "9007199254740993",
        "amount": "12345678901234567890.123456789",
        "fixed": "12.1",
        "ratio": "0.1",
        "is_here": "true",
        "born": "2024-02-29",
        "at": "2026-01-05T10:00:00.5",
        "moment": "2026-01-05T10:00:00Z",
        "clock": "10:30:00",
        "span": "36:05:00",
        "uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "tags": '["a","b"]',
        "about": '{"n": 1.10}',
        "plain": '{"n": 1.10}',
        "bytes": "00ff",
        "mood": "été",
        "empty": "",
    }
    assert empty == dict.fromkeys(full) | {"id": "1", "amount": "NaN"}


@pytest.mark.parametrize(
    ("kind", "first", "then"),
    [
        ("timestamptz", "2026-01-05 12:00:00.25+02", "2026-01-05 12:00:00.5+02"),
        ("timestamp", "2026-01-05 00:00:00", "2026-01-05 00:00:01"),
        ("date", "2026-01-05", "2026-01-06"),
        ("bigint", "9", "10"),
    ],
)
def test_a_cursor_of_any_kind_is_followed(
    reading: Reading, hr: psycopg.Connection[Any], kind: str, first: str, then: str
) -> None:
    hr.execute(f"create table people (id int primary key, changed {kind})")
    hr.execute(f"insert into people values (1, '{first}')")
    declare(reading, extract={"cursor": "changed"})
    assert reading.read() == {"people": 1}
    assert reading.read() == {"people": 0}
    hr.execute(f"insert into people values (2, '{then}')")
    assert reading.read() == {"people": 1}


def test_all_tables_are_read_as_of_one_moment(
    reading: Reading, hr: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    hr.execute("create table people (id int primary key)")
    hr.execute("create table accounts (id int primary key)")
    hr.execute("insert into people values (1)")
    declare(reading)
    declare(reading, "accounts", "accounts")
    read_one = database._read  # noqa: SLF001 - somebody else writes in between

    def writing_between(connection: Connection, extracts: Extracts, extract: TableExtract) -> int:
        rows = read_one(connection, extracts, extract)
        hr.execute("insert into people values (2) on conflict do nothing")
        hr.execute("insert into accounts values (2) on conflict do nothing")
        return rows

    monkeypatch.setattr(database, "_read", writing_between)
    assert reading.read() == {"people": 1, "accounts": 0}
    assert reading.read() == {"people": 2, "accounts": 1}


def test_nothing_can_be_written_while_tables_are_read(hr: psycopg.Connection[Any]) -> None:
    hr.execute("create table people (id int)")
    with (
        pytest.raises(SourceError, match="ReadOnlySqlTransaction"),
        database._snapshot(VARIABLE) as connection,  # noqa: SLF001
        database.told(VARIABLE, "people"),
    ):
        connection.exec_driver_sql("insert into people values (1)")


def test_a_schema_and_a_view_can_be_named(reading: Reading, hr: psycopg.Connection[Any]) -> None:
    hr.execute("create schema hr")
    hr.execute("create view hr.actives as select 1 as id")
    declare(reading, "actives", load_args={"schema": "hr"})
    reading.read()
    assert reading.rows() == [{"id": "1"}]
    hr.execute("drop schema hr cascade")
    with pytest.raises(SourceError, match=f"there is no table hr.actives of {VARIABLE}"):
        reading.read()


def test_what_is_not_allowed_is_told(
    reading: Reading, hr: psycopg.Connection[Any], server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hr.execute("create table people (id int)")
    hr.execute(f"create role reader login password '{PASSWORD}'")
    hr.execute("grant usage on schema public to reader")
    monkeypatch.setenv(VARIABLE, server.replace("hr:", "reader:"))
    declare(reading)
    with pytest.raises(SourceError, match="people cannot be read: permission denied for table"):
        reading.read()
    hr.execute("revoke usage on schema public from reader")
    hr.execute("drop role reader")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql://hr:wr0ng@{host}/postgres", "password authentication failed"),
        ("postgresql://hr:s3cret@{host}/nothing", 'database "nothing" does not exist'),
        ("postgresql://hr:s3cret@127.0.0.1:1/postgres", "cannot be read: connection failed"),
    ],
)
def test_a_server_that_lets_nobody_in_is_told_without_the_password(
    reading: Reading, server: str, monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    host = server.partition("@")[2].partition("/")[0]
    monkeypatch.setenv(VARIABLE, address.format(host=host))
    declare(reading)
    with pytest.raises(SourceError, match=said) as told:
        reading.read()
    assert PASSWORD not in str(told.value)
    assert "wr0ng" not in str(told.value)


def test_a_value_is_never_in_a_message(reading: Reading, hr: psycopg.Connection[Any]) -> None:
    hr.execute("create table secrets (id int primary key, name text)")
    hr.execute("insert into secrets values (1, 'ann@example.com')")
    hr.execute("create view people as select id, name::int as name from secrets")
    declare(reading)
    with pytest.raises(SourceError, match="people cannot be read: ") as told:
        reading.read()
    assert "ann@" not in str(told.value)
