"""`runs`, `plan` and `quarantine`: what was done, what would be, and what is kept out."""

from __future__ import annotations

import csv
import stat
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workspace import Workspace

    from tests.cli.conftest import Said

    Say = Callable[..., Said]

AS_OF = ("--benepass-as-of", "2026-01-01", "--benepass-min-group-size", "1")


@pytest.mark.usefixtures("finished")
def test_the_newest_run_is_the_first(say: Say, workspace: Workspace) -> None:
    nodes = len(workspace.nodes())
    workspace.run()
    said = say("runs")
    assert said.code == 0
    assert [line.split()[4:] for line in said.lines[1:]] == [
        ["succeeded", "2026-01-01", "0", str(nodes), "0"],
        ["succeeded", "2026-01-01", str(nodes - 1), "1", "0"],
    ]
    assert len(say("runs", "--last", "1").lines) == 2
    assert [run["built"] for run in say("runs", "--json").json[1:]] == [nodes - 1]


@pytest.mark.usefixtures("finished")
def test_a_run_is_shown_by_the_beginning_of_its_id(say: Say) -> None:
    run = say("runs", "--json").json[0]
    said = say("runs", "show", run["run_id"][:6])
    assert said.code == 0
    assert said.lines[0].split() == ["run", run["run_id"]]
    row = next(line.split() for line in said.lines if line.startswith("marts.dim_employees"))
    assert row[:6] == ["marts.dim_employees", "built", "first", "run", "full", "3"]
    assert say("runs", "show").out == said.out
    nodes = say("runs", "show", run["run_id"], "--json").json["nodes"]
    assert {node["node"]: node["rows"] for node in nodes}["raw.transactions"] == 5


@pytest.mark.usefixtures("finished")
def test_an_id_that_is_none_is_said(say: Say) -> None:
    said = say("runs", "show", "none")
    assert said.code == 1
    assert "no run's id begins with 'none'" in said.err


def planned(workspace: Workspace) -> int:
    """How many nodes a plan up to the site has: CheckContracts, Publish and BuildSite are new."""
    return len(workspace.nodes()) + 3


@pytest.mark.parametrize("command", ["runs", "quarantine"])
def test_without_a_warehouse_it_is_said_what_makes_one(say: Say, command: str) -> None:
    said = say(command)
    assert said.code == 1
    assert "`benepass run` makes it" in said.err


def test_the_plan_of_a_first_run_is_everything(say: Say, workspace: Workspace) -> None:
    said = say("plan")
    assert said.code == 0
    assert "employees/employees.csv" in said.out
    nodes = planned(workspace)
    assert said.lines[-1] == (
        f"{nodes - 5} of {nodes} to build, 5 that depend on them, 0 up to date."
    )
    assert not workspace.warehouse.exists()


@pytest.mark.usefixtures("finished")
def test_the_plan_tells_why_and_what_may_follow(say: Say, workspace: Workspace) -> None:
    workspace.replace("sql/marts/dim_merchants.sql", "group by merchant", "group by 1")
    rows = {
        node["node"]: (node["action"], node["reason"])
        for node in say("plan", "--json", *AS_OF).json
    }
    assert rows["marts.dim_merchants"] == ("build", "SQL changed")
    assert rows["books"] == ("build if its input changes", "input to be built")
    assert rows["marts.dim_employees"] == ("none", None)
    assert say("plan", *AS_OF).lines[1].split()[0] == "marts.dim_merchants"


@pytest.mark.nightly
@pytest.mark.usefixtures("published")
def test_a_plan_with_nothing_in_it_says_so(say: Say, workspace: Workspace) -> None:
    nodes = planned(workspace)
    assert say("plan", *AS_OF).lines[-1] == (
        f"1 of {nodes} to build, 0 that depend on them, {nodes - 1} up to date."
    )
    workspace.run("BuildSite")
    assert say("plan", *AS_OF).lines == [f"Nothing to do: all {nodes} are up to date."]


@pytest.mark.usefixtures("finished")
def test_what_is_kept_out_is_named_by_file_and_record_with_people_masked(say: Say) -> None:
    said = say("quarantine", "transactions")
    assert said.code == 0
    assert said.lines[0] == "transactions: 2 records"
    assert said.lines[3].split() == [
        *("negative_amount", "transactions.csv", "4", "5", "****", "****", "****"),
        *("Plum", "Crate", "-3.00", "2025-03-04T10:00:00Z", "groceries"),
    ]


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_every_source_and_a_single_reason(say: Say, workspace: Workspace) -> None:
    workspace.replace("data/employees.csv", "E3,Cy", ",Cy")
    workspace.run()
    found = say("quarantine", "--json").json
    assert {(it["source"], it["rejection_reason"]) for it in found} == {
        ("employees", "missing_employee_id"),
        ("benefit_accounts", "orphan_benefit_account"),
        ("transactions", "negative_amount"),
        ("transactions", "terminated_employee"),
        ("transactions", "invalid_employee_id"),
    }
    # A reason counts whether it is the most severe or not.
    chosen = say("quarantine", "--json", "--reason", "invalid_employee_id").json
    assert [(it["record"], it["excel_row"]) for it in chosen] == [(4, 5), (5, 6)]
    assert found[0]["values"]["employee_id"] in ("", "****")
    assert "Cole" not in str(found)


def test_a_quarantine_that_is_not_built_yet_is_named(workspace: Workspace, say: Say) -> None:
    workspace.run("raw.employees")
    said = say("quarantine", "employees")
    assert said.code == 1
    assert said.err.startswith("not built yet: quality.quarantine_employees; `benepass run`")


@pytest.mark.usefixtures("finished")
def test_a_source_without_a_quarantine_is_refused(say: Say) -> None:
    said = say("quarantine", "merchants")
    assert said.code == 1
    assert "'merchants' has no quarantine; there are transactions, " in said.err


@pytest.mark.usefixtures("finished")
def test_a_csv_file_is_private_and_no_spreadsheet_calculates_it(
    say: Say, workspace: Workspace, tmp_path: Path
) -> None:
    workspace.replace(
        "data/transactions.csv", "A3,Plum Crate,-3.00", 'A3,"=HYPERLINK(""x"")",-3.00'
    )
    workspace.run()
    file = tmp_path / "kept out.csv"
    said = say("quarantine", "--csv", str(file))
    assert said.out == f"2 records are in {file}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with file.open(encoding="utf-8", newline="") as opened:
        (_, row) = csv.DictReader(opened)
    assert row["merchant"] == '\'=HYPERLINK("x")'
    assert row["amount"] == "-3.00"
    assert (row["source"], row["file"]) == ("transactions", "transactions.csv")
    assert (row["record"], row["row in Excel"]) == ("4", "5")


@pytest.mark.usefixtures("finished")
def test_a_file_that_is_there_is_never_replaced(
    say: Say, workspace: Workspace, tmp_path: Path
) -> None:
    before = workspace.warehouse.read_bytes()
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "nowhere.csv")
    for file in (workspace.warehouse, link):
        said = say("quarantine", "--csv", str(file))
        assert said.code == 1
        assert said.err == f"{file} exists; name another file, or remove it first\n"
    assert workspace.warehouse.read_bytes() == before
    assert not (tmp_path / "nowhere.csv").exists()


@pytest.mark.usefixtures("finished")
def test_an_address_is_masked_in_whatever_column_it_was_typed(
    say: Say, workspace: Workspace
) -> None:
    workspace.replace("data/transactions.csv", "A3,Plum Crate,-3.00", "A3,to ann@example.com,-3.00")
    workspace.replace("data/transactions.csv", "E2,A2,Plum Crate", "E2,A2,Plum @ Crate")
    workspace.run()
    merchants = [it["values"]["merchant"] for it in say("quarantine", "--json").json]
    assert merchants == ["Plum @ Crate", "****"]


@pytest.mark.usefixtures("finished")
def test_a_run_that_was_killed_is_called_so_before_the_next_one(
    say: Say, workspace: Workspace
) -> None:
    workspace.change("update meta.runs set status = 'running', ended_at = null")
    for command in (("runs",), ("runs", "show"), ("status",)):
        assert "interrupted" in say(*command).out


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize("command", ["status", "runs", "quarantine", "alerts", "schema history"])
def test_a_damaged_warehouse_is_said_without_a_traceback(
    say: Say, workspace: Workspace, command: str
) -> None:
    size = workspace.warehouse.stat().st_size
    with workspace.warehouse.open("r+b") as opened:
        opened.seek(3 * 4096)  # what is before are the headers
        opened.write(bytes(size - 3 * 4096))
    said = say(*command.split())
    assert said.code == 1
    assert said.err.startswith(("the warehouse cannot be used: ", str(workspace.warehouse)))
    assert "Traceback" not in said.err


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_only_some_records_are_shown_unless_all_are_asked_for(
    say: Say, workspace: Workspace
) -> None:
    workspace.replace("data/transactions.csv", ",60.00,", ",0,")
    workspace.run()
    assert "2 more: --limit 0 shows them" in say("quarantine", "--limit", "1").out
    assert "more:" not in say("quarantine", "--limit", "0").out


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_an_escape_sequence_in_a_record_steers_no_terminal(say: Say, workspace: Workspace) -> None:
    workspace.replace("data/transactions.csv", "A3,Plum Crate,-3.00", "A3,\x1b[31mPlum,-3.00")
    workspace.run()
    said = say("quarantine")
    assert "\x1b" not in said.out
    assert "\\x1b[31mPlum" in said.out
