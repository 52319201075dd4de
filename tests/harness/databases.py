"""Databases for the tests of sources that are no files."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace


VARIABLE = "HR_DATABASE"
"""Where tests put the address of their database."""

PEOPLE = [
    ("E1", "Ann", "Archer", "ann.archer@example.com", "2020-01-01", "active"),
    ("E2", "Bo", "Baker", "bo.baker@example.org", "2021-06-15", "terminated"),
    ("E3", "Cy", "Cole", "cy.cole@example.net", "2024-02-29", "on_leave"),
]
"""The employees of the small project, as rows of a table."""


class Sqlite:
    """A database in a file, which a test writes to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    def run(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    def insert(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" for _ in rows[0])
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.executemany(f"insert into {table} values ({marks})", rows)


def hr_database(path: Path) -> Sqlite:
    """The employees of the small project in a database."""
    made = Sqlite(path)
    made.run(
        "create table employees (employee_id text primary key, first_name text, last_name text, "
        "email text, hire_date date, status text)"
    )
    made.insert("employees", PEOPLE)
    return made


def read_from_table(project: Workspace, source: str, table: str = "", extract: str = "") -> None:
    """Let a source of the small project be a table; `extract` is YAML of the word."""
    path = "transactions*.csv" if source == "transactions" else f"{source}.csv"
    project.replace(
        "catalog.yaml",
        f"\n{source}:\n  <<: *csv\n  filepath: data/{path}\n  metadata:\n",
        f"\n{source}:\n  type: pandas.SQLTableDataset\n  table_name: {table or source}\n"
        f"  credentials: {VARIABLE}\n  metadata:\n"
        + (f"    extract: {extract}\n" if extract else ""),
    )
    (project.data / f"{source}.csv").unlink()
