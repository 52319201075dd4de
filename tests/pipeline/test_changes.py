"""A table of Postgres whose changes are followed, from the database to the marts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from databases import PEOPLE, VARIABLE, read_from_table
from postgres import postgres

from benepass_tasks.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspace import Workspace

RAW = "raw.employees"
EXTRACT = f"extract/{VARIABLE}"


@pytest.fixture
def hr(monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    with postgres("wal_level=logical") as address:
        monkeypatch.setenv(VARIABLE, address)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(
                "create table employees (employee_id text primary key, first_name text, "
                "last_name text, email text, hire_date date, status text)"
            )
            connection.cursor().executemany(
                "insert into employees values (%s, %s, %s, %s, %s, %s)", PEOPLE
            )
            yield connection


@pytest.mark.nightly
def test_changes_of_a_table_are_those_of_the_marts(
    workspace: Workspace, hr: psycopg.Connection[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.run()
    from_file = workspace.content(["marts"])
    read_from_table(workspace, "employees", extract="{mode: cdc}")
    workspace.run()
    assert workspace.content(["marts"]) == from_file
    assert workspace.run() == {EXTRACT}

    hr.execute("update employees set status = 'active' where employee_id = 'E3'")
    hr.execute("delete from employees where employee_id = 'E2'")
    assert {EXTRACT, RAW} <= workspace.run("marts.dim_employees", accept="employees")
    assert workspace.query("select employee_id, status from raw.employees order by 1") == [
        ("E1", "active"),
        ("E3", "active"),
    ]

    hr.execute("truncate employees")
    assert not workspace.attempt(RAW)[1]
    assert workspace.query(f"select count(*) from {RAW}") == [(2,)]

    where = ["--benepass-project-dir", str(workspace.root)]
    assert main([*where, "source", "drop-slot", "transactions"]) != 0
    assert main([*where, "source", "drop-slot", "employees"]) == 0
    assert "Dropped: benepass_" in capsys.readouterr().out
    assert hr.execute("select count(*) from pg_replication_slots").fetchone() == (0,)
