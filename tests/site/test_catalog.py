"""The catalog as pages: what is declared, tested and measured of each dataset and column."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from projects import definitions
from reading import table_of
from sqlalchemy import create_engine
from sqlalchemy.schema import CreateSchema, CreateTable

from benepass_tasks.catalog import Catalog, Column, NotNull, Pii, Source, Table
from benepass_tasks.catalog.wording import printable
from benepass_tasks.config.project import Project
from benepass_tasks.engine.measure import LONGEST_EXTREME, ColumnProfile
from benepass_tasks.quality.data_tests.results import Result, keep_results, read_latest
from benepass_tasks.site import personal
from benepass_tasks.site.addresses import anchor_of
from benepass_tasks.site.datasets import Dataset
from benepass_tasks.site.highlighting import highlighted
from benepass_tasks.site.page import LONGEST_TEXT, instant
from benepass_tasks.site.pages import catalog as catalog_pages
from benepass_tasks.site.rendering import render, search_index
from benepass_tasks.sqlmodels import ModelGraph
from benepass_tasks.state.meta import CHECK_RESULTS, MARKERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
CATALOG = definitions().catalog
DATASETS: Mapping[str, Source | Table] = {**CATALOG.sources, **CATALOG.tables}
VOID = {"br", "hr", "img", "input", "link", "meta", "wbr"}


@pytest.fixture(scope="session")
def graph() -> ModelGraph:
    return definitions().graph


class Reading(HTMLParser):
    """What a page says: text by id, of regions by label and of facts by heading."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.by_id: dict[str, str] = {}
        self.regions: dict[str, str] = {}
        self.links: list[str] = []
        self._open: list[tuple[str, str | None, str | None]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        if tag not in VOID:
            self._open.append((tag, given.get("id"), given.get("aria-label")))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        for _, name, label in self._open:
            if name:
                self.by_id[name] = self.by_id.get(name, "") + data
            if label:
                self.regions[label] = self.regions.get(label, "") + data


def read(site: Workspace, page: str) -> Reading:
    return Reading((site.site / page).read_text(encoding="utf-8"))


def facts(html: str) -> dict[str, str]:
    """The definition list of a dataset: heading and text."""
    pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html, re.DOTALL)
    return {heading: re.sub(r"<[^>]*>", "", text) for heading, text in pairs}


def page_of(dataset: Dataset) -> str:
    empty = ModelGraph(MappingProxyType({}), MappingProxyType({}), MappingProxyType({}))
    return render(catalog_pages.page(dataset, Project(ROOT), empty), "vega.js").decode()


def a_dataset(**changes: Any) -> Dataset:  # noqa: ANN401 - fields of a dataset
    column = Column("amount", "What was paid.", "VARCHAR", "benefits", Pii("none"))
    declared = Table(
        "marts",
        "spend",
        "What was spent.",
        None,
        "table",
        "benefits",
        None,
        MappingProxyType({"amount": column}),
    )
    made = Dataset(
        name="marts.spend",
        declared=declared,
        reads=(),
        readers=(),
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
    return replace(made, **changes)


@pytest.mark.parametrize("name", DATASETS)
def test_each_dataset_has_a_page_that_says_what_the_catalog_says(
    sample_run: Workspace, name: str
) -> None:
    declared = DATASETS[name]
    page = read(sample_run, f"catalog/{name}.html")

    assert declared.description in page.by_id["main"]
    assert len(page.ids) == len(set(page.ids))
    for column in declared.columns.values():
        row = " ".join(page.by_id[column.name].split())
        said = [column.name, column.description, column.type, column.domain]
        said += [badge.name for badge in personal.badges(column.pii)]
        said += [it for it in (column.pii.kind, column.pii.reason) if it]
        said += [personal.TREATMENTS[column.pii.treatment]] if column.pii.treatment else []
        said += [f"{test.kind} {test.arguments}".strip() for test in column.tests]
        assert [it for it in said if it not in row] == []
        assert f"../lineage.html#{name}.{column.name}" in page.links


def test_the_index_links_to_each_page_and_counts_what_there_is(sample_run: Workspace) -> None:
    page = read(sample_run, "catalog.html")

    assert {it for it in page.links if it.startswith("catalog/")} == {
        f"catalog/{name}.html" for name in DATASETS
    }
    counted = dict(
        re.findall(
            r"<dt>([\w ]+)</dt>\s*<dd><span class=\"value\">([\d,]+)</span>", html(sample_run)
        )
    )
    columns = [column for declared in DATASETS.values() for column in declared.columns.values()]
    assert counted == {
        "Datasets": str(len(DATASETS)),
        "Columns": str(len(columns)),
        "Published tables": str(sum(table.published for table in CATALOG.tables.values())),
        "Columns with personal data": str(sum(column.pii.is_personal for column in columns)),
    }


def html(site: Workspace, page: str = "catalog.html") -> str:
    return (site.site / page).read_text(encoding="utf-8")


def test_the_index_says_the_rows_that_the_published_file_has(sample_run: Workspace) -> None:
    rows = table_of(html(sample_run), "datasets")["rows"]
    shown = {row["name"]: row for row in rows}

    assert shown.keys() == DATASETS.keys()
    for relation, declared in CATALOG.tables.items():
        assert (shown[relation]["published"] == "published") is declared.published
        if declared.published:
            ((count,),) = sample_run.query_published(f"select count(*) from {relation}")
            assert shown[relation]["rows"] == count
    ((records,),) = sample_run.query("select sum(records) from meta.loads")
    assert sum(shown[name]["rows"] for name in CATALOG.sources) == records
    ((rejected,),) = sample_run.query("select count(*) from raw.rejected_rows")
    assert shown["raw.rejected_rows"]["rows"] == rejected


def test_the_sql_is_that_of_the_file_letter_for_letter(
    sample_run: Workspace, graph: ModelGraph
) -> None:
    for relation, model in graph.models.items():
        page = read(sample_run, f"catalog/{relation}.html")
        written = model.sql if model.is_generated else (ROOT / model.path).read_text("utf-8")
        assert page.regions[model.path.as_posix()] == written
        for macro in graph.macros_of(model):
            assert page.regions[macro.path.as_posix()] == (ROOT / macro.path).read_text("utf-8")


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "\n",
        "select 1",
        "\n\nselect '<b>&amp;' -- <script>\n\n",
        "select 1\r\nfrom x\r\n",
        "/* a\n   b */ select 'x\ny', $$ z\n$$\n",
        "select \t\ufeff '\u202e' from [broken",
    ],
)
def test_highlighting_changes_no_letter_of_a_text(sql: str) -> None:
    page = Reading(f'<pre id="all">{highlighted(sql, "sql")}</pre>')

    assert page.by_id.get("all", "") == sql
    lines = sql.removesuffix("\n").split("\n") if sql else []
    assert page.ids[1:] == [f"sql-{number}" for number in range(1, len(lines) + 1)]
    assert set(page.tags) <= {"pre", "span"}


def test_who_reads_a_dataset_is_who_names_it_in_its_sql(
    sample_run: Workspace, graph: ModelGraph
) -> None:
    for name in DATASETS:
        said = facts(html(sample_run, f"catalog/{name}.html"))
        readers = {it for it, model in graph.models.items() if name in model.references}
        raw = {it for it, table in CATALOG.tables.items() if table.source == name}
        rejected = {"raw.rejected_rows"} if name in CATALOG.sources else set()
        assert found_names(said["Read by"]) == {*readers, *raw, *rejected}
        if name in graph.models:
            assert found_names(said["Reads"]) == set(graph.models[name].references)


def found_names(text: str) -> set[str]:
    """The datasets that a text names one after the other without anything between them."""
    pattern = "|".join(sorted(map(re.escape, DATASETS), key=len, reverse=True))
    return set(re.findall(pattern, text))


def test_a_published_table_names_its_files(sample_run: Workspace) -> None:
    for relation, table in CATALOG.tables.items():
        said = facts(html(sample_run, f"catalog/{relation}.html"))
        files = said.get("Published files", "")
        assert ("benepass.duckdb" in files) is table.published
        assert (f"parquet/{relation}.parquet" in files) is table.published


@pytest.mark.nightly
def test_each_test_says_what_it_found_last(sample_run: Workspace) -> None:
    found = sample_run.query(
        "select relation, coalesce(column_name, ''), test, status from meta.check_results"
    )
    assert found
    for relation, column, test, status in found:
        page = read(sample_run, f"catalog/{relation}.html")
        said = " ".join((page.by_id[column] if column else page.by_id["main"]).split())
        assert re.search(rf"\b{test}\b.*?\b{status}\b", said), f"{relation}.{column}: {test}"


def test_a_test_that_was_run_again_counts_as_it_was_last() -> None:
    engine = create_engine("duckdb:///:memory:")
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    with engine.begin() as connection:
        connection.execute(CreateSchema("meta"))
        for table in (CHECK_RESULTS, MARKERS):
            connection.execute(CreateTable(table))
        for hours, failing in ((1, 3), (2, 0), (0, 7)):
            keep_results(
                connection, [result(f"run{hours}", begun + timedelta(hours=hours), failing)]
            )
        found = read_latest(connection)

    assert [(it.run_id, it.failing_rows, it.status) for it in found] == [("run2", 0, "passed")]


def result(run_id: str, checked_at: datetime, failing: int) -> Result:
    return Result(
        run_id=run_id,
        relation="marts.spend",
        column_name="amount",
        test="not_null",
        arguments="",
        severity="warn",
        status="warned" if failing else "passed",
        failing_rows=failing,
        checked_rows=10,
        sample_keys=["k"],
        seconds=0.1,
        checked_at=checked_at,
    )


def test_a_test_that_failed_says_how_many_rows_and_one_that_never_ran_says_so() -> None:
    dataset = a_dataset()
    assert isinstance(dataset.declared, Table)
    column = replace(dataset.declared.columns["amount"], tests=(NotNull(severity="warn"),))
    declared = replace(dataset.declared, columns=MappingProxyType({"amount": column}))
    found = result("run", datetime(2026, 1, 1, tzinfo=UTC), 3)

    never = Reading(page_of(replace(dataset, declared=declared)))
    failed = Reading(
        page_of(replace(dataset, declared=declared, results={("amount", "not_null", ""): found}))
    )

    assert "not run" in never.by_id["amount"]
    assert "warned" in failed.by_id["amount"]
    assert "3 of 10 rows" in failed.by_id["amount"]
    assert "k" not in failed.by_id["amount"].replace("marks", "").split()


def test_a_profile_says_of_values_what_the_published_file_says(sample_run: Workspace) -> None:
    for relation, table in CATALOG.tables.items():
        page = read(sample_run, f"catalog/{relation}.html")
        said = {name: profile(page.by_id[name]) for name in table.columns}
        shown = shown_of(table)
        hidden = [said[name] for name in table.columns if name not in shown]
        assert not any(it.keys() & {"Least", "Greatest", "Mean"} for it in hidden)
        for name, figures in published_figures(sample_run, relation, sorted(shown)).items():
            if said[name]:
                assert said[name]["Missing"] == figures["Missing"]
            if "Least" in said[name]:
                assert not table.columns[name].pii.is_personal
                assert said[name].items() >= figures.items()


def published_figures(
    site: Workspace, relation: str, names: list[str]
) -> dict[str, dict[str, object]]:
    """What a profile has to say of columns, from the published file."""
    if not names:
        return {}
    asked = ", ".join(
        f"printf('%.1f%%', 100 * (count(*) - count({it})) / greatest(count(*), 1)), "
        f"coalesce(cast(min({it}) as varchar), ''), coalesce(cast(max({it}) as varchar), '')"
        for it in names
    )
    ((*values,),) = site.query_published(f"select {asked} from {relation}")
    found = [printable(value[:LONGEST_EXTREME], LONGEST_TEXT) for value in values]
    headings = ("Missing", "Least", "Greatest")
    return {
        name: dict(zip(headings, found[3 * place : 3 * place + 3], strict=True))
        for place, name in enumerate(names)
    }


def shown_of(table: Table) -> set[str]:
    """The columns of which analysts get all values."""
    if not table.published:
        return set()
    suppression = table.suppression
    withheld = set(suppression.withheld) if suppression else set()
    seen = (it for it in table.columns.values() if it.pii.class_ != "identifier")
    return {column.name for column in seen if column.published} - withheld


def profile(row: str) -> dict[str, str]:
    """The profile of a column from the text of its row."""
    lines = [line.strip() for line in row.splitlines() if line.strip()]
    headings = ("Missing", "Different", "Least", "Greatest", "Mean")
    found = {}
    for line in lines:
        for heading in headings:
            if line.startswith(heading):
                found[heading] = line.removeprefix(heading)
    return found


def test_some_profile_has_extremes_and_a_mean(sample_run: Workspace) -> None:
    page = read(sample_run, "catalog/marts.dim_merchants.html")

    assert profile(page.by_id["merchant"]).keys() == {"Missing", "Different", "Least", "Greatest"}
    ((mean,),) = sample_run.query_published(
        "select avg(transaction_count) from marts.dim_merchants"
    )
    assert profile(page.by_id["transaction_count"])["Mean"] == f"{mean:,.6g}"


def test_what_the_catalog_or_a_file_says_is_shown_and_not_done() -> None:
    evil = "<script>alert(1)</script>\x1b[31m\u202e"
    dataset = a_dataset()
    table = dataset.declared
    assert isinstance(table, Table)
    column = replace(table.columns["amount"], name=evil, description=evil)
    declared = replace(
        table,
        description=evil,
        grain=evil,
        published=True,
        columns=MappingProxyType({evil: column}),
    )
    extremes = ColumnProfile(evil, 1, 0, 1, evil, "=cmd()", None)
    from benepass_tasks.state.publication import PublishedTable  # noqa: PLC0415 - of this test alone

    page = page_of(
        replace(
            dataset,
            declared=declared,
            published=PublishedTable(declared, 5),
            profiles={evil: extremes},
        )
    )

    clean = page_of(dataset)
    assert page.count("<script") == clean.count("<script")
    read_page = Reading(page)
    assert all(re.fullmatch(r"[\w:.~-]+", name) for name in read_page.ids)
    assert "<script>alert(1)</script>\\x1b[31m\\u202e" in read_page.by_id[anchor_of(evil)]


def test_a_column_may_be_called_as_something_of_the_frame() -> None:
    dataset = a_dataset()
    names = ("main", "Total Amount", "plain")
    columns = {name: replace(dataset.declared.columns["amount"], name=name) for name in names}
    declared = replace(dataset.declared, columns=MappingProxyType(columns))

    page = Reading(page_of(replace(dataset, declared=declared)))

    assert len(page.ids) == len(set(page.ids))
    assert {"main", "column-main", "column-Total:20Amount", "plain"} <= set(page.ids)
    assert "../lineage.html#marts.spend.Total%20Amount" in page.links


def test_a_dataset_that_was_never_built_has_a_page() -> None:
    said = facts(page_of(a_dataset(built_at=None)))

    assert "Built" not in said
    assert said["Read by"] == "no other table"
    built = facts(page_of(a_dataset(built_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC), rows=12_345)))
    assert (built["Built"], built["Rows"]) == ("2026-01-02 03:04 UTC", "12,345")
    assert instant(datetime(2026, 1, 2, 3, 4, tzinfo=UTC)) == "2026-01-02T03:04:00Z"


def test_the_search_knows_every_dataset_and_column_and_the_published_marts_first() -> None:
    text = search_index(CATALOG).decode()
    entries = json.loads(text.removeprefix("window.benepassSearch = ").removesuffix(";\n"))

    assert {name: (text, columns) for name, text, columns in entries} == {
        name: (declared.description, [searched(column) for column in declared.columns.values()])
        for name, declared in DATASETS.items()
    }
    names = [name for name, *_ in entries]
    assert names[0] == "marts.fact_transactions"
    assert names[-len(CATALOG.sources) :] == list(CATALOG.sources)
    published = [CATALOG.tables[name].published for name in names if name in CATALOG.tables]
    assert published == sorted(published, reverse=True)


def searched(column: Column) -> list[str]:
    letters = "".join(badge.letter for badge in personal.badges(column.pii))
    return [column.name, column.description, letters, anchor_of(column.name)]


def test_the_search_of_an_empty_catalog_knows_nothing() -> None:
    empty: Mapping[str, Any] = MappingProxyType({})

    assert search_index(Catalog(Path("c"), empty, empty, empty)) == b"window.benepassSearch = [];\n"


@pytest.mark.parametrize(
    ("pii", "said", "letters"),
    [
        (Pii("none"), "not personal", ""),
        (Pii("none", sensitive=True, kind="FINANCIAL"), "sensitive, FINANCIAL", "S"),
        (
            Pii("pseudonym", kind="EMAIL_ADDRESS", treatment="mask"),
            "pseudonym, EMAIL_ADDRESS, masked",
            "P",
        ),
        (
            Pii("identifier", sensitive=True, kind="RECORD", treatment="plaintext", reason="so"),
            "identifier and sensitive, RECORD, plaintext",
            "IS",
        ),
    ],
)
def test_personal_data_is_said_in_words_and_in_letters(pii: Pii, said: str, letters: str) -> None:
    assert personal.words(pii) == said
    assert "".join(badge.letter for badge in personal.badges(pii)) == letters


def test_a_table_says_which_pages_show_it(sample_run: Workspace) -> None:
    html = (sample_run.site / "catalog" / "marts.dim_employees.html").read_text(encoding="utf-8")
    shown_on = html.partition("<dt>Shown on</dt>")[2].partition("</dd>")[0]
    assert '<a href="../index.html">Overview</a>' in shown_on
    assert '<a href="../employees.html">Employees</a>' in shown_on
    assert "merchants.html" not in shown_on
