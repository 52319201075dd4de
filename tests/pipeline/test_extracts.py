"""Sources that are no files: read once in every run, and loaded as files are."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from card_api import TOKEN, CardApi, Reply, serving, transaction
from card_api import VARIABLE as CARD_TOKEN
from databases import VARIABLE, Sqlite, hr_database, read_from_table
from projects import ROOT

from benepass_tasks.cli import main
from benepass_tasks.config.settings import current_settings
from benepass_tasks.engine.write_lock import acquire_write_lock
from benepass_tasks.ingestion.extracts import api as reader
from benepass_tasks.ingestion.extracts import aside_of
from benepass_tasks.pipeline.run import current_plan, verify_tables
from benepass_tasks.pipeline.trial import Draft, try_load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workspace import Workspace

MARCH = 1_740_823_200
"""2025-03-01T10:00:00Z."""

EXTRACT = f"extract/{VARIABLE}"
RAW = "raw.employees"


@pytest.fixture
def hr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sqlite:
    made = hr_database(tmp_path / "hr.sqlite")
    monkeypatch.setenv(VARIABLE, made.url)
    return made


@pytest.fixture
def project(workspace: Workspace, hr: Sqlite) -> Workspace:  # noqa: ARG001 - it is read
    read_from_table(workspace, "employees")
    return workspace


@pytest.mark.nightly
def test_a_table_makes_the_same_marts_as_the_file_with_its_rows(
    workspace: Workspace, hr: Sqlite
) -> None:
    workspace.run()
    from_file = workspace.content(["marts"])
    read_from_table(workspace, "employees")
    workspace.run()
    assert workspace.content(["marts"]) == from_file
    assert workspace.query(
        "select source, file, records, parsed, rejected from meta.loads where source = 'employees'"
    ) == [("employees", "extracts/employees.parquet", 3, 3, 0)]
    # Whatever is asked again, nothing is built of the same rows.
    assert workspace.run() == {EXTRACT}
    hr.run("update employees set status = 'active' where employee_id = 'E3'")
    assert {EXTRACT, "employees/extracts/employees.parquet", RAW} <= workspace.run()
    assert workspace.query("select count(*) from marts.dim_employees where status = 'active'") == [
        (2,)
    ]


def test_a_run_may_go_by_what_was_read_before(project: Workspace, hr: Sqlite) -> None:
    project.run(RAW)
    hr.path.unlink()
    assert project.run(RAW, extract="false") == set()


def test_a_plan_says_what_is_read_and_what_may_follow(project: Workspace) -> None:
    with project.configured():
        first = current_plan()
    project.run(RAW)
    with project.configured():
        then = current_plan()
    with project.configured(extract="false"):
        offline = current_plan()
    nodes = (EXTRACT, "employees/extracts/employees.parquet", RAW)
    assert [[plan[it].reason for it in nodes] for plan in (first, then, offline)] == [
        ["first run", "never read", "never read"],
        ["read in every run", None, "input to be built"],
        [None, None, None],
    ]


@pytest.mark.nightly
def test_what_is_up_to_date_can_be_verified_without_the_database(
    project: Workspace, hr: Sqlite
) -> None:
    project.run()
    hr.path.unlink()
    with project.configured():
        (verdict,) = verify_tables(["marts.dim_employees"])
    assert verdict.is_right


def test_an_extract_that_is_there_is_not_forgotten(
    project: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    project.run(RAW)
    where = ["--benepass-project-dir", str(project.root)]
    assert main([*where, "source", "forget", "extracts/employees.parquet", "--yes"]) == 1
    assert "is there, and the next run would load it again" in capsys.readouterr().err


def test_a_database_that_is_down_fails_its_source_alone(project: Workspace, hr: Sqlite) -> None:
    project.run("BuildStaging")
    rows = project.content(["raw"])
    hr.path.unlink()
    project.replace("data/transactions.csv", "T1,E1,A1,Iron Heron Gym,60.00", "T1,E1,A1,Gym,60.00")
    made, succeeded = project.attempt("BuildStaging")
    assert not succeeded
    assert {"transactions/transactions.csv", "raw.transactions"} <= made
    assert project.content(["raw"])["raw.employees"] == rows["raw.employees"]
    assert project.query(
        "select node, reason from meta.materializations where outcome = 'failed'"
    ) == [(EXTRACT, f"{VARIABLE}: there is no file {hr.path}")]


@pytest.mark.nightly
def test_a_trial_goes_by_what_was_read_and_asks_nobody(project: Workspace, hr: Sqlite) -> None:
    catalog = (project.root / "catalog.yaml").read_text(encoding="utf-8")

    def tried() -> int:
        with project.configured():
            found = try_load(current_settings(), Draft(catalog, {}, {}))
        return found["employees"].figures.records

    assert tried() == 0
    project.run(RAW)
    hr.path.unlink()
    assert tried() == 3


@pytest.mark.nightly
def test_two_runs_do_not_read_the_same_at_once(
    project: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    folder = project.data / "warehouse.extracts"
    with acquire_write_lock(aside_of(folder, VARIABLE), timeout=1):
        assert not project.attempt(RAW, lock_timeout="0.1")[1]
    assert f"{EXTRACT}: another run has been reading it for 0.1 s" in caplog.text
    project.run(RAW)


def test_nothing_is_left_aside_of_a_reading_that_fails(project: Workspace, hr: Sqlite) -> None:
    hr.run("drop table employees")
    assert not project.attempt(RAW)[1]
    extracts = project.data / "warehouse.extracts"
    assert [it.name for it in extracts.rglob("*") if it.is_dir() or "parquet" in it.name] == []


@pytest.mark.nightly
def test_a_table_that_lost_most_of_its_rows_is_refused_as_a_file_is(
    project: Workspace, hr: Sqlite
) -> None:
    hr.insert("employees", [(f"E{it}", "A", "B", "c@d.e", "2020-01-01", "active") for it in "456"])
    project.run(RAW)
    hr.run("delete from employees where employee_id > 'E1'")
    assert not project.attempt(RAW)[1]
    assert project.query("select count(*) from raw.employees") == [(6,)]
    project.run(RAW, accept="employees")
    assert project.query("select count(*) from raw.employees") == [(1,)]


def test_a_column_that_the_table_lost_breaks_the_contract(project: Workspace, hr: Sqlite) -> None:
    project.run(RAW)
    hr.run("alter table employees drop column status")
    assert not project.attempt(RAW)[1]
    assert project.query("select count(status) from raw.employees") == [(3,)]


@pytest.mark.nightly
def test_a_record_that_leaves_the_source_leaves_with_the_file_that_it_was_in(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hr = hr_database(tmp_path / "hr.sqlite")
    hr.run("alter table employees add column changed_at text default '2026-01-01'")
    monkeypatch.setenv(VARIABLE, hr.url)
    read_from_table(workspace, "employees", extract="{cursor: changed_at, deletes: compare_keys}")
    workspace.run(RAW)
    hr.run(
        "delete from employees where employee_id = 'E2'",
        "update employees set status = 'active', changed_at = '2026-01-02' "
        "where employee_id = 'E3'",
    )
    workspace.run(RAW)
    assert workspace.query("select employee_id, status from raw.employees order by 1") == [
        ("E1", "active"),
        ("E3", "active"),
    ]


# ------------------------------------------------------------------------------- as documented


def _yaml_of(section: str) -> list[str]:
    page = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    text = page.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def _declare(project: Workspace, source: str, entry: str, columns: str = "") -> None:
    """Let the docs take the place of what the catalog says above `metadata`, and of columns."""
    catalog = (project.root / "catalog.yaml").read_text(encoding="utf-8")
    old = re.search(rf"^{source}:\n(?:  .*\n)*?  metadata:\n((?:    .*\n)*)", catalog, re.MULTILINE)
    assert old is not None
    kept = old[1]
    for name in re.findall(r"^      (\w+): ", columns, re.MULTILINE):
        kept = re.sub(rf"^      {name}: .*\n(?:       .*\n)*", "", kept, flags=re.MULTILINE)
    kept = kept.replace("    columns:\n", f"    columns:\n{columns}")
    project.replace("catalog.yaml", old[0], entry + kept)
    (project.data / f"{source}.csv").unlink()


@pytest.mark.nightly
def test_the_table_of_the_docs_is_read(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (entry,) = _yaml_of("A table of a database")
    hr = hr_database(tmp_path / "hr.sqlite")
    hr.run("alter table employees rename to staff")
    monkeypatch.setenv(VARIABLE, hr.url)
    # The schema of a database in SQLite is called main.
    _declare(workspace, "employees", entry.replace("schema: hr", "schema: main"))
    workspace.run(RAW)
    assert workspace.query("select count(*) from raw.employees") == [(3,)]


@pytest.fixture
def cards(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[CardApi]:
    """The API of the docs."""
    entry, columns = _yaml_of("An API")
    monkeypatch.setenv(CARD_TOKEN, TOKEN)
    monkeypatch.setattr(reader, "PAUSE", 0.001)
    with serving() as api:
        host = api.url.partition("/v1")[0]
        address = entry.replace("https://api.example.com", host)
        _declare(workspace, "transactions", address, columns)
        yield api


@pytest.mark.nightly
def test_card_transactions_of_an_issuer_become_spend(workspace: Workspace, cards: CardApi) -> None:
    cards.transactions = [
        transaction(1, MARCH),
        # Without an authorization, as of a machine that was offline.
        transaction(2, MARCH + 60, -1250, authorization=None),
        transaction(3, MARCH + 120, 1250, type="refund"),
        transaction(4, MARCH + 180, -9900, type="authorization"),
        transaction(5, MARCH + 240, -4000),
    ]
    workspace.run()
    spend = (
        "select transaction_id, amount, strftime(transaction_timestamp, '%H:%M:%S'), merchant "
        "from marts.fact_transactions order by 1"
    )
    assert workspace.query(spend) == [
        ("ipi_1", Decimal("60.00"), "10:00:00", "Iron Heron Gym"),
        ("ipi_2", Decimal("12.50"), "10:01:00", "Iron Heron Gym"),
        ("ipi_3", Decimal("-12.50"), "10:02:00", "Iron Heron Gym"),
        ("ipi_5", Decimal("40.00"), "10:04:00", "Iron Heron Gym"),
    ]
    assert workspace.query("select transaction_id, reason from quality.uncounted_transactions") == [
        ("ipi_4", "type is authorization")
    ]
    # Later, one more, and another amount of one that was there.
    cards.transactions.append(transaction(6, MARCH + 300, -100))
    cards.transactions[4]["amount"] = -4100
    workspace.run()
    assert workspace.query(
        "select records, parsed from meta.loads where source = 'transactions' order by file"
    ) == [(5, 5), (2, 2)]
    assert workspace.query(spend)[3:] == [
        ("ipi_5", Decimal("41.00"), "10:04:00", "Iron Heron Gym"),
        ("ipi_6", Decimal("1.00"), "10:05:00", "Iron Heron Gym"),
    ]


def test_an_api_that_is_down_keeps_the_spend_that_there_is(
    workspace: Workspace, cards: CardApi
) -> None:
    cards.transactions = [transaction(1, MARCH)]
    workspace.run()
    cards.faults = [Reply(500)] * 9
    made, succeeded = workspace.attempt()
    assert not succeeded
    assert made == set()
    assert workspace.query("select count(*) from marts.fact_transactions") == [(1,)]
