"""`status`: the last run at a glance, and whether all is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace import Workspace

    from tests.cli.conftest import Said

    Say = Callable[..., Said]


@pytest.mark.usefixtures("finished")
def test_all_is_well_after_a_run_that_succeeded(say: Say, workspace: Workspace) -> None:
    ((built,),) = workspace.query(
        "select count(*) from meta.materializations where outcome = 'built'"
    )
    said = say("status")
    assert said.code == 0
    assert said.lines[1].split() == ["status", "succeeded"]
    assert said.lines[3].split() == ["did", str(built), "built,", "1", "skipped,", "0", "failed"]
    row = next(line.split() for line in said.lines if line.startswith("transactions"))
    assert row == ["transactions", "5", "2", "1", "2", "0", "40.0%", "100.0%"]
    assert said.lines[-1] == "Healthy: the last run succeeded, and nothing is wrong."


@pytest.mark.usefixtures("finished")
def test_a_failed_run_says_what_failed_and_why(say: Say, workspace: Workspace) -> None:
    workspace.write("data/employees.csv", "employee_id\nE1\n")
    workspace.attempt()
    said = say("status")
    assert said.code == 1
    assert "employees/employees.csv" in said.out
    assert "lacks the required columns" in said.out
    assert said.lines[-1] == "Not healthy: the last run failed, and 1 thing is wrong."
    status = say("status", "--json").json
    assert status["healthy"] is False
    assert [it["key"] for it in status["incidents"]] == ["failed:employees/employees.csv"]


@pytest.mark.usefixtures("finished")
def test_it_is_well_again_once_what_failed_is_done(say: Say, workspace: Workspace) -> None:
    before = (workspace.data / "employees.csv").read_bytes()
    workspace.write("data/employees.csv", "employee_id\nE1\n")
    workspace.attempt()
    workspace.write("data/employees.csv", before)
    workspace.run()
    assert say("status").code == 0


@pytest.mark.usefixtures("finished")
def test_a_run_that_was_killed_is_not_well(say: Say, workspace: Workspace) -> None:
    workspace.change(
        "insert into meta.runs by name select * replace ('dead' as run_id, "
        "now() as started_at, null as ended_at, 'running' as status) from meta.runs"
    )
    said = say("status")
    assert said.code == 1
    assert said.lines[-1] == "Not healthy: the last run interrupted."


@pytest.mark.usefixtures("finished")
def test_a_run_that_goes_on_is_named_beside_the_last_one(say: Say, workspace: Workspace) -> None:
    from benepass_tasks.config.settings import current_settings  # noqa: PLC0415
    from benepass_tasks.engine.session import Warehouse  # noqa: PLC0415
    from benepass_tasks.state.history import beacon  # noqa: PLC0415 - imports DuckDB
    from benepass_tasks.state.store import StateStore  # noqa: PLC0415

    workspace.change(
        "insert into meta.runs by name select * replace ('alive' as run_id, "
        "now() as started_at, null as ended_at, 'running' as status) from meta.runs"
    )
    path = workspace.warehouse
    here = Warehouse(path, "1GB", 1, tuple(current_settings().variables.items()), StateStore())
    alive = beacon.Beacon(here, "alive")
    alive.light()
    try:
        said = say("status")
    finally:
        alive.put_out()
    assert said.code == 0
    assert said.lines[0].startswith("running")
    assert said.lines[0].endswith("run alive")
    assert said.lines[2].split() == ["status", "succeeded"]


@pytest.mark.usefixtures("finished")
def test_what_is_wrong_makes_a_run_that_succeeded_unwell(say: Say, workspace: Workspace) -> None:
    workspace.change(
        "insert into meta.incidents values ('1', 'freshness:transactions', "
        "'transactions: freshness', '3 d ago', 'warn', now(), 'r', null, null)"
    )
    said = say("status")
    assert said.code == 1
    assert said.lines[-1] == "Not healthy: 1 thing is wrong."
    assert "transactions: freshness" in said.out


def test_without_a_run_there_is_nothing_to_be_well(say: Say) -> None:
    said = say("status")
    assert said.code == 1
    assert "`benepass run` makes it" in said.err


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_what_somebody_accepted_is_shown_with_its_figures(say: Say, workspace: Workspace) -> None:
    header, row, *_ = (workspace.data / "transactions.csv").read_text().splitlines()
    workspace.write("data/transactions.csv", f"{header}\n{row}\n")
    workspace.attempt(accept="transactions")
    shown = "max_shrink is 50%"
    for command in ("status", "runs show"):
        assert shown in say(*command.split()).out
        (decision,) = say(*command.split(), "--json").json["decisions"]
        assert (decision["decision"], decision["file"]) == ("accepted", "transactions.csv")
    workspace.write("data/transactions.csv", f"{header}\n{row.replace('60.00', '61.00')}\n")
    workspace.run()
    assert shown not in say("status").out
