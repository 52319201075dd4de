"""On a real server of Postgres: changes are applied once, whatever happens to table and reading."""

from __future__ import annotations

import json
import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from databases import VARIABLE, hr_database
from postgres import postgres

from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.extracts import changes
from benepass_tasks.state.slots import Position

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extracting import Reading

PEOPLE = """
create table people (id int primary key, name text, pay numeric(9, 2), at timestamptz, note text)
"""
ADD = "insert into people values (%s, %s, 10.50, '2026-01-05 12:00:00+02', null)"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres("wal_level=logical") as address:
        yield address


@pytest.fixture
def hr(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    monkeypatch.setenv(VARIABLE, server)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(PEOPLE)
        connection.execute(ADD, (1, "Ann"))
        connection.execute(ADD, (2, "Bo"))
        yield connection
        connection.execute("select pg_drop_replication_slot(slot_name) from pg_replication_slots")
        connection.execute("drop publication if exists benepass")
        connection.execute("drop schema public cascade")
        connection.execute("create schema public")


@pytest.fixture
def people(reading: Reading, hr: psycopg.Connection[Any]) -> Reading:  # noqa: ARG001
    declare(reading, "people")
    return reading


def declare(reading: Reading, table: str, **more: object) -> None:
    entry = {"type": "pandas.SQLTableDataset", "table_name": table, "credentials": VARIABLE}
    reading.declare(["id"], table, **entry | {"extract": {"mode": "cdc"} | more})


def names(reading: Reading, table: str = "people") -> dict[str | None, str | None]:
    return {it["id"]: it["name"] for it in reading.rows(table)}


def slots(hr: psycopg.Connection[Any]) -> list[str]:
    return [it for (it,) in hr.execute("select slot_name from pg_replication_slots")]


def is_as_in_the_table(reading: Reading, hr: psycopg.Connection[Any]) -> bool:
    there = dict(hr.execute("select id::text, name from people").fetchall())
    return names(reading) == there


def test_all_is_read_first_and_then_what_has_changed(
    people: Reading, hr: psycopg.Connection[Any]
) -> None:
    assert people.read() == {"people": 2}
    assert people.read() == {"people": 0}
    hr.execute("update people set name = 'Anne' where id = 1")
    hr.execute("delete from people where id = 2")
    hr.execute(ADD, (3, "Cy"))
    assert people.read() == {"people": 3}
    assert names(people) == {"1": "Anne", "3": "Cy"}
    assert people.read() == {"people": 0}


def test_values_are_the_same_text_as_where_all_is_read(
    reading: Reading, hr: psycopg.Connection[Any]
) -> None:
    hr.execute("set timezone = 'Asia/Tokyo'")
    hr.execute(
        "create table odd (id int primary key, pay numeric(9, 2), at timestamptz, tags text[], "
        "about jsonb, bytes bytea, span interval, ratio float8, born date, is_in boolean, t text)"
    )
    declare(reading, "odd")
    reading.read()
    hr.execute(
        "insert into odd values (1, 12.10, '2026-01-05 12:00:00.5+02', '{a,null}', "
        "'{\"n\": 1.10}', '\\x00ff', '36:05', 0.1, '2024-02-29', true, 'é\n\"\\')"
    )
    hr.execute("insert into odd (id) values (2)")
    reading.read()
    followed = reading.rows("odd")
    for it in reading.files:
        it.unlink()
    reading.read()
    assert followed == reading.rows("odd")
    assert followed[0]["pay"] == "12.1"


def test_the_changes_of_a_transaction_are_applied_in_their_order(
    people: Reading, hr: psycopg.Connection[Any]
) -> None:
    people.read()
    with hr.transaction():
        hr.execute("update people set id = 9 where id = 1")
        hr.execute(ADD, (1, "Another"))
        hr.execute("update people set id = 8, name = 'Nine' where id = 9")
        hr.execute("delete from people where id = 2")
        hr.execute(ADD, (2, "Back"))
    with hr.transaction(force_rollback=True):
        hr.execute(ADD, (7, "Never"))
    people.read()
    assert names(people) == {"1": "Another", "2": "Back", "8": "Nine"}


def test_a_truncated_table_has_the_rows_that_came_afterwards(
    people: Reading, hr: psycopg.Connection[Any]
) -> None:
    people.read()
    hr.execute("truncate people")
    hr.execute(ADD, (5, "Eve"))
    people.read()
    assert names(people) == {"5": "Eve"}


def test_a_large_value_that_did_not_change_stays(
    people: Reading, hr: psycopg.Connection[Any]
) -> None:
    hr.execute("alter table people alter note set storage external")
    hr.execute("update people set note = repeat('x', 9000)")
    people.read()
    hr.execute("update people set name = 'Anne' where id = 1")
    hr.execute("update people set id = 6 where id = 2")
    hr.execute("update people set name = 'Six' where id = 6")
    people.read()
    rows = people.rows()
    assert {(it["name"], len(it["note"] or "")) for it in rows} == {("Anne", 9000), ("Six", 9000)}


@pytest.mark.parametrize(
    "alter",
    [
        "alter table people add column grade text default 'new'",
        "alter table people alter pay type numeric(9, 1)",
        "alter table people alter pay type text using 'p' || pay",
        "alter table people rename column note to remark",
        "alter table people drop column note",
    ],
)
def test_a_table_that_is_another_one_is_read_anew(
    people: Reading, hr: psycopg.Connection[Any], alter: str
) -> None:
    people.read()
    hr.execute("update people set pay = 1.25 where id = 2")
    hr.execute(alter)
    hr.execute("insert into people (id, name) values (3, 'Cy')")
    people.read()
    followed = sorted(people.rows(), key=lambda it: str(it["id"]))
    for it in people.files:
        it.unlink()
    people.read()
    assert sorted(people.rows(), key=lambda it: str(it["id"])) == followed
    assert len(followed) == 3


def test_a_change_during_the_first_reading_is_applied_once(
    people: Reading, hr: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    read_anew = changes._Following._read_anew  # noqa: SLF001 - somebody writes meanwhile
    with psycopg.connect(os.environ[VARIABLE]) as late:

        def meanwhile(self: Any, tables: Any) -> Any:  # noqa: ANN401
            hr.execute("update people set name = 'Anne' where id = 1")
            late.execute(ADD, (4, "Late"))
            read = read_anew(self, tables)
            hr.execute("update people set name = 'Bob' where id = 2")
            late.commit()
            return read

        monkeypatch.setattr(changes._Following, "_read_anew", meanwhile)  # noqa: SLF001
        people.read()
    assert is_as_in_the_table(people, hr)
    assert people.read() == {"people": 0}


def test_a_reading_that_was_not_taken_over_is_read_again(
    people: Reading, hr: psycopg.Connection[Any]
) -> None:
    people.settles = False
    people.read()
    people.settles = True
    assert people.read() == {"people": 2}
    hr.execute("update people set name = 'Anne' where id = 1")
    people.settles = False
    assert people.read() == {"people": 1}
    people.settles = True
    hr.execute("delete from people where id = 2")
    assert people.read() == {"people": 2}
    assert names(people) == {"1": "Anne"}
    assert len(slots(hr)) == 1


def test_a_reading_of_which_only_extracts_were_taken_over_goes_on_from_there(
    people: Reading, hr: psycopg.Connection[Any]
) -> None:
    path = people.root / "extracts" / f"{VARIABLE}.slot.json"
    people.read()
    before = path.read_bytes()
    hr.execute("update people set name = 'Anne' where id = 1")
    people.read()
    path.write_bytes(before)
    assert people.read() == {"people": 0}
    hr.execute(ADD, (3, "Cy"))
    assert people.read() == {"people": 1}
    assert is_as_in_the_table(people, hr)


@pytest.mark.parametrize("lose", ["drop", "advance", "forget", "older"])
def test_changes_that_are_lost_are_made_up_for_by_all_rows(
    people: Reading, hr: psycopg.Connection[Any], lose: str
) -> None:
    people.read()
    (first,) = people.files
    kept = first.read_bytes()
    hr.execute("update people set name = 'Anne' where id = 1")
    people.read()
    hr.execute(ADD, (3, "Cy"))
    (slot,) = slots(hr)
    if lose == "drop":
        hr.execute("select pg_drop_replication_slot(%s)", (slot,))
    elif lose == "advance":
        hr.execute("select pg_replication_slot_advance(%s, pg_current_wal_lsn())", (slot,))
    elif lose == "forget":
        (people.root / "extracts" / f"{VARIABLE}.slot.json").unlink()
    else:
        first.write_bytes(kept)
    people.read()
    assert is_as_in_the_table(people, hr)


def test_a_table_may_join_later_and_none_disturbs_the_other(
    people: Reading, hr: psycopg.Connection[Any]
) -> None:
    people.read()
    hr.execute("create table teams (id int primary key, name text)")
    hr.execute("insert into teams values (1, 'Legal')")
    declare(people, "teams")
    hr.execute("update people set name = 'Anne' where id = 1")
    assert people.read() == {"people": 1, "teams": 1}
    hr.execute("update teams set name = 'Sales'")
    assert people.read() == {"people": 0, "teams": 1}
    assert names(people, "teams") == {"1": "Sales"}
    assert len(slots(hr)) == 1


def test_postgres_is_told_how_far_it_was_read(people: Reading, hr: psycopg.Connection[Any]) -> None:
    def kept() -> Any:  # noqa: ANN401
        query = "select pg_current_wal_lsn() - confirmed_flush_lsn from pg_replication_slots"
        return hr.execute(query).fetchall()[0][0]

    people.read()
    hr.execute("create table other as select generate_series(1, 20000) as it")
    people.read()
    before = kept()
    people.read()
    assert kept() < before / 10


def test_a_slot_is_dropped_by_whoever_made_it(people: Reading, hr: psycopg.Connection[Any]) -> None:
    people.read()
    folder: Path = people.root / "extracts"
    assert changes.drop_slot(VARIABLE, folder) is not None
    assert slots(hr) == []
    assert changes.drop_slot(VARIABLE, folder) is None
    hr.execute(ADD, (3, "Cy"))
    people.read()
    assert is_as_in_the_table(people, hr)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("alter table people drop constraint people_pkey", "has no primary key among"),
        ("alter table people replica identity nothing", "let its owner run: alter table"),
        ("drop table people", "people: there is no table people of"),
        (
            "alter table people rename to staff; create view people as select * from staff",
            "is not a table, and only tables have changes",
        ),
        ("create publication benepass for table people where (id > 1)", "leaves out rows of"),
        (
            "create publication benepass for table people with (publish = 'insert')",
            "leaves out inserts, updates, deletes or truncates",
        ),
    ],
)
def test_what_cannot_be_followed_is_told(
    people: Reading, hr: psycopg.Connection[Any], statement: str, said: str
) -> None:
    hr.execute(statement)
    with pytest.raises(SourceError, match=said):
        people.read()


def test_a_value_that_cannot_be_read_is_not_told(
    people: Reading, hr: psycopg.Connection[Any]
) -> None:
    people.read()
    hr.execute("update people set at = '12345-01-01'")
    with pytest.raises(SourceError, match=r"changes cannot be read \(DataError\)") as told:
        people.read()
    assert "12345" not in str(told.value)


def test_a_user_who_may_not_publish_is_told_what_the_owner_can_run(
    people: Reading, hr: psycopg.Connection[Any], server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hr.execute("create role reader login replication password 's3cret'")
    hr.execute("grant usage on schema public to reader")
    hr.execute("grant select on people to reader")
    monkeypatch.setenv(VARIABLE, server.replace("hr:", "reader:"))
    run = "create publication benepass for table public.people"
    try:
        with pytest.raises(SourceError, match=f"let the owner run: {run}"):
            people.read()
        hr.execute(run)
        people.read()
        hr.execute("update people set name = 'Anne' where id = 1")
        people.read()
        assert is_as_in_the_table(people, hr)
    finally:
        hr.execute("drop owned by reader")
        hr.execute("drop role reader")


def test_other_databases_are_refused(
    reading: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, hr_database(tmp_path / "hr.sqlite").url)
    declare(reading, "employees")
    with pytest.raises(SourceError, match="mode: cdc is for Postgres, and not for sqlite"):
        reading.read()


def test_what_is_written_down_has_no_secret_and_no_value(
    people: Reading, hr: psycopg.Connection[Any]
) -> None:
    people.read()
    path = people.root / "extracts" / f"{VARIABLE}.slot.json"
    assert set(json.loads(path.read_bytes())) == {"slot", "read", "stamps", "lag"}
    assert len(slots(hr)) == 1


HOOKS = {
    "a slot is named": (Position, "write"),
    "a publication is made": (changes._Following, "_publish"),  # noqa: SLF001
    "a slot is made or told": (changes._Following, "_begin"),  # noqa: SLF001
    "all rows are read": (changes._Following, "_read_anew"),  # noqa: SLF001
    "changes are read": (changes._Following, "_apply"),  # noqa: SLF001
    "extracts are written": (changes._Following, "_write"),  # noqa: SLF001
    "an extract takes its place": (Path, "replace"),
}


@pytest.mark.parametrize(("owner", "name"), HOOKS.values(), ids=HOOKS)
def test_a_reading_that_is_killed_loses_nothing_and_repeats_nothing(
    people: Reading, hr: psycopg.Connection[Any], owner: type, name: str
) -> None:
    killed = False
    for statement in (
        "insert into people values (3, 'Cy')",
        "delete from people where id = 2",
    ):
        hr.execute(statement)
        killed = read_and_die(people, owner, name) or killed
        hr.execute("update people set name = name || '!' where id = 3")
        people.at += timedelta(minutes=1)
        people.read()
        assert is_as_in_the_table(people, hr)
        assert people.read() == {"people": 0}
        assert len(slots(hr)) == 1
    assert killed


def read_and_die(reading: Reading, owner: type, name: str) -> bool:
    """Read in another process, which is killed after the first call of a function."""
    child = os.fork()
    if child == 0:
        original = getattr(owner, name)

        def last(*args: object) -> object:
            original(*args)
            os.kill(os.getpid(), signal.SIGKILL)
            return None

        setattr(owner, name, last)
        reading.read()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])
