"""The page Data quality says what the published file and the history say, and nothing else."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from projects import catalog_of
from reading import chart_of, data_of, elements_of, table_of, told_in

from benepass_tasks.config.project import open_project
from benepass_tasks.config.settings import current_settings
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.ingestion.schema_evolution.changes import Change, Violations
from benepass_tasks.ingestion.schema_evolution.history import Entry
from benepass_tasks.quality.data_tests.results import Result
from benepass_tasks.site import vega
from benepass_tasks.site.pages import quality
from benepass_tasks.site.quality import books, promises, quarantine
from benepass_tasks.site.rendering import render
from benepass_tasks.site.sources import Sources, opened
from benepass_tasks.state.history.read import RunFigures, SourceFigures
from benepass_tasks.state.run import Run
from benepass_tasks.state.store import StateStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from workspace import Workspace

    from benepass_tasks.catalog import Catalog
    from benepass_tasks.site.page import DataTable

ROOT = Path(__file__).parents[2]

HOSTILE_FILE = 'transactions"><img src=x onerror=alert(1)>.csv'
HOSTILE = "</script><script>alert(2)</script>"
MORE = f"""\
transaction_id,employee_id,benefit_account_id,merchant,amount,transaction_timestamp,category
B1,E1,A1,{HOSTILE},n/a,2025-03-06T10:00:00Z,gym
B2,E1,A1,=HYPERLINK("x"),0,2025-03-07T10:00:00Z,gym
B3,E9,A1,Plum Crate,-5.00,2025-03-08T10:00:00Z,gym
B4,E1,A1,Iron Heron Gym,7.00,2025-03-09T10:00:00Z,
too,few
"""


@pytest.fixture(scope="module")
def made(finished_run: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A project with pages after three runs: all well, then much wrong, then a failed one."""
    workspace = replace(finished_run, root=tmp_path_factory.mktemp("quality") / "project")
    shutil.copytree(finished_run.root, workspace.root)
    workspace.write(f"data/{HOSTILE_FILE}", MORE)
    header, *lines = (workspace.data / "employees.csv").read_text().splitlines()
    lines += ["E2,Bo,Baker,no address,2021-06-15,terminated"]
    with_column = "\n".join([f"{header},cost_center", *(f"{line},7" for line in lines)])
    workspace.write("data/employees.csv", f"{with_column}\n")
    # Vega's script takes seconds to make, and no test here runs it.
    script = workspace.data / "site" / vega.bundle_name()
    script.parent.mkdir(parents=True)
    script.touch()
    workspace.run("BuildSite")
    before = (workspace.data / "transactions.csv").read_text()
    workspace.write("data/transactions.csv", "no header\n")
    _, succeeded = workspace.attempt("BuildSite")
    assert not succeeded
    workspace.write("data/transactions.csv", before)
    return workspace


@pytest.fixture(scope="module")
def html(made: Workspace) -> str:
    return (made.data / "site" / "quality.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return catalog_of(ROOT)


def sources_as_configured() -> AbstractContextManager[Sources]:
    """What the pages of the configured project are made of."""
    return opened(Run(current_settings(), lambda *_: ()))


def figures_sql(workspace: Workspace, offset: int = 0) -> dict[tuple[str, str, str | None], float]:
    """What a run said that balanced the books, the last one or one before."""
    return {
        (dataset, figure, name): value
        for dataset, figure, name, value in workspace.query(
            "select dataset, figure, name, value from meta.quality_figures where run_id = ("
            "select run_id from meta.runs "
            "where run_id in (select run_id from meta.quality_figures) "
            f"order by started_at desc limit 1 offset {offset})"
        )
    }


def test_the_outcomes_are_those_of_the_last_run_that_balanced_the_books(
    made: Workspace, html: str
) -> None:
    figures = figures_sql(made)
    rows = table_of(html, "sources")["rows"]
    assert {row["source"] for row in rows} == {name for name, kind, _ in figures if kind == "clean"}
    for row in rows:
        for name in ("records", "clean", "flagged", "quarantined", "rejected", "clean_rate"):
            assert row[name] == figures[row["source"], name, None]
    transactions = next(row for row in rows if row["source"] == "transactions")
    kept_out = made.query_published("select count(*) from quality.quarantine_transactions")
    assert [(transactions["quarantined"],)] == kept_out
    assert (transactions["records"], transactions["rejected"]) == (10, 1)


def test_the_chart_of_outcomes_shows_shares_of_the_records(made: Workspace, html: str) -> None:
    figures = figures_sql(made)
    shown = {
        (row["source"], row["outcome"]): row["rate"] for row in chart_of(html, "outcomes")["rows"]
    }
    assert shown == {
        (source, name): figures[source, name, None] / value
        for (source, figure, _), value in figures.items()
        if figure == "records"
        for name in ("flagged", "quarantined", "rejected")
    }


def test_the_totals_stand_on_the_page(html: str) -> None:
    values = [text.split("<")[0] for text in html.split('<span class="value">')[1:]]
    rows = table_of(html, "sources")["rows"]
    names = ("records", "clean", "flagged", "quarantined", "rejected")
    assert [int(value) for value in values] == [sum(row[name] for row in rows) for name in names]


def test_the_clean_rates_are_those_of_each_run(made: Workspace, html: str) -> None:
    told = {
        (row["run"], row["source"]): row["rate"] for row in chart_of(html, "clean-rates")["rows"]
    }
    kept = made.query(
        "select strftime(started_at at time zone 'UTC', '%Y-%m-%dT%H:%M:%SZ'), dataset, value "
        "from meta.quality_figures join meta.runs using (run_id) where figure = 'clean_rate'"
    )
    assert told == {(began, source): value for began, source, value in kept}
    assert len({began for began, _ in told}) >= 2


@pytest.mark.parametrize(
    ("kind", "figure"), [("reason", "quarantined_by_reason"), ("flag", "flagged_by_flag")]
)
def test_reasons_and_flags_are_compared_with_the_run_before(
    made: Workspace, html: str, kind: str, figure: str
) -> None:
    now, before = figures_sql(made), figures_sql(made, offset=1)
    told = {
        (row["source"], row["name"]): (row["now"], row["before"], row["change"])
        for row in table_of(html, f"{kind}s-now")["rows"]
    }
    named = {(name, it) for name, which, it in now.keys() | before.keys() if which == figure}
    assert told == {
        (name, it): (
            now.get((name, figure, it), 0),
            before.get((name, figure, it), 0),
            now.get((name, figure, it), 0) - before.get((name, figure, it), 0),
        )
        for name, it in named
    }
    assert told


def test_the_quarantined_records_are_the_published_ones(made: Workspace, html: str) -> None:
    published = [
        (source, *row)
        for source in ("transactions", "employees", "benefit_accounts")
        for row in made.query_published(
            "select _source_file, _row_number, rejection_reason "
            f"from quality.quarantine_{source} order by all"
        )
    ]
    table = table_of(html, "quarantined")
    shown = [(row["source"], row["file"], row["row"], row["reason"]) for row in table["rows"]]
    assert shown == published
    assert table["total"] == len(published)
    assert (HOSTILE_FILE, 1) in {(file, row) for _, file, row, _ in shown}


def test_the_filters_know_how_many_records_each_reason_keeps_out(
    made: Workspace, html: str
) -> None:
    told = {(source, reason): count for source, reason, count in data_of(html)["reasons"]}
    figures = figures_sql(made)
    assert told == {
        (name, reason): value
        for (name, figure, reason), value in figures.items()
        if figure == "quarantined_by_reason"
    }


def test_a_record_shows_what_is_published_of_it_and_all_its_issues(html: str) -> None:
    rows = {
        row["row"]: row for row in table_of(html, "quarantined")["rows"] if "img" in row["file"]
    }
    assert rows[1]["record"].startswith("transaction_id: ")
    assert f"merchant: {HOSTILE}" in rows[1]["record"]
    issues = {rows[3]["reason"], *rows[3]["also"].split(", ")}
    assert {"invalid_employee_id", "negative_amount"} <= issues


def test_names_of_people_are_not_shown(made: Workspace, html: str) -> None:
    """A record is found by its file and row: who it is of does not help to fix it."""
    names = made.query_published("select distinct last_name from quality.quarantine_employees")
    assert ("Baker",) in names
    shown = " ".join(row["record"] for row in table_of(html, "quarantined")["rows"])
    assert "last_name: ****" in shown
    assert "Baker" not in html


def test_addresses_are_not_shown_where_no_mask_was_put_on_what_is_published(
    kept_out: Sources, tmp_path: Path
) -> None:
    kept_out.connection.rollback()
    kept_out.connection.exec_driver_sql("detach published")
    with duckdb.connect(str(tmp_path / "published.duckdb")) as connection:
        connection.execute("alter table quality.quarantine_employees add column email varchar")
        connection.execute("update quality.quarantine_employees set email = 'ann@example.com'")
    path = tmp_path / "published.duckdb"
    kept_out.connection.exec_driver_sql(f"attach '{path}' as published (read_only)")
    kept_out.connection.commit()
    found = quarantine.read_quarantine(kept_out)
    assert {row["record"] for row in found.rows if row["source"] == "employees"} == {
        "merchant: ****; email: ****"
    }


def test_the_same_records_are_there_as_csv(made: Workspace, html: str) -> None:
    path = made.data / "site" / "downloads" / "quarantine.csv"
    with path.open(newline="", encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    rows = table_of(html, "quarantined")["rows"]
    assert header == ["Source", "File", "Row", "Reason", "Also", "What is published of it"]
    assert [(line[0], line[2], line[3]) for line in lines] == [
        (row["source"], str(row["row"]), row["reason"]) for row in rows
    ]


def test_the_rejected_records_are_those_of_the_loads(made: Workspace, html: str) -> None:
    loads = made.query("select file, records, rejected from meta.loads where rejected > 0")
    rows = table_of(html, "rejected")["rows"]
    assert [(row["file"], row["records"], row["rejected"]) for row in rows] == loads
    assert loads == [(HOSTILE_FILE, 5, 1)]


def test_the_sql_that_names_the_rejected_lines_does(made: Workspace, html: str) -> None:
    sql = html.split("<code>select ", maxsplit=1)[1].split("</code>", maxsplit=1)[0]
    assert [(file, line) for file, line, _ in made.query(f"select {sql}")] == [(HOSTILE_FILE, 6)]


def test_the_checks_are_the_latest_of_each_table(made: Workspace, html: str) -> None:
    kept = made.query(
        "select relation, column_name, status, failing_rows, checked_rows from meta.check_results "
        "where (relation, run_id) in "
        "(select (relation, arg_max(run_id, checked_at)) from meta.check_results group by relation)"
    )
    rows = table_of(html, "checks")["rows"]
    names = ("relation", "column", "status", "failing", "rows")
    assert sorted(map(repr, kept)) == sorted(
        repr(tuple(row[name] for name in names)) for row in rows
    )


def test_the_schema_changes_are_those_since_the_first_load(html: str) -> None:
    changes = table_of(html, "schema-changes")["rows"]
    assert {(it["source"], it["file"], it["column"], it["change"]) for it in changes} == {
        ("transactions", HOSTILE_FILE, "amount", "type changed"),
        ("employees", "employees.csv", promises.UNDECLARED, "added"),
    }


def test_a_hostile_file_name_and_value_stay_text(html: str) -> None:
    elements = elements_of(html)
    assert "img" not in {name for name, _ in elements}
    scripts = [attributes for name, attributes in elements if name == "script"]
    assert all("src" in it or it.get("type") == "application/json" for it in scripts)
    assert not any(name.startswith("on") for _, attributes in elements for name in attributes)


def test_every_id_is_there_once(html: str) -> None:
    ids = [attributes["id"] for _, attributes in elements_of(html) if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert "incidents" in ids


def test_the_same_warehouse_gives_the_same_bytes(made: Workspace) -> None:
    with made.configured(), sources_as_configured() as sources:
        first, again = ([render(it, "vega.js") for it in quality.pages(sources)] for _ in range(2))
    assert first == again


def test_a_failed_run_changes_no_page_and_is_told(made: Workspace, html: str) -> None:
    told = told_in((made.data / "site" / "runs.js").read_text(encoding="ascii"))
    failed, built = told["runs"][:2]
    assert (failed["status"], failed["failed"]) == ("failed", 1)
    assert (built["status"], data_of(html)["runs"][-1]) == ("succeeded", built["started_at"])
    node = told["nodes"][failed["id"]][0]
    assert (node["node"], node["outcome"]) == ("transactions/transactions.csv", "failed")
    assert "error" not in node


def test_where_nothing_is_wrong_the_page_says_so(finished_run: Workspace, tmp_path: Path) -> None:
    """The first run of a project whose records are all clean."""
    workspace = replace(finished_run, root=tmp_path / "project")
    shutil.copytree(finished_run.root, workspace.root, ignore=shutil.ignore_patterns("*warehouse*"))
    header, _, clean, *_ = (workspace.data / "transactions.csv").read_text().splitlines()
    workspace.write("data/transactions.csv", f"{header}\n{clean}\n")
    workspace.run("Publish")
    with workspace.configured(), sources_as_configured() as sources:
        (page,) = quality.pages(sources)
        text = render(page, "vega.js").decode()
    for said in (
        "Every record is clean.",
        "One run has balanced the books so far",
        "No record is quarantined.",
        "No record is flagged.",
        "Nothing is quarantined",
        "Nothing is rejected",
        "No column has changed since",
    ):
        assert said in text


# What is shown where there is much of it: of a published file that is made up.


@pytest.fixture
def kept_out(tmp_path: Path, catalog: Catalog) -> Iterator[Sources]:
    """Quarantines of 400 transactions, a rare reason among them, and of three employees."""
    published = tmp_path / "published.duckdb"
    with duckdb.connect(str(published)) as connection:
        connection.execute("create schema quality")
        for source, rows in (("transactions", 400), ("employees", 3), ("benefit_accounts", 0)):
            connection.execute(
                f"create table quality.quarantine_{source} as select 'f.csv' as _source_file, "
                "i as _row_number, if(i = 399, 'rare', 'usual') as rejection_reason, "
                "['rare', 'usual'] as rejection_reasons, repeat('x', 150) as merchant "
                f"from range({rows}) t(i)"
            )
    warehouse = Warehouse(
        tmp_path / "w.duckdb", "200MB", 1, (("pii_masking", "true"),), StateStore()
    )
    with warehouse.write() as connection:
        connection.exec_driver_sql("select 1")
    project, graph, settings = open_project(ROOT), None, None
    with warehouse.read() as connection:
        connection.exec_driver_sql(f"attach '{published}' as published (read_only)")
        connection.commit()
        yield Sources(project, catalog, graph, None, settings, warehouse, connection)  # type: ignore[arg-type]
        connection.rollback()
        connection.exec_driver_sql("detach published")


def test_of_many_records_some_of_each_source_and_reason_are_shown(
    kept_out: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "MOST_ROWS", 50)
    found = quarantine.read_quarantine(kept_out)
    assert (found.total, len(found.rows)) == (403, 50)
    assert found.table.total == 403
    shown = {(row["source"], row["reason"]) for row in found.rows}
    assert shown == {
        ("transactions", "usual"),
        ("transactions", "rare"),
        ("employees", "usual"),
    }
    assert {(it.source, it.name, it.records) for it in found.reasons} == {
        ("transactions", "usual", 399),
        ("transactions", "rare", 1),
        ("employees", "usual", 3),
    }


def test_of_long_records_fewer_are_shown(
    kept_out: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "ROOM", 20_000)
    monkeypatch.setattr(quarantine, "MOST_ROWS", 400)
    found = quarantine.read_quarantine(kept_out)
    assert found.total == 403
    assert 15_000 < len(json.dumps([list(row.values()) for row in found.rows])) < 22_000
    assert {row["reason"] for row in found.rows} == {"usual", "rare"}


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 50), max_size=5), st.integers(0, 100))
def test_what_one_leaves_of_its_share_goes_to_the_others(
    wanted: Mapping[str, int], most: int
) -> None:
    shares = quarantine.shared_out(wanted, most)
    assert list(shares) == list(wanted)
    assert sum(shares.values()) == min(most, sum(wanted.values()))
    fair = most // max(len(wanted), 1)
    assert all(shares[name] >= min(wanted[name], fair) for name in wanted)


# What is compared over the runs: of figures that are made up.


def figures(source: str, reasons: Mapping[str, int], records: int = 100) -> SourceFigures:
    bad = sum(reasons.values())
    clean = records - bad
    return SourceFigures(source, records, clean, 0, bad, 0, clean / records, None, reasons, {})


def run_of(minute: int, *sources: SourceFigures) -> RunFigures:
    return RunFigures(f"r{minute}", datetime(2026, 1, 5, 12, minute, tzinfo=UTC), sources)


def test_rare_reasons_are_folded_of_all_sources_and_of_each() -> None:
    many = {f"reason_{number}": 10 - number for number in range(8)}
    runs = [run_of(0, figures("a", many), figures("b", {"reason_7": 30})), run_of(1)]
    runs[1] = run_of(1, figures("a", {"reason_0": 1}), figures("b", {}))
    folded = {
        scope: {it.name: list(it.counts) for it in series}
        for scope, series in books.by_name(runs, "reason").items()
    }
    assert folded["all"] == {
        "reason_7": [33, 0],
        "reason_0": [10, 1],
        "reason_1": [9, 0],
        "reason_2": [8, 0],
        "reason_3": [7, 0],
        "other": [6 + 5 + 4, 0],
    }
    assert folded["b"] == {"reason_7": [30, 0]}
    assert sum(map(sum, folded["a"].values())) == sum(many.values()) + 1


def test_a_reason_that_would_be_alone_among_the_others_is_shown_itself() -> None:
    six = {f"reason_{number}": 1 for number in range(6)}
    series = books.by_name([run_of(0, figures("a", six))], "reason")["all"]
    assert [it.name for it in series] == sorted(six)


def test_one_run_is_said_and_not_drawn() -> None:
    runs = [run_of(0, figures("a", {"wrong": 2}))]
    for chart in (books.clean_rates(runs), books.over_runs(runs, "reason", {})):
        assert not chart.rows
        assert "One run has balanced the books so far, that of 2026-01-05 12:00 UTC" in chart.empty
    table = books.over_runs(runs, "reason", {}).table
    assert table is not None
    assert [(row["now"], row["before"]) for row in table.rows] == [(2, None)]


def test_no_run_is_said_with_what_to_do() -> None:
    assert "`benepass run`" in books.clean_rates([]).empty
    assert books.outcomes([]).empty == "The source files hold no record."
    assert books.totals_of([])["clean_rate"] is None


# What is promised: of results that are made up.


def result(relation: str, status: str, *keys: str) -> Result:
    at = datetime(2026, 1, 5, 12, tzinfo=UTC)
    outcome: Any = status
    return Result("r", relation, None, "unique", "", "fail", outcome, 1, 9, keys, 0.1, at)


def rows_of(table: DataTable) -> list[Any]:
    return list(table.rows)


def test_what_did_not_pass_comes_first(catalog: Catalog) -> None:
    results = [result("marts.dim_merchants", status) for status in ("passed", "warned", "failed")]
    shown = [row["status"] for row in rows_of(promises.checks(results, catalog))]
    assert shown == ["failed", "warned", "passed"]


def test_keys_of_people_and_of_unknown_tables_are_not_shown(catalog: Catalog) -> None:
    relations = ("marts.dim_merchants", "marts.dim_employees", "marts.gone")
    table = promises.checks([result(it, "failed", "key\n1") for it in relations], catalog)
    shown = {row["relation"]: row["keys"] for row in rows_of(table)}
    hidden = "personal: in meta.check_results"
    assert shown == dict(zip(relations, (r"key\n1", hidden, hidden), strict=True))


def entry(number: int, change: Change, source: str = "transactions") -> Entry:
    at = datetime(2026, 1, 5, 12, number % 60, tzinfo=UTC)
    return Entry(f"load {number}", at, source, "t.csv", f"raw.{source}", change)


def test_the_newest_schema_changes_are_shown_and_the_first_load_is_none(catalog: Catalog) -> None:
    violations = Violations(3, (1, 2, 3))
    entries = [
        entry(0, Change("amount", "added", None, "BIGINT")),
        entry(1, Change("amount", "type_changed", "BIGINT", "VARCHAR", violations=violations)),
        entry(2, Change("total\x1b", "renamed", "amount", "total", "warning", is_guess=True)),
        entry(3, Change("Ada@example.com", "added", None, "VARCHAR", header="Ada@example.com")),
        entry(4, Change("ada_archer", "respelled", "Ada Archer", "ada archer", header="x")),
        entry(5, Change("amount", "respelled", "amount", "AMOUNT", header="AMOUNT")),
    ]
    table = promises.schema_changes(entries, catalog)
    names = ("column", "header", "change", "before", "after", "misfits")
    unknown = promises.UNDECLARED
    assert [tuple(row[name] for name in names) for row in rows_of(table)] == [
        ("amount", "AMOUNT", "respelled", "amount", "AMOUNT", None),
        # A file without its header has a record for one.
        (unknown, unknown, "respelled", unknown, unknown, None),
        (unknown, unknown, "added", None, "VARCHAR", None),
        (unknown, None, "renamed (a guess)", "amount", unknown, None),
        ("amount", None, "type changed", "BIGINT", "VARCHAR", 3),
    ]


def test_of_many_schema_changes_the_newest_are_shown(
    monkeypatch: pytest.MonkeyPatch, catalog: Catalog
) -> None:
    monkeypatch.setattr(promises, "MOST_CHANGES", 5)
    entries = [entry(it, Change("amount", "removed", f"{it}", None)) for it in range(20)]
    table = promises.schema_changes(entries, catalog)
    assert [row["before"] for row in rows_of(table)] == ["19", "18", "17", "16", "15"]
    assert table.total == 19
