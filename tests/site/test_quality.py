"""The page Data quality says what the published file and the history say, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from projects import definitions
from reading import data_of, elements_of, told_in
from rendered import rows_of
from workspace import MadeOnce, Workspace
from written_pages import shown_page

from benepass_tasks.ingestion.schema_evolution.changes import Change, Violations
from benepass_tasks.ingestion.schema_evolution.history import Entry
from benepass_tasks.quality.data_tests.results import Result
from benepass_tasks.site.authored import history
from benepass_tasks.site.authored.history import UNDECLARED

if TYPE_CHECKING:
    from benepass_tasks.catalog import Catalog

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
def made(finished_run: Workspace, made_once: MadeOnce) -> Workspace:
    """A project with pages after three runs: all well, then much wrong, then a failed one."""

    def make(root: Path) -> None:
        workspace = finished_run.copied(root)
        workspace.write(f"data/{HOSTILE_FILE}", MORE)
        header, *lines = (workspace.data / "employees.csv").read_text().splitlines()
        lines += ["E2,Bo,Baker,no address,2021-06-15,terminated"]
        with_column = "\n".join([f"{header},cost_center", *(f"{line},7" for line in lines)])
        workspace.write("data/employees.csv", f"{with_column}\n")
        workspace.run("BuildSite")
        before = (workspace.data / "transactions.csv").read_text()
        workspace.write("data/transactions.csv", "no header\n")
        _, succeeded = workspace.attempt("BuildSite")
        assert not succeeded
        workspace.write("data/transactions.csv", before)

    return Workspace(made_once("quality", make))


@pytest.fixture(scope="module")
def html(made: Workspace) -> str:
    return (made.data / "site" / "quality.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return definitions().catalog


def rows(html: str, query: str) -> list[dict[str, Any]]:
    """The rows of a query of the page."""
    return rows_of(data_of(html)["queries"][query])


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


def test_what_became_of_the_records_is_that_of_the_last_run_that_balanced_the_books(
    made: Workspace, html: str
) -> None:
    figures = figures_sql(made)
    found = rows(html, "records")
    assert {row["source"] for row in found} == {
        source for source, figure, _ in figures if figure == "records"
    }
    for row in found:
        for name in ("records", "clean", "flagged", "quarantined", "rejected"):
            assert row[name] == figures.get((row["source"], name, None), 0), row
    for row in rows(html, "outcomes"):
        records = figures[row["source"], "records", None]
        assert row["share"] == row["of_them"] / records


def test_the_clean_rates_are_those_of_each_run(made: Workspace, html: str) -> None:
    found = rows(html, "runs")
    both = [figures_sql(made, 1), figures_sql(made)]
    assert [(it["source"], it["clean"]) for it in found] == [
        (source, of[source, "clean", None])
        for of in both
        for source in sorted(name for name, figure, _ in of if figure == "records")
    ]


@pytest.mark.parametrize(
    ("kind", "figure"), [("reason", "quarantined_by_reason"), ("flag", "flagged_by_flag")]
)
def test_reasons_and_flags_are_compared_with_the_run_before(
    made: Workspace, html: str, kind: str, figure: str
) -> None:
    now, before = (
        {
            (source, name): value
            for (source, found, name), value in figures_sql(made, offset).items()
            if found == figure and value
        }
        for offset in (0, 1)
    )
    found = {
        (it["source"], it["issue"]): (it["now"], it["earlier"], it["change"])
        for it in rows(html, "issues_now")
        if it["kind"] == kind
    }
    assert found == {
        key: (now.get(key, 0), before.get(key, 0), now.get(key, 0) - before.get(key, 0))
        for key in now.keys() | before.keys()
    }
    assert all(it["meaning"] for it in rows(html, "issues_now"))


@pytest.mark.parametrize("source", ["transactions", "accounts", "employees"])
def test_the_quarantined_records_are_the_published_ones(
    made: Workspace, html: str, source: str
) -> None:
    table = {"accounts": "benefit_accounts"}.get(source, source)
    kept = made.query_published(
        "select _source_file, _row_number, rejection_reason, "
        "list_filter(rejection_reasons, lambda it: it != rejection_reason) "
        f"from quality.quarantine_{table}"
    )
    found = rows(html, source)
    assert sorted((it["file"], it["record"], it["reason"], it["also"]) for it in found) == sorted(
        (file, number, reason, ", ".join(also)) for file, number, reason, also in kept
    )
    assert all(it["excel_row"] == it["record"] + 1 for it in found)


def test_of_each_reason_the_first_record_comes_before_the_second_ones(html: str) -> None:
    reasons = [it["reason"] for it in rows(html, "transactions")]
    kinds = len(set(reasons))
    assert len(set(reasons[:kinds])) == kinds


def test_names_of_people_are_not_shown(made: Workspace, html: str) -> None:
    """A record is found by its file and row: who it is of does not help to fix it."""
    names = made.query("select distinct last_name from quality.quarantine_employees")
    assert ("Baker",) in names
    assert "Baker" not in html


def test_the_rejected_records_are_those_of_the_loads(made: Workspace, html: str) -> None:
    loads = made.query("select file, records, rejected from meta.loads where rejected > 0")
    found = rows(html, "rejected")
    assert [(row["file"], row["records"], row["rejected"]) for row in found] == loads
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
    names = ("relation", "column_name", "status", "failing", "checked_rows")
    found = rows(html, "checks")
    assert sorted(map(repr, kept)) == sorted(repr(tuple(row[it] for it in names)) for row in found)
    order = ["failed", "warned", "passed"]
    assert [it["status"] for it in found] == sorted((it["status"] for it in found), key=order.index)


def test_the_schema_changes_are_those_since_the_first_load(html: str) -> None:
    changes = rows(html, "changes")
    assert {(it["source"], it["file"], it["column_name"], it["change"]) for it in changes} == {
        ("transactions", HOSTILE_FILE, "amount", "type changed"),
        ("employees", "employees.csv", UNDECLARED, "added"),
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
    assert {"incidents", "monitors"} <= set(ids)


def test_sections_fold_and_only_the_first_is_open(html: str) -> None:
    folds = [of for name, of in elements_of(html) if of.get("class") == "section-fold"]
    assert len(folds) == 7
    assert ["open" in it for it in folds] == [True, *[False] * 6]


def test_a_failed_run_changes_no_page_and_is_told(made: Workspace, html: str) -> None:
    told = told_in((made.data / "site" / "runs.js").read_text(encoding="utf-8"))
    assert [run["status"] for run in told["runs"]][:2] == ["failed", "succeeded"]
    assert html == (made.data / "site" / "quality.html").read_text(encoding="utf-8")


def test_one_run_is_said_and_not_drawn(published_run: Workspace) -> None:
    page = shown_page(published_run, "quality")
    assert page.rows("runs") == page.rows("issues") == []
    assert page.document.text.count("A second run that balances the books draws it.") == 3
    assert {it["earlier"] for it in page.rows("issues_now")} == {None}


# What is promised: of results that are made up.


def result(relation: str, status: str, *keys: str) -> Result:
    at = datetime(2026, 1, 5, 12, tzinfo=UTC)
    outcome: Any = status
    return Result("r", relation, None, "unique", "", "fail", outcome, 1, 9, keys, 0.1, at)


def test_keys_of_people_and_of_unknown_tables_are_not_shown(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    relations = ("marts.dim_merchants", "marts.dim_employees", "marts.gone")
    results = [result(it, "failed", "key\n1") for it in relations]
    shown = {it["relation"]: it["first_keys"] for it in read(catalog, monkeypatch, results)[0]}
    hidden = "personal: in meta.check_results"
    assert shown == dict(zip(relations, (r"key\n1", hidden, hidden), strict=True))


def read(
    catalog: Catalog,
    monkeypatch: pytest.MonkeyPatch,
    results: list[Result],
    entries: tuple[Entry, ...] = (),
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What pages may read of results and of changes of columns."""
    for name, found in {
        "figures_over_runs": lambda *_: [],
        "read_latest": lambda _: results,
        "read_entries": lambda _: entries,
        "_loads": lambda _: iter(()),
    }.items():
        monkeypatch.setattr(history, name, found)
    nobody: Any = None  # nothing is asked of the warehouse
    tables = history.read_history(nobody, catalog)
    return tables["checks"], tables["schema_changes"]


def entry(number: int, change: Change, source: str = "transactions") -> Entry:
    at = datetime(2026, 1, 5, 12, number % 60, tzinfo=UTC)
    return Entry(f"load {number}", at, source, "t.csv", f"raw.{source}", change)


def test_a_column_that_only_a_file_has_is_not_named_and_the_first_load_is_not_a_change(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    violations = Violations(3, (1, 2, 3))
    entries = (
        entry(0, Change("amount", "added", None, "BIGINT")),
        entry(1, Change("amount", "type_changed", "BIGINT", "VARCHAR", violations=violations)),
        entry(2, Change("total\x1b", "renamed", "amount", "total", "warning", is_guess=True)),
        entry(3, Change("Ada@example.com", "added", None, "VARCHAR", header="Ada@example.com")),
        entry(4, Change("ada_archer", "respelled", "Ada Archer", "ada archer", header="x")),
        entry(5, Change("amount", "respelled", "amount", "AMOUNT", header="AMOUNT")),
    )
    names = ("column_name", "header", "change", "before", "after", "misfits")
    found = read(catalog, monkeypatch, [], entries)[1]
    assert [tuple(row[name] for name in names) for row in found] == [
        ("amount", None, "type changed", "BIGINT", "VARCHAR", 3),
        (UNDECLARED, None, "renamed (a guess)", "amount", UNDECLARED, None),
        (UNDECLARED, UNDECLARED, "added", None, "VARCHAR", None),
        # A file without its header has a record for one.
        (UNDECLARED, UNDECLARED, "respelled", UNDECLARED, UNDECLARED, None),
        ("amount", "AMOUNT", "respelled", "amount", "AMOUNT", None),
    ]
