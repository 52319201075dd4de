"""The history of runs: what each made and why, how it ended, and what the data was like."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from projects import catalog_of
from workspace import EMPLOYEES

if TYPE_CHECKING:
    from workspace import Workspace

LAST = "(select run_id from meta.runs order by started_at desc limit 1)"

KILLER = """
import os, signal, sys
import benepass_tasks.pipeline.making as making
made = making.record_built
def die(*arguments):
    made(*arguments)
    if arguments[3]:
        os.kill(os.getpid(), signal.SIGKILL)
making.record_built = die
sys.argv = ["luigi", *sys.argv[2:]]
from luigi.cmdline import luigi_run
luigi_run()
"""
"""Dies as soon as it has built a table, before that is committed."""


def runs(workspace: Workspace) -> list[tuple[Any, ...]]:
    return workspace.query("select status, error from meta.runs order by started_at")


def outcomes(workspace: Workspace, run: str = LAST) -> dict[str, tuple[Any, ...]]:
    found = workspace.query(
        f"select node, outcome, reason, row_count from meta.materializations where run_id = {run}"
    )
    assert len(found) == len({node for node, *_ in found})
    return {node: tuple(rest) for node, *rest in found}


def reasons(workspace: Workspace) -> dict[str, str]:
    """Why the last run built what it built."""
    return {
        node: reason
        for node, (outcome, reason, _) in outcomes(workspace).items()
        if outcome == "built"
    }


@pytest.mark.usefixtures("finished")
def test_a_run_says_what_it_made_and_why(workspace: Workspace) -> None:
    found = outcomes(workspace)
    assert found["employees/employees.csv"] == ("built", "first load", 3)
    assert found["raw.employees"] == ("built", "first run", 3)
    assert found["staging.stg_employees"] == ("built", "first run", None)
    assert found["marts.dim_employees"] == ("built", "first run", 3)
    assert found["books"][0] == "built"
    assert found["raw.rejected_rows"] == ("skipped", "up to date", None)
    assert found.keys() == workspace.nodes()


@pytest.mark.usefixtures("finished")
def test_a_run_is_a_row_with_what_it_was_made_with(workspace: Workspace) -> None:
    ((status, error, as_of, is_over, versions, settings),) = workspace.query(
        "select status, error, as_of::varchar, ended_at >= started_at, versions, settings "
        "from meta.runs"
    )
    assert (status, error, as_of, is_over) == ("succeeded", None, "2026-01-01", True)
    assert json.loads(versions).keys() >= {"python", "benepass-tasks", "dlt", "duckdb", "luigi"}
    assert json.loads(settings)["memory_limit"] == "1200MB"


def test_a_run_with_nothing_to_do_is_a_run_too(people: Workspace) -> None:
    made = outcomes(people)
    people.run()
    assert runs(people) == [("succeeded", None)] * 2
    assert {outcome for outcome, *_ in outcomes(people).values()} == {"skipped"}
    assert outcomes(people).keys() == made.keys()


def test_changed_sql_a_changed_file_and_force_are_told_apart(people: Workspace) -> None:
    people.replace("sql/marts/dim_employees.sql", "least(", "greatest(")
    people.run()
    assert reasons(people) == {"marts.dim_employees": "SQL changed"}
    people.replace("data/employees.csv", "2020-01-01", "2020-01-02")
    people.run()
    found = reasons(people)
    assert found["employees/employees.csv"] == "file changed"
    assert found["raw.employees"] == "file loaded"
    assert found["marts.dim_employees"] == "input or setting changed"
    people.run(force="marts.dim_employees")
    assert reasons(people) == {"marts.dim_employees": "forced"}


@pytest.mark.usefixtures("finished")
def test_a_table_knows_how_much_of_the_file_it_takes(workspace: Workspace) -> None:
    sizes = dict(workspace.query("select node, bytes from meta.materializations"))
    assert sizes["raw.transactions"] % 2**18 == 0
    assert sizes["raw.transactions"] > 0
    assert sizes["staging.stg_employees"] is None
    assert sizes["employees/employees.csv"] is None


def test_a_run_that_fails_says_where_and_why(workspace: Workspace) -> None:
    workspace.write("data/employees.csv", "employee_id\nE1\n")
    _, succeeded = workspace.attempt("BuildStaging")
    assert not succeeded
    assert runs(workspace) == [("failed", None)]
    ((outcome, error),) = workspace.query(
        "select outcome, error from meta.materializations where node = 'employees/employees.csv'"
    )
    assert outcome == "failed"
    assert "lacks the required columns" in error
    assert outcomes(workspace)["raw.transactions"][0] == "built"
    assert "staging.stg_employees" not in outcomes(workspace)


@pytest.mark.usefixtures("finished")
def test_a_run_on_an_invalid_project_is_in_the_history(workspace: Workspace) -> None:
    workspace.replace("sql/marts/daily_spend.sql", "from marts.fact", "from marts.no_fact")
    _, succeeded = workspace.attempt()
    assert not succeeded
    (_, (status, error)) = runs(workspace)
    assert status == "failed"
    assert "marts.no_fact_transactions" in error
    assert outcomes(workspace) == {}


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_a_run_that_may_not_publish_says_why(workspace: Workspace) -> None:
    workspace.warehouse.unlink()
    workspace.run(pii_masking="false")
    _, succeeded = workspace.attempt("Publish", pii_masking="false")
    assert not succeeded
    (_, (status, error)) = runs(workspace)
    assert status == "failed"
    assert error.startswith("Publish: warehouse.duckdb holds personal data unmasked")


@pytest.mark.usefixtures("finished")
def test_a_run_that_leaves_something_undone_did_not_succeed(workspace: Workspace) -> None:
    from benepass_tasks.pipeline import tasks  # noqa: PLC0415 - after the settings

    workspace.replace("sql/marts/dim_merchants.sql", "group by merchant", "group by 1")
    with workspace.configured():
        assert not tasks.pipeline().ask("marts.dim_merchants")
        assert tasks.pipeline().ask("marts.dim_employees")
        tasks.finish()
    assert runs(workspace)[1:] == [("failed", "not finished: marts.dim_merchants")]


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_a_monitor_that_fails_takes_nothing_of_the_run_with_it(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    workspace.write("sql/reports/monitored_figures.sql", "select 1 from nowhere")
    workspace.replace("data/transactions.csv", "60.00", "61.00")
    workspace.run()
    assert runs(workspace) == [("succeeded", None)] * 2
    assert outcomes(workspace)["raw.transactions"][0] == "built"
    assert "the monitors could not look: " in caplog.text


def test_a_run_is_seen_before_it_has_any_workers(workspace: Workspace) -> None:
    from benepass_tasks.config.settings import current_settings  # noqa: PLC0415
    from benepass_tasks.pipeline import tasks  # noqa: PLC0415 - after the settings
    from benepass_tasks.state.history import beacon  # noqa: PLC0415
    from benepass_tasks.state.warehouse import warehouse_of  # noqa: PLC0415

    with workspace.configured():
        this, warehouse = tasks.pipeline().run, warehouse_of(current_settings())
        assert not tasks.pipeline().ask("marts.dim_merchants")
        assert beacon.is_lit(warehouse, this.id)
        assert beacon.put_out_dead(warehouse) == {this.id}
        tasks.finish()
        this.beacon.put_out()


@pytest.mark.nightly
def test_a_worker_that_is_killed_fails_the_run(workspace: Workspace) -> None:
    python, *command = workspace.command
    flags = command[command.index("--module") :]
    done = subprocess.run(
        [python, "-c", KILLER, "0", *flags, "--workers", "2"],
        cwd=workspace.root,
        env=workspace.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 30
    ((status, error),) = runs(workspace)
    assert status == "failed"
    assert "its process was gone before it was done" in error


@pytest.mark.nightly
def test_forked_workers_leave_their_word(workspace: Workspace) -> None:
    workspace.write("data/employees.csv", "employee_id\nE1\n")
    done = workspace.run_command("--workers", "4")
    assert done.returncode == 30
    assert runs(workspace) == [("failed", None)]
    found = outcomes(workspace)
    assert found["transactions/transactions.csv"] == ("built", "first load", 5)
    assert found["employees/employees.csv"][0] == "failed"
    assert workspace.query("select key from meta.incidents") == [
        ("failed:employees/employees.csv",)
    ]
    assert not list(workspace.data.glob(".warehouse.run-*"))


def test_a_killed_run_is_told_by_the_next(new_people: Workspace) -> None:
    assert new_people.run_until_killed(KILLER, 0)
    assert runs(new_people) == [("running", None)]
    assert len(list(new_people.data.glob(".warehouse.run-*"))) == 1
    new_people.run()
    assert runs(new_people) == [
        ("interrupted", "the process was gone without a word"),
        ("succeeded", None),
    ]
    assert new_people.query("select bool_and(ended_at >= started_at) from meta.runs") == [(True,)]
    assert not list(new_people.data.glob(".warehouse.run-*"))


@pytest.mark.nightly
def test_what_is_kept_of_old_runs_is_what_is_still_there(people: Workspace) -> None:
    first = "(select run_id from meta.runs order by started_at limit 1)"
    for _ in range(3):
        people.run(keep_runs="2")
    assert len(runs(people)) == 3
    assert len(outcomes(people, first)) > 0
    people.run(force="raw.employees", keep_runs="1")
    people.run(force="marts.dim_employees", keep_runs="1")
    people.run(keep_runs="1")
    known = people.query(
        "select count(*) from meta.runs where run_id not in (select run_id from meta.markers "
        f"union all select run_id from meta.loads) and run_id <> {LAST}"
    )
    assert known == [(0,)]
    for table in ("materializations", "quality_figures", "column_profiles"):
        orphans = f"from meta.{table} where run_id not in (select run_id from meta.runs)"
        assert people.query(f"select count(*) {orphans}") == [(0,)]


@pytest.mark.usefixtures("finished")
def test_columns_are_profiled_without_extremes_of_what_is_personal(workspace: Workspace) -> None:
    columns = "row_count, null_count, round(null_rate, 2), distinct_estimate, minimum, maximum"
    profiles = {
        (relation, column): rest
        for relation, column, *rest in workspace.query(
            f"select relation, column_name, {columns}, mean from meta.column_profiles"
        )
    }
    assert profiles["raw.employees", "email"] == [3, 0, 0.0, 3, None, None, None]
    assert profiles["marts.dim_employees", "tenure_days"][:4] == [3, 1, 0.33, 2]
    assert profiles["raw.transactions", "merchant"] == [
        *(5, 0, 0.0, 2),
        *("Iron Heron Gym", "Plum Crate", None),
    ]
    assert profiles["marts.dim_benefit_programs", "monthly_allowance"] == [
        *(2, 0, 0.0, 2),
        *("100.00", "150.00", 125.0),
    ]
    # What a person spent is sensitive; the mean is no person's.
    assert profiles["marts.fact_transactions", "amount"] == [
        3,
        0,
        0.0,
        3,
        None,
        None,
        43.333333333333336,
    ]
    tables = catalog_of(workspace.root).tables
    assert all(tables[relation].materialized == "table" for relation, _ in profiles)


@pytest.mark.usefixtures("finished")
def test_figures_say_what_became_of_the_records(workspace: Workspace) -> None:
    workspace.replace("data/transactions.csv", "12.50", "12.50,surplus")
    workspace.run()
    found = {
        (dataset, figure, name): value
        for dataset, figure, name, value in workspace.query(
            f"select dataset, figure, name, value from meta.quality_figures where run_id = {LAST}"
        )
    }
    assert found["transactions", "records", None] == 5
    assert found["transactions", "rejected", None] == 1
    assert found["transactions", "quarantined", None] == 1
    assert found["transactions", "flagged", None] == 1
    assert found["transactions", "clean", None] == 2
    assert found["transactions", "clean_rate", None] == 0.4
    assert found["transactions", "quarantined_by_reason", "negative_amount"] == 1
    assert found["transactions", "flagged_by_flag", "over_monthly_allowance"] == 1
    assert found["raw.employees", "completeness", None] == 1
    assert found["marts.fact_transactions", "spend_by_day", "2025-03-01"] == 60


@pytest.mark.nightly
def test_an_empty_field_costs_its_raw_table_a_cell(new_people: Workspace) -> None:
    new_people.replace("data/employees.csv", "ann.archer@example.com", "")
    new_people.run()
    score = "select value from meta.quality_figures where figure = 'completeness'"
    assert new_people.query(f"{score} and dataset = 'raw.employees'") == [(1 - 1 / 18,)]


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_a_column_that_a_file_lacks_costs_no_cell(workspace: Workspace) -> None:
    header, first, *others = (workspace.data / "benefit_accounts.csv").read_text().splitlines()
    records = [f"{header},current_balance", f"{first},", *(f"{it},5" for it in others)]
    workspace.write("data/benefit_accounts.csv", "\n".join([*records, ""]))
    workspace.run()
    scores = workspace.query(
        "select value from meta.quality_figures join meta.runs using (run_id) where "
        "figure = 'completeness' and dataset = 'raw.benefit_accounts' order by started_at"
    )
    assert scores == [(1,), (17 / 18,)]


@pytest.mark.nightly
def test_a_column_that_no_file_has_any_more_is_not_profiled(new_people: Workspace) -> None:
    header, *records = EMPLOYEES.splitlines()
    more = [f"{header},termination_date,note", *(f"{it},2025-01-31,x" for it in records), ""]
    new_people.write("data/employees.csv", "\n".join(more))
    new_people.run()
    new_people.write("data/employees.csv", EMPLOYEES)
    new_people.run()
    columns = "select column_name from (describe raw.employees)"
    held = {name for (name,) in new_people.query(columns)}
    assert held >= {"termination_date", "note"}
    profiled = {
        name
        for (name,) in new_people.query(
            "select column_name from meta.column_profiles join meta.markers "
            "on relation = name and column_profiles.run_id = markers.run_id "
            "where relation = 'raw.employees'"
        )
    }
    assert profiled == set(header.split(","))
    scores = new_people.query(
        "select value from meta.quality_figures join meta.runs using (run_id) where "
        "figure = 'completeness' and dataset = 'raw.employees'"
    )
    assert scores == [(1,), (1,)]


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_files_of_two_shapes_have_the_cells_that_each_has(workspace: Workspace) -> None:
    workspace.write(
        "data/transactions-2.csv",
        "transaction_id,employee_id,benefit_account_id,amount,timestamp,note\n"
        "T8,E1,A1,1.00,2025-03-06T10:00:00Z,\n"
        "T9,E1,A1,1.00,2025-03-07T10:00:00Z,x\n",
    )
    workspace.run()
    score = f"select value from meta.quality_figures where run_id = {LAST}"
    score += " and figure = 'completeness' and dataset = 'raw.transactions'"
    assert workspace.query(score) == [((5 * 7 + 2 * 6 - 1) / (5 * 7 + 2 * 6),)]


@pytest.mark.nightly
def test_a_run_that_made_a_single_table_which_is_still_there_is_kept(people: Workspace) -> None:
    people.run(force="marts.dim_employees")
    people.run()
    people.run(keep_runs="1")
    made = people.query(
        "select node from meta.materializations where outcome = 'built' and run_id = "
        "(select run_id from meta.markers where name = 'marts.dim_employees')"
    )
    assert made == [("marts.dim_employees",)]
    assert len(runs(people)) == 3


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_days_that_are_to_come_have_no_spend(workspace: Workspace) -> None:
    workspace.run(as_of="2025-03-02")
    days = (
        f"select name from meta.quality_figures where figure = 'spend_by_day' and run_id = {LAST}"
    )
    assert workspace.query(f"{days} order by name") == [("2025-03-01",), ("2025-03-02",)]


def test_the_commit_of_the_project_is_kept(people: Workspace) -> None:
    assert people.query("select git_commit from meta.runs") == [(None,)]
    for command in (
        ["init", "--quiet"],
        ["add", "catalog.yaml", "sql"],
        ["-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "x"],
    ):
        subprocess.run(["git", *command], cwd=people.root, check=True)
    people.run()
    ((commit,),) = people.query(f"select git_commit from meta.runs where run_id = {LAST}")
    assert len(commit) == 40
    people.replace("sql/marts/dim_employees.sql", "-- Grain", "-- The grain")
    people.run()
    dirty = people.query(f"select git_commit from meta.runs where run_id = {LAST}")
    assert dirty == [(f"{commit}-dirty",)]


@pytest.mark.usefixtures("finished")
def test_no_record_is_in_the_history(workspace: Workspace) -> None:
    workspace.replace("data/employees.csv", "2021-06-15,terminated", "soon,ann.archer@example.com")
    workspace.run()
    texts = str(workspace.content(["meta"]))
    for personal in ("ann.archer", "bo.baker", "Archer", "Baker", "E1", "A2", "T3"):
        assert personal not in texts, personal
