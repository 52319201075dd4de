"""What the command says and ends with, seen from outside."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from examples import at_night

from benepass_tasks.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace


@pytest.mark.nightly
def test_a_good_run_ends_with_0_and_says_nothing_of_single_tasks(workspace: Workspace) -> None:
    done = workspace.run_command()
    assert done.returncode == 0
    assert "The books balance." in done.stderr
    assert "marts.dim_employees: " not in done.stderr
    assert "Informed scheduler" not in done.stderr


@pytest.mark.nightly
def test_on_a_terminal_each_task_says_what_it_made(workspace: Workspace) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        workspace.command, cwd=workspace.root, env=workspace.environment, stderr=slave
    )
    os.close(slave)
    said = b""
    while True:
        try:
            said += os.read(master, 65536)
        except OSError:
            break
    process.wait()
    os.close(master)
    assert b"INFO: marts.dim_employees: 3 rows, " in said


@pytest.mark.nightly
def test_a_failed_load_ends_with_30_and_a_message_without_traceback(workspace: Workspace) -> None:
    (workspace.data / "employees.csv").write_bytes(b"")
    done = workspace.run_command()
    assert done.returncode == 30
    assert "employees.csv is empty, without even a header" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_invalid_catalog_ends_with_35_before_anything_runs(workspace: Workspace) -> None:
    workspace.replace("catalog.yaml", "treatment: mask", "treatment: maks")
    workspace.replace("catalog.yaml", "domain: benefits", "domain: benefit")
    done = workspace.run_command()
    assert done.returncode == 35
    assert "(did you mean 'mask'?)" in done.stderr
    assert "(did you mean 'benefits'?)" in done.stderr
    assert "Traceback" not in done.stderr
    assert not workspace.warehouse.exists()


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select * from marts.nope", "sql/marts/x.sql:1 reads marts.nope, which no entry in"),
        *at_night(
            ("select 1 as one", "sql/marts/x.sql: marts.x has no entry in catalog.yaml"),
            ("select (", "sql/marts/x.sql:1:8 cannot be read as SQL"),
        ),
    ],
)
def test_sql_that_cannot_be_used_ends_with_35_before_anything_runs(
    workspace: Workspace, sql: str, message: str
) -> None:
    workspace.write("sql/marts/x.sql", sql)
    done = workspace.run_command()
    assert done.returncode == 35
    assert message in done.stderr
    assert not workspace.warehouse.exists()


def test_elsewhere_the_command_says_what_to_set(new_people: Workspace, tmp_path: Path) -> None:
    elsewhere = type(new_people)(tmp_path / "elsewhere")
    elsewhere.root.mkdir()
    done = elsewhere.run_command("--local-scheduler")
    assert done.returncode == 35
    assert "holds no catalog.yaml and no sql/" in done.stderr
    assert "--benepass-project-dir" in done.stderr
    there = elsewhere.run_command(
        "--local-scheduler", "--benepass-project-dir", str(new_people.root)
    )
    assert there.returncode == 0, there.stderr
    assert new_people.warehouse.exists()


def test_settings_are_flags(new_people: Workspace, tmp_path: Path) -> None:
    shutil.move(new_people.data, tmp_path / "elsewhere")
    done = new_people.run_command(
        "--benepass-data-dir",
        str(tmp_path / "elsewhere"),
        "--benepass-warehouse",
        str(tmp_path / "other folder" / "marts.duckdb"),
        "--benepass-pii-masking",
        "false",
    )
    assert done.returncode == 0, done.stderr
    other = type(new_people)(tmp_path)
    shutil.move(tmp_path / "other folder", other.data)
    (other.data / "marts.duckdb").rename(other.warehouse)
    assert other.query("select email, tenure_days from marts.dim_employees order by 1") == [
        ("ann.archer@example.com", 2192),
        ("bo.baker@example.org", None),
        ("cy.cole@example.net", 672),
    ]


@pytest.mark.usefixtures("finished")
def test_force_reruns_a_table_and_what_is_downstream(workspace: Workspace) -> None:
    before = workspace.vouched_for()
    done = workspace.run_command("--benepass-force", "intermediate.int_benefit_accounts")
    assert done.returncode == 0, done.stderr
    made = {name for name, _ in workspace.vouched_for() - before}
    assert "intermediate.int_benefit_accounts" in made
    assert "marts.program_utilization" in made
    assert "quality.quarantine_benefit_accounts" in made
    assert "marts.dim_employees" not in made
    assert "raw.benefit_accounts" not in made


@pytest.mark.usefixtures("finished")
def test_force_of_a_raw_table_loads_its_files_again(workspace: Workspace) -> None:
    before = workspace.vouched_for()
    assert workspace.run_command("--benepass-force", "raw.employees").returncode == 0
    made = {name for name, _ in workspace.vouched_for() - before}
    assert {"employees/employees.csv", "raw.employees", "marts.dim_employees"} <= made
    assert "transactions/transactions.csv" not in made


def test_force_of_an_unknown_table_says_which_there_are(workspace: Workspace) -> None:
    done = workspace.run_command("--benepass-force", "marts.nope")
    assert done.returncode == 35
    assert "marts.nope is not a table of the catalog that can be rebuilt" in done.stderr
    assert "there are base.benefit_accounts, " in done.stderr


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--benepass-memory-limit=lots", "it must be an amount such as 1200MB"),
        ("--benepass-warehouse=data", "must name a file"),
        ("--benepass-memory-limit=1MB", "64MB"),
        ("--benepass-lock-timeout=-1", "must be a number of seconds from 0 on"),
        ("--benepass-warehouse=it's.duckdb", "no apostrophe in the path"),
        ("--benepass-warehouse=raw.duckdb", "not the name raw"),
        ("--benepass-published-dir=data", "must name a folder of its own"),
        ("--benepass-published-dir=data/employees.csv", "must name a folder of its own"),
        ("--benepass-min-group-size=0", "it must be 1 or more, and 1 withholds nothing"),
        ("--benepass-as-of=9999-12-31", "as-of is 9999-12-31; it must be a day before that"),
        ("--benepass-verify-every=monthly", "it must be a time span such as 36h or 30d"),
        ("--benepass-max-restated=-5", "it must be an amount such as 99.50"),
        ("--benepass-project-dir=data", "data holds no catalog.yaml and no sql/"),
    ],
)
def test_a_setting_that_makes_no_sense_is_told_with_what_would(
    workspace: Workspace,
    flag: str,
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(workspace.root)
    assert main(["plan", flag]) == 1
    assert message in capsys.readouterr().err
    assert not workspace.warehouse.exists()


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("--benepass-as-of", "soon", "as_of is a date such as 2026-01-31"),
        *at_night(
            ("--benepass-warehouse", "/proc/none/w.duckdb", "cannot be made"),
            ("--benepass-min-group-size", "few", "min_group_size, keep_runs, keep_snapshots and"),
            ("--benepass-min-group-size", "0", "it must be 1 or more, and 1 withholds nothing"),
        ),
    ],
)
def test_a_setting_that_makes_no_sense_ends_the_run(
    workspace: Workspace, flag: str, value: str, message: str
) -> None:
    done = workspace.run_command(flag, value)
    assert done.returncode in (30, 35), done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_proof_that_fails_on_a_value_does_not_show_it(people: Workspace) -> None:
    people.replace(
        "sql/checks/books_balance.sql",
        "where left_value <> right_value",
        "where left_value <> (select max(cast(email as int)) from raw.employees)",
    )
    done = people.run_command()
    assert done.returncode == 30
    assert "sql/checks/books_balance.sql: DuckDB stopped with ConversionException" in done.stderr
    assert "@example" not in done.stderr


def test_a_damaged_warehouse_is_named_with_the_way_out(people: Workspace) -> None:
    with people.warehouse.open("r+b") as file:
        file.truncate(100_000)
    done = people.run_command()
    assert done.returncode == 35
    assert "move it away: the next run rebuilds it" in done.stderr
    assert "Traceback" not in done.stderr
    people.warehouse.rename(people.data / "damaged")
    assert people.run_command().returncode == 0
