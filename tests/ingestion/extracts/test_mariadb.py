"""On a real server of MariaDB: types, moments, permissions, and what is said of failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from databases import VARIABLE
from mariadb import PASSWORD, USER, connected, mariadb
from sqlalchemy import column, table

from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.extracts import database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extracting import Reading
    from pymysql.connections import Connection
    from sqlalchemy import Connection as Session

    from benepass_tasks.catalog.extracts import TableExtract
    from benepass_tasks.ingestion.extracts.files import Extracts

TYPES = """
create table people (
    id bigint unsigned primary key, amount decimal(38, 9), fixed decimal(12, 2), ratio double,
    single float, is_here tinyint(1), flags bit(3), born date, at datetime(6), midnight datetime,
    moment timestamp(6) null, clock time(3), span time, grown year, name varchar(40),
    mood enum('good', 'bad'), tags set('a', 'b', 'c'), about json, bytes varbinary(8), empty text
) character set utf8mb4
"""
VALUES = """
insert into people values (
    18446744073709551615, 12345678901234567890.123456789, 12.10, 0.1,
    0.1, true, b'101', '2024-02-29', '2026-01-05 10:00:00.5', '2026-01-05',
    '2026-01-05 12:00:00.25', '10:30:00.25', '36:05:00', 2026, 'été 🎉',
    'good', 'a,c', '{"n": 1.10}', x'00ff', ''
)
"""
ZERO = "insert into people (id, born, at, moment) values (1, '0000-00-00', 0, 0)"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with mariadb() as found:
        yield found


@pytest.fixture
def hr(port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    monkeypatch.setenv(VARIABLE, f"mysql://{USER}:{PASSWORD}@127.0.0.1:{port}/{USER}")
    connection = connected(port)
    try:
        yield connection
        run(connection, f"drop database {USER}", f"create database {USER}")
    finally:
        connection.close()


def run(connection: Connection, *statements: str) -> None:
    with connection.cursor() as cursor:
        for it in statements:
            cursor.execute(it)


def declare(
    reading: Reading, table: str = "people", name: str = "people", /, **more: object
) -> None:
    entry: dict[str, object] = {"type": "pandas.SQLTableDataset", "table_name": table}
    reading.declare(["id"], name, **entry | {"credentials": VARIABLE} | more)


def test_values_are_text_as_they_are_in_any_other_file(reading: Reading, hr: Connection) -> None:
    run(hr, TYPES, "set time_zone = '+02:00'", VALUES, ZERO)
    declare(reading)
    reading.read()
    zero, full = reading.rows()
    assert full == {
        "id": "18446744073709551615",
        "amount": "12345678901234567890.123456789",
        "fixed": "12.1",
        "ratio": "0.1",
        "single": "0.1",
        "is_here": "1",
        "flags": "05",
        "born": "2024-02-29",
        "at": "2026-01-05T10:00:00.5",
        "midnight": "2026-01-05",
        "moment": "2026-01-05T10:00:00.25Z",
        "clock": "10:30:00.25",
        "span": "36:05:00",
        "grown": "2026",
        "name": "été 🎉",
        "mood": "good",
        "tags": "a,c",
        "about": '{"n": 1.10}',
        "bytes": "00ff",
        "empty": "",
    }
    # A date that is none is handed on, for everybody to see; it is no day of the year 0.
    dates = {"born": "0000-00-00"} | dict.fromkeys(("at", "moment"), "0000-00-00 00:00:00.000000")
    assert zero == dict.fromkeys(full) | {"id": "1"} | dates


@pytest.mark.parametrize(
    ("kind", "first", "then"),
    [
        ("timestamp(6)", "2026-01-05 12:00:00.25", "2026-01-05 12:00:00.5"),
        ("datetime", "2026-01-05 00:00:00", "2026-01-05 00:00:01"),
        ("datetime(6)", "2026-01-05 10:00:00.25", "2026-01-05 10:00:00.5"),
        ("date", "2026-01-05", "2026-01-06"),
        ("bigint unsigned", "9", "10"),
    ],
)
def test_a_cursor_of_any_kind_is_followed(
    reading: Reading, hr: Connection, kind: str, first: str, then: str
) -> None:
    run(hr, f"create table people (id int primary key, changed {kind} null)")
    run(hr, f"insert into people values (1, '{first}'), (3, null)")
    declare(reading, extract={"cursor": "changed"})
    assert reading.read() == {"people": 2}
    assert reading.read() == {"people": 0}
    run(hr, f"insert into people values (2, '{then}')")
    assert reading.read() == {"people": 1}


def test_what_comes_late_is_read_within_the_lag(reading: Reading, hr: Connection) -> None:
    run(hr, "create table people (id int primary key, name text, changed timestamp null)")
    run(hr, "insert into people values (1, 'Ann', '2026-01-05 10:00:00')")
    declare(reading, extract={"cursor": "changed", "lag": "1d"})
    assert reading.read() == {"people": 1}
    run(hr, "insert into people values (2, 'Bo', '2026-01-04 12:00:00')")
    run(hr, "insert into people values (3, 'Cy', '2026-01-04 09:00:00')")
    assert reading.read() == {"people": 1}
    assert [it["name"] for it in reading.rows()] == ["Ann", "Bo"]


def test_rows_that_are_gone_leave_where_keys_are_compared(reading: Reading, hr: Connection) -> None:
    columns = "id int, part varchar(9), name text, changed datetime(6), primary key (id, part)"
    run(hr, f"create table people ({columns})")
    rows = "(1, 'a', 'Ann', now(6)), (1, 'b', 'Bo', now(6)), (2, 'a', 'Cy', now(6))"
    run(hr, f"insert into people values {rows}")
    declare(reading, extract={"cursor": "changed", "deletes": "compare_keys"})
    assert reading.read() == {"people": 3}
    run(hr, "delete from people where id = 1 and part = 'b'")
    run(hr, "update people set name = 'Cyd', changed = now(6) where id = 2")
    assert reading.read() == {"people": 1}
    assert sorted(str(it["name"]) for it in reading.rows()) == ["Ann", "Cyd"]


def test_all_tables_are_read_as_of_one_moment(
    reading: Reading, hr: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(hr, "create table people (id int primary key)", "create table accounts like people")
    run(hr, "insert into people values (1)")
    declare(reading)
    declare(reading, "accounts", "accounts")
    read_one = database._read  # noqa: SLF001 - somebody else writes before and in between

    def writing_between(connection: Session, extracts: Extracts, extract: TableExtract) -> int:
        run(hr, "insert ignore into people values (2)", "insert ignore into accounts values (2)")
        return read_one(connection, extracts, extract)

    monkeypatch.setattr(database, "_read", writing_between)
    assert reading.read() == {"people": 1, "accounts": 0}
    assert reading.read() == {"people": 2, "accounts": 1}


def test_nothing_can_be_written_while_tables_are_read(hr: Connection) -> None:
    run(hr, "create table people (id int)")
    with (
        pytest.raises(SourceError, match="people cannot be read: OperationalError 1792"),
        database._snapshot(VARIABLE) as connection,  # noqa: SLF001
        database.told(VARIABLE, "people"),
    ):
        connection.exec_driver_sql("insert into people values (1)")


def test_another_database_and_a_view_can_be_named(reading: Reading, hr: Connection) -> None:
    run(hr, "create database other", "create view other.actives as select 1 as id")
    declare(reading, "actives", load_args={"schema": "other"})
    reading.read()
    assert reading.rows() == [{"id": "1"}]
    run(hr, "drop view other.actives")
    with pytest.raises(SourceError, match=f"there is no table other.actives of {VARIABLE}"):
        reading.read()
    run(hr, "drop database other")
    with pytest.raises(SourceError, match="Unknown database 'other'"):
        reading.read()


def test_what_is_not_allowed_is_told(
    reading: Reading, hr: Connection, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(hr, "create table people (id int)", "create table others (id int)")
    run(hr, f"create user reader@'127.0.0.1' identified by '{PASSWORD}'")
    run(hr, f"grant select on {USER}.others to reader@'127.0.0.1'")
    monkeypatch.setenv(VARIABLE, f"mariadb://reader:{PASSWORD}@127.0.0.1:{port}/{USER}")
    declare(reading)
    with pytest.raises(SourceError, match=r"people cannot be read: .*denied") as told:
        reading.read()
    assert PASSWORD not in str(told.value)
    run(hr, "drop user reader@'127.0.0.1'")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("mysql://hr:wr0ng@127.0.0.1:{port}/hr", "Access denied for user"),
        ("mysql://hr:s3cret@127.0.0.1:{port}/nothing", "Unknown database"),
        ("mysql://hr:s3cret@127.0.0.1:1/hr", "Can't connect to MySQL server"),
    ],
)
def test_a_server_that_lets_nobody_in_is_told_without_the_password(
    reading: Reading, port: int, monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    monkeypatch.setenv(VARIABLE, address.format(port=port))
    declare(reading)
    with pytest.raises(SourceError, match=said) as told:
        reading.read()
    assert PASSWORD not in str(told.value)
    assert "wr0ng" not in str(told.value)


def test_a_value_is_never_in_a_message(reading: Reading, hr: Connection) -> None:
    run(hr, "create table secrets (id int primary key, name text)")
    run(hr, "insert into secrets values (1, 'ann@example.com')")
    body = "begin signal sqlstate '45000' set message_text = 'it is ann@example.com'; return 1; end"
    run(hr, f"create function said() returns int {body}")
    run(hr, "create view people as select id, said() as name from secrets")
    declare(reading)
    with pytest.raises(SourceError, match="people cannot be read: OperationalError 1644") as told:
        reading.read()
    assert "ann@" not in str(told.value)


def test_changes_are_followed_in_postgres_alone(reading: Reading, hr: Connection) -> None:
    run(hr, "create table people (id int primary key)")
    declare(reading, extract={"mode": "cdc"})
    with pytest.raises(SourceError, match="mode: cdc is for Postgres, and not for mysql"):
        reading.read()


def test_a_connection_that_is_lost_is_told(
    reading: Reading, hr: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(hr, "create table people (id int primary key)", "insert into people values (1)")
    declare(reading)
    reading.read()
    before = reading.rows()

    def killed(connection: Any, *_: object) -> int:  # noqa: ANN401 - SQLAlchemy's
        number = connection.exec_driver_sql("select connection_id()").scalar()
        run(hr, f"kill {number}")
        return int(connection.exec_driver_sql("select count(*) from people").scalar())

    monkeypatch.setattr(database, "_read", killed)
    with pytest.raises(SourceError, match="What was read before stays"):
        reading.read()
    assert reading.rows() == before


@pytest.mark.parametrize(
    ("kind", "cursor", "asked"),
    [
        ("mysql", "2026-01-05T10:00:00.25Z", "2026-01-05 10:00:00.250000"),
        ("mysql", "2026-01-05T10:00:00", "2026-01-05 10:00:00.000000"),
        ("mysql", "2026-01-05", "2026-01-05"),
        ("mysql", "17", "17"),
        ("postgresql", "2026-01-05T10:00:00.25Z", "2026-01-05T10:00:00.25Z"),
    ],
)
def test_a_moment_is_asked_for_without_the_letters_that_mysql_refuses(
    kind: str, cursor: str, asked: str
) -> None:
    rows = database.TableRows(table("people", column("changed")), ["changed"], [])
    rows.cursor, rows.kind = "changed", kind
    assert rows.query(cursor).compile().params["since"] == asked
