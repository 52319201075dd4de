"""All that is held about a person, and nothing about anybody else."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest
from workspace import new_project

from benepass_tasks.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace

OTHERS = ("E2", "E3", "Bo", "Baker", "bo.baker@example.org", "A2", "A3", "T3", "T4", "T5")


@pytest.fixture(scope="module")
def rejecting(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A project in which a charge of E1 cannot be parsed, and one of nobody is to his account."""
    workspace = new_project(tmp_path_factory.mktemp("rejecting") / "project")
    rows = (workspace.data / "transactions.csv").read_text(encoding="utf-8")
    rows += "T6,E1,A1,Iron Heron Gym\nT7,,A1,Iron Heron Gym,7.00,2025-03-09T10:00:00Z,gym\n"
    workspace.write("data/transactions.csv", rows)
    workspace.run("Publish")
    return workspace


def exported(workspace: Workspace, employee: str, file: Path) -> dict[str, list[dict[str, object]]]:
    """The rows that are held about an employee, by place and table."""
    line = ["privacy", "export", employee, "--output", str(file)]
    assert main(["--benepass-project-dir", str(workspace.root), *line]) == 0
    tables = json.loads(file.read_text(encoding="utf-8"))["tables"]
    return {f"{it['where']} {it['table']}": it["rows"] for it in tables}


def test_every_table_tells_what_it_holds_with_file_and_record(
    rejecting: Workspace, tmp_path: Path
) -> None:
    held = exported(rejecting, " E1", tmp_path / "E1.json")
    assert {it for it in held if it.startswith("warehouse")} >= {
        *(f"warehouse raw.{it}" for it in ("employees", "benefit_accounts", "transactions")),
        "warehouse raw.rejected_rows",
        "warehouse intermediate.int_employees",
        "warehouse quality.quarantine_transactions",
        "warehouse marts.fact_transactions",
        "warehouse marts.dim_employees",
        "warehouse marts.account_balances",
    }
    (person,) = held["warehouse raw.employees"]
    assert person["email"] == "ann.archer@example.com"
    assert (person["_source_file"], person["_row_number"]) == ("employees.csv", 1)
    (rejected,) = held["warehouse raw.rejected_rows"]
    assert rejected["raw_record"] == "T6,E1,A1,Iron Heron Gym"


def test_a_record_without_an_employee_is_that_of_the_owner_of_its_account(
    rejecting: Workspace, tmp_path: Path
) -> None:
    held = exported(rejecting, "E1", tmp_path / "E1.json")
    charges = held["warehouse raw.transactions"]
    assert sorted(str(it["transaction_id"]) for it in charges) == ["T1", "T2", "T7"]


def test_what_is_published_is_there_as_it_was_published(
    rejecting: Workspace, tmp_path: Path
) -> None:
    held = exported(rejecting, "E1", tmp_path / "E1.json")
    (person,) = held["published marts.dim_employees"]
    assert person["email"] == "****@example.com"


def test_nothing_of_anybody_else_is_there(rejecting: Workspace, tmp_path: Path) -> None:
    held = exported(rejecting, "E1", tmp_path / "E1.json")
    values = {value for rows in held.values() for row in rows for value in map(str, row.values())}
    assert values.isdisjoint(OTHERS)


def test_the_file_is_its_owners_alone_and_never_replaces_another(
    rejecting: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "E1.json"
    exported(rejecting, "E1", file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    line = ["privacy", "export", "E1", "--output", str(file)]
    assert main(["--benepass-project-dir", str(rejecting.root), *line]) == 1
    assert "exists" in capsys.readouterr().err


def test_a_file_in_the_project_is_said_to_be_in_the_way_of_an_erasure(
    rejecting: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported(rejecting, "E1", rejecting.root / "E1.json")
    assert "An erasure finds them there" in capsys.readouterr().out
    (rejecting.root / "E1.json").unlink()
    exported(rejecting, "E1", tmp_path / "E1.json")
    assert "An erasure" not in capsys.readouterr().out


@pytest.mark.usefixtures("finished")
def test_of_somebody_unknown_it_says_that_nothing_is_held(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["--benepass-project-dir", str(workspace.root), "privacy", "export", "E9"])
    said = capsys.readouterr()
    assert (code, said.out) == (1, "")
    assert "nothing is held about an employee of this id" in said.err
