"""The task graph as its users see it: what runs, what does not, and what a run leaves behind."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import luigi
import pytest
from examples import at_night
from people_alone import people_alone
from projects import catalog_of
from workspace import EMPLOYEES

from benepass_tasks.catalog import load_catalog
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.pipeline import tasks
from benepass_tasks.state.markers import Snapshot, read_snapshot
from benepass_tasks.state.run import Run

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from workspace import Workspace

    States = tuple[tuple[int, ...], ...]

DOWNSTREAM_OF_TRANSACTIONS = {
    "raw.transactions",
    "base.transactions",
    "staging.stg_transactions",
    "intermediate.int_transactions_enriched",
    "intermediate.int_alike_transactions",
    "intermediate.int_transaction_issues",
    "intermediate.accepted_transactions",
    "intermediate.int_refunds",
    "quality.transaction_issues",
    "quality.quarantine_transactions",
    "quality.uncounted_transactions",
    "marts.fact_transactions",
    "marts.daily_spend",
    "marts.merchant_categories",
    "marts.dim_merchants",
    "marts.program_utilization",
    "marts.account_balances",
    "marts.monthly_balances",
    "marts.program_balances",
    "books",
}

MANY = 300_000
"""Employees of several batches of the reader, and of more rows than DuckDB keeps until the end of a
transaction."""

LAST_RUN = "select run_id from meta.runs order by started_at desc limit 1"


def test_a_first_run_builds_every_table_of_the_catalog(workspace: Workspace) -> None:
    made = workspace.run()
    tables = load_catalog(workspace.root / "catalog.yaml").tables.keys() - {"raw.rejected_rows"}
    files = {f"{path.stem}/{path.name}" for path in workspace.data.glob("*.csv")}
    assert made == tables | files | {"books"}
    assert workspace.query("select transaction_id from marts.fact_transactions order by 1") == [
        ("T1",),
        ("T2",),
        ("T5",),
    ]


@pytest.mark.nightly
def test_a_first_file_may_have_more_rows_than_are_written_at_once(new_people: Workspace) -> None:
    header = EMPLOYEES.splitlines()[0]
    people = [f"P{it},Ann,Archer,ann.{it}@example.com,2020-01-01,active" for it in range(MANY)]
    new_people.write("data/employees.csv", "\n".join([header, *people, ""]))
    new_people.run()
    count = "select count(*), count(distinct email) from"
    assert new_people.query(f"{count} marts.dim_employees") == [(MANY, 1)]


@pytest.mark.usefixtures("finished")
def test_a_second_run_does_nothing(workspace: Workspace) -> None:
    assert workspace.run() == set()
    outcomes = "select distinct outcome from meta.materializations join last_run using (run_id)"
    assert workspace.query(f"with last_run as ({LAST_RUN}) {outcomes}") == [("skipped",)]


@pytest.mark.usefixtures("finished")
def test_a_changed_file_reruns_what_depends_on_it_and_nothing_else(workspace: Workspace) -> None:
    workspace.replace("data/transactions.csv", "T5,E3,A3,Plum Crate,20.00", "T5,E3,A3,Fig,21.00")
    made = workspace.run()
    assert made == DOWNSTREAM_OF_TRANSACTIONS | {"transactions/transactions.csv"}
    assert workspace.query("select merchant from marts.dim_merchants where merchant = 'Fig'")


@pytest.mark.usefixtures("finished")
def test_a_touched_file_reruns_nothing(workspace: Workspace) -> None:
    (workspace.data / "transactions.csv").touch()
    assert workspace.run() == set()


@pytest.mark.usefixtures("finished")
def test_a_comment_or_layout_in_sql_reruns_nothing(workspace: Workspace) -> None:
    workspace.replace(
        "sql/marts/dim_employees.sql", "select\n", "-- a remark\nSELECT  \n\n".lower()
    )
    workspace.replace("sql/macros/mask_email.sql", "case\n", "case -- a remark\n")
    assert workspace.run() == set()


@pytest.mark.usefixtures("finished")
def test_edited_sql_reruns_itself_and_what_its_rows_change(workspace: Workspace) -> None:
    workspace.replace(
        "sql/marts/dim_benefit_programs.sql",
        "    count(distinct employee_id) as employee_count",
        "    count(distinct employee_id) + 1 as employee_count",
    )
    assert workspace.run() == {"marts.dim_benefit_programs", "books"}


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_an_edited_macro_reruns_the_models_that_call_it(workspace: Workspace) -> None:
    workspace.replace("sql/macros/mask_email.sql", "'****@'", "'***@'")
    approved, now = "93e8b602baf7ef813227c853b038c27b", "c9c409067979ba00493ccc5fb19f2fa5"
    workspace.replace("catalog.yaml", approved, now)
    made = workspace.run()
    assert {"staging.stg_employees", "intermediate.int_employees", "marts.dim_employees"} <= made
    assert "staging.stg_transactions" not in made
    # No transaction knows an email, so the rows stay as they are and the build ends there.
    assert "quality.transaction_issues" not in made


@pytest.mark.usefixtures("finished")
def test_a_rebuilt_input_with_the_same_rows_stops_the_rebuild(workspace: Workspace) -> None:
    content = (workspace.data / "transactions.csv").read_bytes().replace(b"\n", b"\r\n")
    workspace.write("data/transactions.csv", content)
    assert workspace.run() == {"transactions/transactions.csv", "raw.transactions", "books"}


@pytest.mark.usefixtures("finished")
def test_only_models_that_read_the_as_of_date_depend_on_it(workspace: Workspace) -> None:
    made = workspace.run(as_of="2026-01-02")
    assert made == {
        "marts.dim_employees",
        "marts.account_balances",
        "intermediate.int_transaction_issues",
        "books",
    }


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(
    "relation",
    ["quality.transaction_issues", *at_night("marts.dim_merchants", "staging.stg_employees")],
)
def test_a_relation_dropped_by_hand_is_rebuilt(workspace: Workspace, relation: str) -> None:
    before = workspace.content()
    kind = "view" if relation.startswith("staging") else "table"
    workspace.change(f"drop {kind} {relation}")
    assert relation in workspace.run()
    assert workspace.content() == before


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_a_raw_table_dropped_by_hand_is_loaded_anew_from_all_its_files(
    workspace: Workspace,
) -> None:
    workspace.write("data/transactions_2.csv", _renumbered(workspace, "T", "U"))
    workspace.run()
    before = workspace.content()
    workspace.change("drop table raw.transactions cascade")
    made = workspace.run()
    assert {"transactions/transactions.csv", "transactions/transactions_2.csv"} <= made
    assert workspace.content() == before


@pytest.mark.usefixtures("finished")
def test_a_new_file_of_a_glob_loads_only_itself(workspace: Workspace) -> None:
    workspace.write("data/transactions_2.csv", _renumbered(workspace, "T", "U"))
    assert workspace.run("raw.transactions") == {
        "transactions/transactions_2.csv",
        "raw.transactions",
    }
    assert workspace.query("select count(*) from raw.transactions") == [(10,)]


def test_a_changed_file_of_a_glob_replaces_its_own_rows_only(workspace: Workspace) -> None:
    workspace.write("data/transactions_2.csv", _renumbered(workspace, "T", "U"))
    workspace.run("raw.transactions")
    workspace.replace("data/transactions_2.csv", "U1,E1", "U9,E1")
    workspace.run("raw.transactions")
    ids = {row[0] for row in workspace.query("select transaction_id from raw.transactions")}
    assert ids == {"T1", "T2", "T3", "T4", "T5", "U9", "U2", "U3", "U4", "U5"}


@pytest.mark.usefixtures("finished")
def test_rows_of_files_go_that_the_source_no_longer_means(workspace: Workspace) -> None:
    workspace.write("data/transactions_2.csv", _renumbered(workspace, "T", "U") + "broken\n")
    workspace.run("raw.transactions")
    workspace.replace("catalog.yaml", "data/transactions*.csv", "data/transactions.csv")
    made = workspace.run()
    assert not any(node.startswith("transactions/") for node in made)
    assert workspace.query("select count(*) from raw.transactions") == [(5,)]
    assert workspace.query("select count(*) from raw.rejected_rows") == [(0,)]


@pytest.mark.nightly
def test_a_layer_builds_what_it_needs_and_no_more(workspace: Workspace) -> None:
    layers = []
    for task in ("BuildStaging", "BuildIntermediate", "BuildQuality"):
        made = workspace.run(task)
        layers.append({node.partition(".")[0] for node in made if "/" not in node})
    assert layers == [{"raw", "base", "staging"}, {"intermediate", "quality"}, {"quality"}]


def test_one_table_builds_what_it_needs_and_no_more(workspace: Workspace) -> None:
    assert workspace.run("marts.dim_employees") == {
        "employees/employees.csv",
        "raw.employees",
        "base.employees",
        "staging.stg_employees",
        "intermediate.int_employees",
        "quality.issue_types",
        "quality.employee_issues",
        "quality.quarantine_employees",
        "intermediate.accepted_employees",
        "marts.dim_employees",
    }


@pytest.mark.usefixtures("finished")
def test_a_new_table_is_a_sql_file_and_a_catalog_entry(workspace: Workspace) -> None:
    workspace.write(
        "sql/marts/spend_by_status.sql",
        "select employee_status, sum(amount) as spend\n"
        "from marts.fact_transactions\ngroup by employee_status\n",
    )
    entry = """
  marts.spend_by_status:
    description: Spend by employment status.
    domain: benefits
    columns:
      employee_status: {type: VARCHAR}
      spend: {description: Spend, type: 'DECIMAL(38,2)', pii: *money}
"""
    workspace.write("catalog.yaml", (workspace.root / "catalog.yaml").read_text() + entry)
    workspace.run()
    assert workspace.query("select spend from marts.spend_by_status order by 1") == [(20,), (110,)]


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_a_model_may_read_the_rejected_rows(workspace: Workspace) -> None:
    workspace.write(
        "sql/quality/rejections_by_reason.sql",
        "select reason, count(*) as records from raw.rejected_rows group by reason\n",
    )
    entry = """
  quality.rejections_by_reason:
    description: Rejected records by reason.
    domain: quality
    columns:
      reason: {type: VARCHAR}
      records: {description: Records, type: BIGINT}
"""
    workspace.write("catalog.yaml", (workspace.root / "catalog.yaml").read_text() + entry)
    workspace.run()
    assert workspace.run() == set()
    with (workspace.data / "transactions.csv").open("a") as file:
        file.write("broken\n")
    assert "quality.rejections_by_reason" in workspace.run()
    assert workspace.query("from quality.rejections_by_reason") == [("too few columns", 1)]


@pytest.mark.parametrize(
    "damage",
    [
        "drop table meta.loads",
        *at_night(
            "drop table raw.rejected_rows",
            "drop table meta.markers",
            "drop schema meta cascade",
            "drop schema raw cascade",
            "drop table raw._dlt_version",
            "drop table raw._dlt_loads",
        ),
    ],
)
def test_what_is_dropped_by_hand_heals(people: Workspace, damage: str) -> None:
    before = people.content()
    with (people.data / "employees.csv").open("a") as file:
        file.write("broken\n")
    people.run()
    people.change(damage)
    people.run()
    assert people.content() == before
    assert people.query("select count(*) from raw.rejected_rows") == [(1,)]
    assert people.run() == set()


@pytest.mark.nightly
def test_a_raw_column_dropped_by_hand_comes_back_with_the_next_load(people: Workspace) -> None:
    people.change("drop view staging.stg_employees")
    people.change("alter table raw.employees drop column email")
    people.replace("data/employees.csv", "Ann", "Anna")
    people.run()
    assert people.query("select count(email) from raw.employees") == [(3,)]


NEW_SOURCE = """
visits:
  type: pandas.CSVDataset
  filepath: data/visits*.csv
  metadata:
    description: Visits.
    domain: people
    columns: {visitor: {description: Who}}
"""


def test_a_new_source_is_one_entry_and_goes_with_it(people: Workspace) -> None:
    catalog = (people.root / "catalog.yaml").read_text()
    people.write("catalog.yaml", catalog + NEW_SOURCE)
    people.write("data/visits.csv", b"visitor\nAnn\n\xff\n")
    assert people.run() == {"visits/visits.csv", "raw.visits", "books"}
    assert people.query("select visitor from raw.visits") == [("Ann",)]
    people.write("catalog.yaml", catalog)
    assert people.run() == {"books"}
    assert people.query("select count(*) from raw.rejected_rows") == [(0,)]
    assert people.query("select count(*) from meta.loads where source = 'visits'") == [(0,)]
    assert not people.query("select 1 from duckdb_tables() where table_name = 'visits'")


def test_a_file_that_two_sources_match_is_refused(
    people: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    catalog = (people.root / "catalog.yaml").read_text()
    people.write("catalog.yaml", catalog + NEW_SOURCE.replace("visits*", "employees*"))
    assert not people.attempt()[1]
    assert "employees.csv matches the file paths of both employees and visits" in caplog.text


def test_the_warehouse_is_private_and_nothing_else_is_left(tmp_path: Path) -> None:
    people = people_alone(tmp_path / "people")
    files = {path.name for path in people.data.iterdir()}
    people.run()
    assert stat.S_IMODE(people.warehouse.stat().st_mode) == 0o600
    assert {path.name for path in people.data.iterdir()} - files == {
        "warehouse.duckdb",
        "warehouse.duckdb.lock",
        "warehouse.duckdb.queue",
        ".warehouse.models.json",
    }


def test_tables_are_nodes_in_the_namespace_of_their_layer() -> None:
    from benepass_tasks.pipeline.tasks import table_task  # noqa: PLC0415

    assert table_task("marts.fact_transactions").get_task_family() == "marts.fact_transactions"
    assert table_task("raw.employees").get_task_family() == "raw.employees"


def _renumbered(workspace: Workspace, old: str, new: str) -> str:
    content = Path(workspace.data / "transactions.csv").read_text()
    header, *rows = content.splitlines(keepends=True)
    return header + "".join(row.replace(old, new, 1) for row in rows)


@pytest.mark.usefixtures("finished")
def test_a_table_that_is_no_longer_declared_is_dropped(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    (workspace.root / "sql/marts/dim_merchants.sql").unlink()
    catalog = (workspace.root / "catalog.yaml").read_text()
    before, _, rest = catalog.partition("marts.dim_merchants:")
    workspace.write("catalog.yaml", before + rest[rest.index("marts.program_utilization:") :])
    assert workspace.run() == {"books"}
    assert "marts.dim_merchants has no entry in catalog.yaml any more; dropped" in caplog.text
    assert "marts.dim_merchants" not in workspace.content()
    assert workspace.run() == set()


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_a_model_can_become_a_view_and_a_table_again(workspace: Workspace) -> None:
    before = workspace.content()
    catalog = (workspace.root / "catalog.yaml").read_text()
    workspace.write(
        "catalog.yaml",
        catalog.replace(
            "    grain: one row per staged transaction record that counts\n",
            "    grain: one row per staged transaction record that counts\n"
            "    materialized: view\n",
        ),
    )
    assert "intermediate.int_transactions_enriched" in workspace.run()
    assert workspace.content() == before
    workspace.write("catalog.yaml", catalog)
    assert "intermediate.int_transactions_enriched" in workspace.run()
    assert workspace.content() == before


@pytest.mark.parametrize(
    ("every", "told"),
    [
        (
            0.0,
            [
                ("99% of the file is read", 49),
                ("100% of the file is read; writing it into raw", 50),
            ],
        ),
        *at_night((600.0, [])),
    ],
)
def test_a_load_that_takes_long_tells_how_far_it_is(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    every: float,
    told: list[tuple[str, int]],
) -> None:
    from benepass_tasks.pipeline import tasks  # noqa: PLC0415

    reports: list[tuple[str, int]] = []
    monkeypatch.setattr(tasks, "PROGRESS_EVERY", every)
    monkeypatch.setattr(
        tasks.LoadRaw, "report", lambda _, message, share=100: reports.append((message, share))
    )
    workspace.run("raw.employees")
    *before, (result, share) = reports
    assert before == told
    assert result.startswith("3 rows, 0 rejected")
    assert share == 100


@pytest.mark.nightly
def test_what_is_remembered_of_the_warehouse_is_what_it_holds(
    new_people: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not reading the state again after each task must never be what a task goes wrong by."""
    remember, compared = Run.remember, 0

    def compare(run: Run, snapshot: Snapshot | None) -> None:
        nonlocal compared
        found = read_snapshot(run.warehouse)
        if snapshot is None:
            snapshot = found
        own = {name: kind for name, kind in found.relations.items() if "._dlt" not in name}
        there = {name: kind for name, kind in snapshot.relations.items() if "._dlt" not in name}
        assert (snapshot.loads, there) == (found.loads, own)
        assert snapshot.materializations == found.materializations
        assert snapshot.is_masked == found.is_masked
        compared += 1
        remember(run, snapshot)

    monkeypatch.setattr(Run, "remember", compare)
    new_people.replace("catalog.yaml", "data/employees.csv", "data/employees*.csv")
    new_people.run()
    built = compared
    assert built > len(catalog_of(new_people.root).tables)
    # A file comes, raw tables are dropped by hand, the file is meant no more and another changes.
    new_people.write("data/employees-2.csv", EMPLOYEES.splitlines()[0])
    new_people.run()
    new_people.change("drop table raw.employees")
    new_people.run()
    new_people.change("drop table raw.rejected_rows")
    new_people.run()
    new_people.replace("catalog.yaml", "data/employees*.csv", "data/employees.csv")
    new_people.replace("data/employees.csv", "Archer", "Bowman")
    new_people.run()
    assert compared > built


@pytest.mark.nightly
def test_the_warehouse_stays_attached_from_task_to_task(
    new_people: Workspace, attached: list[str]
) -> None:
    """Letting go of it after each task would write out, and read again, all that there is."""
    new_people.run()
    # Of the tasks, of how they ended, of alerts and of the site.
    assert 1 <= len(attached) <= 6


@pytest.mark.nightly
def test_a_task_of_somebody_else_finds_the_warehouse_free(new_people: Workspace) -> None:
    found = list[object]()

    class Report(luigi.Task):
        # What is left to do after it keeps the warehouse attached before it.
        priority = 100

        def requires(self) -> luigi.Task:
            return tasks.table_task("marts.dim_employees")()

        def run(self) -> None:
            found.append(new_people.query("select count(*) from marts.dim_employees")[0][0])

        def complete(self) -> bool:
            return bool(found)

    with new_people.configured():
        assert luigi.build([Report(), tasks.BuildMarts()], local_scheduler=True)
        tasks.finish()
    assert found == [3]


@pytest.mark.nightly
def test_the_warehouse_is_not_kept_for_what_a_failure_left_undone(workspace: Workspace) -> None:
    workspace.write("data/employees.csv", "")
    with workspace.configured():
        assert not luigi.build([tasks.BuildMarts()], local_scheduler=True)
        assert workspace.query("select count(*) from raw.transactions") == [(5,)]
        tasks.finish()


@pytest.fixture
def attached(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How the warehouse was attached, each time."""
    modes = list[str]()
    attach = Warehouse._attach  # noqa: SLF001 - it has no outside

    def noted(warehouse: Warehouse, engine: Engine, mode: str) -> None:
        modes.append(mode)
        attach(warehouse, engine, mode)

    monkeypatch.setattr(Warehouse, "_attach", noted)
    return modes


@pytest.mark.parametrize(
    "program",
    [
        "import duckdb, benepass_tasks",
        *at_night("import benepass_tasks, duckdb", "import benepass_tasks.sample.__main__"),
    ],
)
def test_duckdb_has_nothing_to_complain_of_when_python_ends(program: str) -> None:
    """It complains of what is left of it, as where objects are hidden from Python's last search."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stderr == b""
