"""The page of the lineage: its graph, and what its script follows."""

from __future__ import annotations

import re
import time
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import pytest
from projects import definitions
from reading import data_of

from benepass_tasks.catalog import Column, Pii, Source, Table
from benepass_tasks.site.datasets import Dataset
from benepass_tasks.site.layout import BOX_WIDTH, COLUMN_GAP
from benepass_tasks.site.pages import lineage as lineage_pages
from benepass_tasks.site.rendering import render
from benepass_tasks.sqlmodels.lineage import ColumnRef, Edge, Lineage, ModelLineage, trace
from benepass_tasks.sqlmodels.lineage.edges import shown as told

if TYPE_CHECKING:
    from benepass_tasks.catalog.datasets import Layer
    from benepass_tasks.site.page import Page

ROOT = Path(__file__).resolve().parents[2]
CATALOG = definitions().catalog
LAYERS = ("raw", "staging", "intermediate", "quality", "marts")


@pytest.fixture(scope="session")
def lineage() -> Lineage:
    return trace(definitions().graph, CATALOG, CATALOG.masks)


@pytest.fixture(scope="session")
def page(lineage: Lineage) -> Page:
    """The page of the project's own lineage."""
    declared: list[Source | Table] = [*CATALOG.sources.values(), *CATALOG.tables.values()]
    return lineage_pages.page([a_dataset(one, lineage) for one in declared], lineage)


def a_dataset(declared: Source | Table, lineage: Lineage) -> Dataset:
    name = declared.relation if isinstance(declared, Table) else declared.name
    return Dataset(
        name=name,
        declared=declared,
        reads=lineage.models[name].references if name in lineage.models else (),
        readers=tuple(it for it, model in lineage.models.items() if name in model.references),
        pages=(),
        model=None,
        published=None,
        files=(),
        rows=None,
        built_at=None,
        loads=(),
        results={},
        profiles={},
    )


def as_the_script_reads(page: Page) -> tuple[list[str], list[str], dict[str, Any]]:
    """The names of the datasets and of the columns by number, and all that the page says."""
    html = render(page, "vega.js").decode()
    data = data_of(html)
    datasets = [name for name, *_ in data["datasets"]]
    owners = [name for name, _, count, *_ in data["datasets"] for _ in range(count)]
    columns = [f"{owner}.{name}" for owner, (name, *_) in zip(owners, data["columns"], strict=True)]
    return datasets, columns, data


def triples(flat: list[int]) -> list[tuple[int, int, int]]:
    return list(zip(flat[::3], flat[1::3], flat[2::3], strict=True))


def as_shown(edge: Edge) -> list[str | None]:
    words = {"GROUP_BY": "group by", "CONDITIONAL": "condition"}
    return [words.get(edge.subtype, edge.subtype.lower()), edge.masking]


def test_the_script_has_every_edge_of_the_lineage(page: Page, lineage: Lineage) -> None:
    datasets, columns, data = as_the_script_reads(page)

    shown = [(columns[a], columns[b], data["hows"][how]) for a, b, how in triples(data["edges"])]
    rows = [(columns[a], datasets[b], data["hows"][how]) for a, b, how in triples(data["rows"])]

    known = [
        (str(edge.origin), f"{model.relation}.{name}", as_shown(edge))
        for model in lineage.models.values()
        for name, edges in model.columns.items()
        for edge in told(edges)
    ]
    assert sorted(shown, key=str) == sorted(known, key=str)
    assert sorted(rows, key=str) == sorted(
        (
            (str(edge.origin), model.relation, as_shown(edge))
            for model in lineage.models.values()
            for edge in told(model.rows)
        ),
        key=str,
    )


@pytest.mark.parametrize("with_deciding", [False, True])
def test_following_the_edges_up_ends_where_the_lineage_says(
    page: Page, lineage: Lineage, *, with_deciding: bool
) -> None:
    _, columns, data = as_the_script_reads(page)
    above: dict[str, set[str]] = {}
    for origin, target, how in triples(data["edges"]):
        if with_deciding or data["hows"][how][0] not in data["deciding"]:
            above.setdefault(columns[target], set()).add(columns[origin])

    for model in lineage.models.values():
        for name in model.columns:
            origins = {
                str(edge.origin)
                for edge in lineage.origins(ColumnRef(model.relation, name))
                if with_deciding or edge.type == "DIRECT"
            }
            reached = closure(f"{model.relation}.{name}", above)
            sources = {it for it in reached if it.rpartition(".")[0] in CATALOG.sources}
            assert sources == origins


def closure(begin: str, above: dict[str, set[str]]) -> set[str]:
    reached = {begin}
    waiting = [begin]
    while waiting:
        new = above.get(waiting.pop(), set()) - reached
        reached |= new
        waiting += new
    return reached


def test_where_an_address_is_masked_the_edge_says_by_what(page: Page) -> None:
    _, columns, data = as_the_script_reads(page)

    masked = {
        (columns[a], columns[b], data["hows"][how][1])
        for a, b, how in triples(data["edges"])
        if data["hows"][how][1] not in (None, "count")
    }

    assert masked == {("base.employees.email", "staging.stg_employees.email", "mask_email")}


def test_each_column_says_how_personal_it_is_in_letters_and_words(page: Page) -> None:
    _, columns, data = as_the_script_reads(page)
    said = {
        name: data["pii"][pii]
        for name, (_, _, pii, _) in zip(columns, data["columns"], strict=True)
    }

    assert said["employees.email"] == ["I", "identifier, EMAIL_ADDRESS, plaintext"]
    assert said["marts.dim_employees.email"] == ["P", "pseudonym, EMAIL_ADDRESS, masked"]
    assert said["marts.fact_transactions.amount"] == ["S", "sensitive, FINANCIAL"]
    assert said["marts.dim_merchants.merchant"] == ["", "not personal"]


def test_the_graph_has_a_box_for_each_dataset_and_a_link_for_each_reference(
    page: Page, lineage: Lineage
) -> None:
    html = render(page, "vega.js").decode()

    boxes = re.findall(r'<a class="box" href="([^"]+)" data-name="([^"]+)"', html)
    assert sorted(boxes) == sorted(
        (f"catalog/{name}.html", name) for name in (*CATALOG.sources, *CATALOG.tables)
    )
    links = re.findall(r'data-from="([^"]+)" data-to="([^"]+)"', html)
    assert sorted(links) == sorted(
        (origin, model.relation) for model in lineage.models.values() for origin in model.references
    )
    labels = re.findall(r"<title>marts.dim_employees: ([^<]+)</title>", html)
    count = len(CATALOG.tables["marts.dim_employees"].columns)
    assert labels == [f"{count} columns, identifier, pseudonym, quasi-identifier"]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("employees", ["employees"]),
        ("int_transactions_enriched", ["int_transactions_", "enriched"]),
        ("quarantine_benefit_accounts", ["quarantine_", "benefit_accounts"]),
        ("a" * 40, ["a" * 17, "a" * 16 + "…"]),
        ("_" + "a" * 30, ["_" + "a" * 16, "a" * 14]),
    ],
)
def test_a_long_name_stands_in_two_lines(name: str, lines: list[str]) -> None:
    assert lineage_pages.lines_of(name) == lines


def test_what_the_catalog_says_is_shown_and_not_done() -> None:
    evil = "</script><script>alert(1)</script>"
    column = Column(evil, evil, "VARCHAR", "people", Pii("none"))
    source = Source("evil", "data/evil.csv", evil, "people", MappingProxyType({evil: column}))
    lineage = Lineage(MappingProxyType({}))

    made = lineage_pages.page([a_dataset(source, lineage)], lineage)

    html = render(made, "vega.js").decode()
    assert "<script>alert" not in html
    assert as_the_script_reads(made)[1] == [f"evil.{evil}"]


def test_an_empty_catalog_says_what_to_do() -> None:
    html = render(lineage_pages.page([], Lineage(MappingProxyType({}))), "vega.js").decode()

    assert "catalog.yaml" in html
    assert "<svg" not in html


def test_two_hundred_models_make_a_page_of_less_than_a_megabyte_in_a_second() -> None:
    datasets, lineage = a_large_project()

    started = time.process_time()
    html = render(lineage_pages.page(datasets, lineage), "vega.js")

    assert time.process_time() - started < 1
    assert len(html) < 1_000_000
    assert html.count(b'class="box"') == 200
    found = lineage_pages.arrange(datasets)
    assert len({(box.x, box.y) for box in found.boxes.values()}) == 200
    assert found.width == len(found.columns) * (BOX_WIDTH + COLUMN_GAP) - COLUMN_GAP


def a_large_project(count: int = 200, width: int = 20) -> tuple[list[Dataset], Lineage]:
    """Tables in chains that fan out: each column derives from one or two of the table before."""
    names = [f"{LAYERS[place * 5 // count]}.model_{place:03}" for place in range(count)]
    kinds = (Pii("none"), Pii("identifier", kind="EMAIL_ADDRESS"), Pii("pseudonym"))
    tables = {}
    models = {}
    for place, name in enumerate(names):
        layer, _, table = name.partition(".")
        text = f"What column of {table} says, in a sentence as long as they are in a catalog."
        columns = {
            f"column_{number:02}": Column(
                f"column_{number:02}", text, "DECIMAL(18,2)", "benefits", kinds[number % 3]
            )
            for number in range(width)
        }
        tables[name] = Table(
            cast("Layer", layer),
            table,
            text,
            None,
            "table",
            "benefits",
            None,
            MappingProxyType(columns),
        )
        reads = tuple(names[it] for it in {place // 3, max(place - 9, 0)} if it < place)
        models[name] = ModelLineage(
            name,
            Path("x.sql"),
            reads,
            {
                column: frozenset(
                    Edge(ColumnRef(origin, column), "DIRECT", "TRANSFORMATION") for origin in reads
                )
                for column in columns
            },
            frozenset(),
            {},
        )
    lineage = Lineage(MappingProxyType(models))
    return [a_dataset(table, lineage) for table in tables.values()], lineage
