"""From a column up to the sources, and from a source down, over several tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tracing import catalog, declared, edges, graph, raw, short, traced

from benepass_tasks.catalog import Table
from benepass_tasks.sqlmodels.lineage import ColumnRef, Lineage, trace
from benepass_tasks.sqlmodels.lineage.edges import (
    GROUP_BY,
    GROUP_COUNT,
    IDENTITY,
    PRESENCE,
    edge_of,
    shown,
)


@pytest.fixture
def lineage() -> Lineage:
    return traced(
        (
            "staging.p",
            "select id, mask_email(email) as email, upper(first_name) as name\nfrom raw.people",
        ),
        (
            "staging.q",
            (
                "select\n  p.id,\n  p.email,\n  q.email as clear,\n  count(q.email) as n\n"
                "from staging.p join raw.people as q on p.id = q.boss_id group by all"
            ),
        ),
        (
            "marts.m",
            (
                "select max(email || clear) as both,\n  if(name is null, n, 0) as n\n"
                "from staging.q join staging.p using (id, email) group by all"
            ),
        ),
    )


def test_edges_are_composed_up_to_the_sources(lineage: Lineage) -> None:
    assert short(lineage.origins(ColumnRef("staging.p", "email"))) == {
        "people.email TRANSFORMATION mask_email"
    }


def test_every_path_is_kept(lineage: Lineage) -> None:
    assert short(lineage.origins(ColumnRef("marts.m", "both"))) == {
        "people.email AGGREGATION mask_email",
        "people.email AGGREGATION",
    }


def test_what_only_decides_once_only_decides(lineage: Lineage) -> None:
    assert short(lineage.origins(ColumnRef("marts.m", "n"))) == {
        "people.first_name CONDITIONAL",
        "people.email AGGREGATION count",
        # The groups in which they are counted.
        "people.id GROUP_BY",
        "people.email GROUP_BY mask_email",
        "people.email GROUP_BY",
    }


def test_the_origins_are_columns_of_sources(lineage: Lineage) -> None:
    (edge,) = lineage.origins(ColumnRef("staging.p", "id"))
    assert edge == edge_of(ColumnRef("people", "id"), IDENTITY)


def test_a_column_that_ingestion_adds_has_no_origin(lineage: Lineage) -> None:
    assert lineage.origins(ColumnRef("raw.people", "_row_number")) == frozenset()


def test_a_source_s_column_has_no_origin(lineage: Lineage) -> None:
    assert lineage.origins(ColumnRef("people", "email")) == frozenset()


@pytest.mark.parametrize("ref", [ColumnRef("marts.m", "nope"), ColumnRef("nope", "email")])
def test_a_column_that_does_not_exist_is_an_error(lineage: Lineage, ref: ColumnRef) -> None:
    with pytest.raises(KeyError):
        lineage.origins(ref)


def test_what_decides_about_rows_is_handed_down(lineage: Lineage) -> None:
    assert short(lineage.row_origins("staging.p")) == set()
    assert short(lineage.row_origins("marts.m")) == {
        "people.id JOIN",
        "people.boss_id JOIN",
        "people.email JOIN mask_email",
        "people.id GROUP_BY",
        "people.email GROUP_BY mask_email",
        "people.email GROUP_BY",
        "people.first_name GROUP_BY",
        "people.email GROUP_BY count",
    }


def test_a_path_upstream_names_file_and_line(lineage: Lineage) -> None:
    paths = lineage.upstream(ColumnRef("marts.m", "n"))
    assert [str(path) for path in paths if path.edge.subtype != "GROUP_BY"] == [
        (
            "people.first_name -> raw.people.first_name -> staging.p.name "
            "(sql/staging/p.sql:1, TRANSFORMATION) -> marts.m.n "
            "(sql/marts/m.sql:2, INDIRECT CONDITIONAL)"
        ),
        (
            "people.email -> raw.people.email -> staging.q.n "
            "(sql/staging/q.sql:5, AGGREGATION, count) -> marts.m.n "
            "(sql/marts/m.sql:2, TRANSFORMATION)"
        ),
    ]


def test_the_paths_upstream_compose_to_the_origins(lineage: Lineage) -> None:
    for relation, model in lineage.models.items():
        for column in model.columns:
            ref = ColumnRef(relation, column)
            composed = {path.edge for path in lineage.upstream(ref)}
            assert composed == lineage.origins(ref)


def test_a_path_downstream_goes_on_to_the_end(lineage: Lineage) -> None:
    paths = list(lineage.downstream(ColumnRef("people", "first_name")))
    assert [[str(step.column) for step in path.steps] for path in paths] == [
        ["raw.people.first_name", "staging.p.name", "marts.m.n"]
    ]
    assert [path.edge for path in paths] == [edge_of(ColumnRef("people", "first_name"), PRESENCE)]


def test_paths_upstream_and_downstream_are_the_same_ways(lineage: Lineage) -> None:
    down = {str(path) for path in lineage.downstream(ColumnRef("people", "email"))}
    assert {str(path) for path in lineage.upstream(ColumnRef("marts.m", "both"))} <= down


def test_a_rejected_record_derives_from_every_column_of_every_source() -> None:
    known = catalog()
    columns = declared({"raw_record": "BLOB", "reason": "VARCHAR"})
    rejected = replace(raw("people"), name="rejected_rows", source=None, columns=columns)
    widened = replace(known, tables={**known.tables, rejected.relation: rejected})
    found = trace(graph(), widened, ())
    origins = found.origins(ColumnRef("raw.rejected_rows", "raw_record"))
    assert {edge.origin for edge in origins} == {
        ColumnRef(source.name, name) for source in known.sources.values() for name in source.columns
    }
    assert {edge.subtype for edge in origins} == {"TRANSFORMATION"}
    assert found.origins(ColumnRef("raw.rejected_rows", "reason")) == frozenset()


def test_edges_have_an_order() -> None:
    some = edges("people.id IDENTITY, people.id AGGREGATION count, orders.id IDENTITY")
    assert [short(frozenset({it})) for it in sorted(some)] == [
        {"orders.id IDENTITY"},
        {"people.id AGGREGATION count"},
        {"people.id IDENTITY"},
    ]


def test_a_reader_is_told_once_what_decides_whatever_is_asked() -> None:
    column = ColumnRef("raw.people", "id")
    [edge] = shown([edge_of(column, GROUP_BY), edge_of(column, GROUP_COUNT)])
    assert (edge.origin, edge.subtype) == (column, "GROUP_BY")


def test_a_raw_table_is_the_catalog_s() -> None:
    found = trace(graph(), catalog(), ()).models["raw.people"]
    assert isinstance(catalog().tables["raw.people"], Table)
    assert (found.path, found.references, dict(found.lines)) == (
        Path("catalog.yaml"),
        ("people",),
        {},
    )
