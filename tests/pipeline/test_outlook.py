"""What the plan says of how tables would be made is what the run then does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from examples import at_night

from benepass_tasks.pipeline import build
from benepass_tasks.pipeline.run import planned_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspace import Workspace

    from benepass_tasks.pipeline.outlook import Planned

ENRICHED = "intermediate.int_transactions_enriched"
CHARGE = "T6,E1,A1,Fig & Son,7.25,2025-04-01T10:00:00Z,gym\n"
FILE = "transactions/transactions.csv"


@pytest.fixture(autouse=True)
def _however_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are brought up to date by changes, however small they are."""
    monkeypatch.setattr(build, "SMALL_ROWS", -1)
    monkeypatch.setattr(build, "LARGEST_SHARE", 9)


def _plan(workspace: Workspace) -> Mapping[str, Planned]:
    before = workspace.warehouse.read_bytes()
    with workspace.configured():
        plan = planned_run()
    assert workspace.warehouse.read_bytes() == before
    return plan


def _add_a_charge(workspace: Workspace) -> None:
    with (workspace.data / "transactions.csv").open("a") as file:
        file.write(CHARGE)


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_of_a_file_that_is_not_loaded_its_size_is_known_and_what_is_held_of_it(
    workspace: Workspace,
) -> None:
    _add_a_charge(workspace)
    plan = _plan(workspace)
    file = plan[FILE].file
    assert file is not None
    assert (file.bytes, file.rows) == ((workspace.data / "transactions.csv").stat().st_size, 5)
    table = plan[ENRICHED].table
    assert table is not None
    assert (table.how, table.changed_rows) == ("changes", None)
    assert table.seconds.keys() == {"full"}


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_once_it_is_loaded_the_rows_that_changed_are_known(workspace: Workspace) -> None:
    _add_a_charge(workspace)
    workspace.run("raw.transactions")
    table = _plan(workspace)[ENRICHED].table
    assert table is not None
    assert (table.how, table.changed_rows) == ("changes", 1)


@pytest.mark.usefixtures("finished")
def test_what_is_foreseen_is_what_is_done(workspace: Workspace) -> None:
    _add_a_charge(workspace)
    workspace.replace("sql/quality/employee_issues.sql", "select", "select distinct")
    foreseen = {name: it.table for name, it in _plan(workspace).items() if it.table}
    workspace.run()
    done = dict(
        workspace.query(
            "select node, coalesce('full: ' || why_full, how) from meta.materializations "
            "where outcome = 'built' "
            "and run_id = (select max_by(run_id, started_at) from meta.runs)"
        )
    )
    for name, how in done.items():
        it = foreseen.get(name)
        if it is not None and it.how == "changes":
            assert how in ("changes", "unchanged") or "is touched" in how, name
        elif it is not None:
            assert how == f"full: {it.why}", name
    assert foreseen["quality.employee_issues"] is not None
    assert foreseen["quality.employee_issues"].why == "SQL changed"
    assert done[ENRICHED] == "changes"


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(
    ("changed", "how"),
    [
        (5, ("changes", None)),
        *at_night((4, ("full", "the last time it took longer by changes"))),
    ],
)
def test_a_table_that_was_slower_by_about_as_many_changes_is_foreseen_in_full(
    workspace: Workspace, changed: int, how: tuple[str, str | None]
) -> None:
    workspace.change(
        f"update meta.materializations set seconds = 10, how = 'full' where node = '{ENRICHED}'"
    )
    workspace.change(
        "insert into meta.materializations by name (select * replace (20 as seconds, "
        f"'changes' as how, {changed} as changed_rows, "
        "recorded_at + interval 1 second as recorded_at) "
        f"from meta.materializations where node = '{ENRICHED}')"
    )
    _add_a_charge(workspace)
    workspace.run("raw.transactions")
    table = _plan(workspace)[ENRICHED].table
    assert table is not None
    assert (table.how, table.why) == how
    assert table.seconds == {"full": 10, "changes": 20}


@pytest.mark.usefixtures("finished")
def test_a_verification_that_is_due_is_foreseen(workspace: Workspace) -> None:
    workspace.settings["verify_every"] = "30d"
    due = [it.table for it in _plan(workspace).values() if it.table and it.table.how == "unchanged"]
    assert [(it.why, it.changed_rows) for it in due] == [("compared with a full build", 0)]


def test_without_a_warehouse_all_is_built_in_full(workspace: Workspace) -> None:
    with workspace.configured():
        plan = planned_run()
    tables = [it.table for it in plan.values() if it.table]
    assert tables
    assert {(it.how, it.why) for it in tables} == {("full", "first run")}
