"""What each construct of SQL passes on: as declared here, and as DuckDB itself shows."""

from __future__ import annotations

import pytest
from cases import CASES
from tracing import Case, Database, edges, lineage_of, short, unseen


@pytest.fixture(scope="module")
def database() -> Database:
    return Database()


constructs = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@constructs
def test_the_columns_derive_as_declared(case: Case) -> None:
    found = lineage_of(case.sql)
    assert {name: short(its) for name, its in found.columns.items()} == {
        name: short(edges(written)) for name, written in case.columns.items()
    }


@constructs
def test_the_rows_depend_as_declared(case: Case) -> None:
    assert short(lineage_of(case.sql).rows) == short(edges(case.rows))


@constructs
def test_the_columns_are_those_that_duckdb_gives(case: Case, database: Database) -> None:
    assert list(lineage_of(case.sql).columns) == database.columns(case.sql)


@constructs
def test_no_flow_that_duckdb_shows_is_missed(case: Case, database: Database) -> None:
    assert unseen(database, case.sql, lineage_of(case.sql)) == set()
