"""A warehouse knows its project: no other one's run drops its tables."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from workspace import Workspace

OWNER = "select value from meta.properties where name = 'project_dir'"


@pytest.fixture
def other(workspace: Workspace) -> Workspace:
    """A project without one of the marts, in another folder, on the same warehouse."""
    made = type(workspace)(workspace.root.with_name("other"))
    shutil.copytree(workspace.root, made.root)
    made.settings["warehouse"] = str(workspace.warehouse)
    return made


def without_a_mart(project: Workspace) -> None:
    (project.root / "sql/marts/dim_merchants.sql").unlink()
    catalog = (project.root / "catalog.yaml").read_text(encoding="utf-8")
    before, _, after = catalog.partition("marts.dim_merchants:")
    project.write("catalog.yaml", before + after[after.index("marts.program_utilization:") :])


@pytest.mark.usefixtures("finished")
def test_another_project_is_refused(workspace: Workspace, other: Workspace) -> None:
    workspace.run()
    without_a_mart(other)
    before = workspace.content()
    done = other.run_command("--benepass-warehouse", str(workspace.warehouse))
    assert done.returncode == 35
    assert f"belongs to the project in {workspace.root}" in done.stderr
    assert "marts.dim_merchants" in done.stderr
    assert "--benepass-warehouse" in done.stderr
    assert workspace.content() == before
    assert workspace.query(OWNER) == [(str(workspace.root),)]


@pytest.mark.usefixtures("finished")
def test_the_same_tables_may_come_from_another_folder(
    workspace: Workspace, other: Workspace
) -> None:
    workspace.run()
    other.run()
    assert workspace.query(OWNER) == [(str(other.root),)]


@pytest.mark.usefixtures("finished")
def test_a_project_that_moved_without_its_warehouse_goes_on(
    workspace: Workspace, other: Workspace
) -> None:
    workspace.run()
    (workspace.root / "catalog.yaml").unlink()
    without_a_mart(other)
    other.run()
    assert "marts.dim_merchants" not in workspace.content()


@pytest.mark.usefixtures("finished")
def test_a_project_that_moved_with_its_warehouse_goes_on(workspace: Workspace) -> None:
    workspace.run()
    moved = type(workspace)(workspace.root.with_name("moved"))
    shutil.copytree(workspace.root, moved.root)
    without_a_mart(moved)
    moved.run()
    assert "marts.dim_merchants" not in moved.content()
