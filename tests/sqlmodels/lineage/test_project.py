"""The lineage of this project's own models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from projects import definitions

from benepass_tasks.sqlmodels.lineage import ColumnRef, Lineage, kept, trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benepass_tasks.catalog import Catalog
    from benepass_tasks.sqlmodels import ModelGraph

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return definitions().catalog


@pytest.fixture(scope="module")
def graph() -> ModelGraph:
    return definitions().graph


@pytest.fixture(scope="module")
def lineage(graph: ModelGraph, catalog: Catalog) -> Lineage:
    return trace(graph, catalog, {"mask_email"})


@pytest.fixture(scope="module")
def built(graph: ModelGraph, catalog: Catalog) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with every table of the project, empty."""
    with duckdb.connect() as connection:
        connection.execute("set variable as_of_date = date '2026-01-01'")
        for table in catalog.tables.values():
            connection.execute(f"create schema if not exists {table.layer}")
            if table.layer == "raw":
                columns = ", ".join(f"{it.name} {it.type}" for it in table.columns.values())
                connection.execute(f"create table {table.relation} ({columns})")
        for model in graph.models.values():
            for macro in graph.macros_of(model):
                connection.execute(macro.sql)
            connection.execute(f"create table {model.relation} as\n{model.sql}")
        yield connection


def test_what_was_followed_before_is_known_again_with_the_same_masks_alone(
    graph: ModelGraph, catalog: Catalog, lineage: Lineage
) -> None:
    known = kept.restored(json.loads(json.dumps(kept.plain(lineage))))
    again = trace(graph, catalog, {"mask_email"}, known=known)
    assert again == lineage
    assert all(again.models[it.relation] is it for it in known.values())
    assert trace(graph, catalog, (), known=known) == trace(graph, catalog, ())


def test_every_table_has_a_lineage(lineage: Lineage, catalog: Catalog) -> None:
    assert lineage.models.keys() == catalog.tables.keys()


def test_the_columns_are_those_that_duckdb_gives(
    lineage: Lineage, built: duckdb.DuckDBPyConnection
) -> None:
    for relation, model in lineage.models.items():
        described = built.execute(f"describe {relation}").fetchall()
        assert list(model.columns) == [name for name, *_ in described]


def test_every_column_of_a_model_has_the_line_it_stands_on(
    lineage: Lineage, graph: ModelGraph
) -> None:
    for relation, model in graph.models.items():
        # That of a generated view is the line on which its column is declared.
        lines = (ROOT / model.path).read_text("utf-8").splitlines()
        found = lineage.models[relation].lines
        assert found.keys() == lineage.models[relation].columns.keys()
        for column in ("employee_id", "email", "merchant", "amount"):
            assert column in lines[found.get(column, 0) - 1] or column not in found


def test_addresses_reach_the_marts_masked_only(lineage: Lineage, catalog: Catalog) -> None:
    email = ColumnRef("employees", "email")
    arriving = {
        (str(ColumnRef(table.relation, column)), edge.subtype, edge.masking)
        for table in catalog.tables.values()
        if table.layer == "marts"
        for column in table.columns
        for edge in lineage.origins(ColumnRef(table.relation, column))
        if edge.origin == email and edge.type == "DIRECT"
    }
    assert arriving == {("marts.dim_employees.email", "TRANSFORMATION", "mask_email")}


def test_an_address_can_be_followed_down_to_a_mart(lineage: Lineage) -> None:
    paths = map(str, lineage.downstream(ColumnRef("employees", "email")))
    (path,) = (path for path in paths if "marts.dim_employees.email" in path)
    assert path.startswith("employees.email -> raw.employees.email -> base.employees.email ")
    assert "TRANSFORMATION, mask_email)" in path


def test_what_decides_who_counts_is_known(lineage: Lineage) -> None:
    origins = lineage.row_origins("marts.dim_employees")
    assert {str(edge.origin) for edge in origins} >= {"employees.employee_id", "employees.email"}
    assert {edge.type for edge in origins} == {"INDIRECT"}
