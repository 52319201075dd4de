"""What each construct of SQL passes on: as declared here, and as DuckDB itself shows."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from lineage_cases import CASES
from tracing import Case, Database, edges, lineage_of, short, unseen

from benepass_tasks.config.errors import ModelError


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


def test_a_flow_that_the_lineage_lacks_is_noticed(database: Database) -> None:
    sql = "select first_name || email as x, mask_email(id) as y from raw.people where boss_id > ''"
    found = lineage_of(sql)
    columns = {
        "x": edges("people.first_name TRANSFORMATION, people.email CONDITIONAL"),
        "y": edges(""),
    }
    assert unseen(database, sql, found) == set()
    assert unseen(database, sql, replace(found, columns=columns, rows=edges(""))) == {
        "raw.people.email arrives in x",
        "raw.people.id changes y",
        "raw.people.boss_id changes x",
        "raw.people.boss_id changes y",
    }


def test_every_aggregate_function_of_duckdb_aggregates(database: Database) -> None:
    """Those that look at no value, and those that choose it by another, are cases above."""
    names = database.connection.execute(
        "select distinct function_name from duckdb_functions() where function_type = 'aggregate' "
        "and function_name <> 'count_star' and not list_contains(?, function_name) "
        "and regexp_full_match(function_name, '[a-z_]+') order by all",
        [WINDOW_FUNCTIONS],
    ).fetchall()
    subtypes = {name: subtypes_of(name) for (name,) in names}
    assert {name: found for name, found in subtypes.items() if found not in AGGREGATIONS} == {}


WINDOW_FUNCTIONS = (
    "cume_dist",
    "dense_rank",
    "fill",
    "first_value",
    "lag",
    "last_value",
    "lead",
    "nth_value",
    "ntile",
    "percent_rank",
    "rank",
    "rank_dense",
    "row_number",
)
"""Some versions of DuckDB list them among the aggregates."""

AGGREGATIONS = ({"AGGREGATION"}, {"AGGREGATION", "SORT"}, None)


def subtypes_of(name: str) -> set[str] | None:
    """What one of the calls that the parser takes makes of its arguments; None without any."""
    for arguments in ("email", "email, id", "email, id, boss_id"):
        with suppress(ModelError):
            found = lineage_of(f"select {name}({arguments}) as x from raw.people").columns["x"]
            return {edge.subtype for edge in found}
    return None
