"""A warehouse knows its project and its environment: no other one's run writes into it."""

from __future__ import annotations

import json
import re
import shutil
import stat
import sys
from typing import TYPE_CHECKING

import pytest
from commands import run_line
from examples import at_night

from benepass_tasks.state.ownership import environment_of_folder, take_folder

if TYPE_CHECKING:
    from pathlib import Path

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
    before = workspace.content(["meta", "quality", "marts"])
    done = other.run_command("--benepass-warehouse", str(workspace.warehouse))
    assert done.returncode == 35
    assert f"belongs to the project in {workspace.root}" in done.stderr
    assert "marts.dim_merchants" in done.stderr
    assert "--benepass-warehouse" in done.stderr
    assert workspace.content(["meta", "quality", "marts"]) == before
    assert workspace.query(OWNER) == [(str(workspace.root),)]


@pytest.mark.usefixtures("finished")
def test_the_same_tables_may_come_from_another_folder(
    workspace: Workspace, other: Workspace
) -> None:
    workspace.run()
    other.run()
    assert workspace.query(OWNER) == [(str(other.root),)]


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_a_project_that_moved_without_its_warehouse_goes_on(
    workspace: Workspace, other: Workspace
) -> None:
    workspace.run()
    (workspace.root / "catalog.yaml").unlink()
    without_a_mart(other)
    other.run()
    assert "marts.dim_merchants" not in workspace.content()


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_a_project_that_moved_with_its_warehouse_goes_on(workspace: Workspace) -> None:
    workspace.run()
    moved = type(workspace)(workspace.root.with_name("moved"))
    shutil.copytree(workspace.root, moved.root)
    without_a_mart(moved)
    moved.run()
    assert "marts.dim_merchants" not in moved.content()


# ------------------------------------------------------------------------------------ environments

ENVIRONMENT = "select value from meta.properties where name = 'environment'"


def with_environments(workspace: Workspace) -> None:
    """Let dev have the usual places, and prod others."""
    text = (workspace.root / "luigi.cfg").read_text()
    ours = (
        "[environments]\ndev.min_group_size = 1\nprod.warehouse = prod/warehouse.duckdb\n"
        "prod.published_dir = prod/published\nprod.site_dir = prod/site\n"
    )
    workspace.write("luigi.cfg", re.sub(r"\[environments\]\n(.+\n)+", ours, text))


def run_in(workspace: Workspace, environment: str, task: str = "BuildSite") -> tuple[int, str]:
    done = workspace.run_command("--benepass-env", environment, task=task)
    return done.returncode, done.stderr


@pytest.mark.nightly
@pytest.mark.usefixtures("published")
def test_what_was_of_no_environment_is_that_of_the_first_that_runs(workspace: Workspace) -> None:
    with_environments(workspace)
    assert run_in(workspace, "dev")[0] == 0
    assert workspace.query(ENVIRONMENT) == [("dev",)]
    assert "Benepass dev</title>" in (workspace.site / "index.html").read_text("utf-8")
    for folder in (workspace.published, workspace.site):
        assert environment_of_folder(folder) == "dev"
        assert stat.S_IMODE((folder / ".environment").stat().st_mode) == 0o644


@pytest.mark.usefixtures("finished")
def test_a_warehouse_refuses_a_run_of_another_environment_and_of_none(workspace: Workspace) -> None:
    with_environments(workspace)
    assert run_in(workspace, "dev", "BuildMarts")[0] == 0
    before = workspace.content(["meta", "quality", "marts"])
    workspace.write("luigi.cfg", (workspace.root / "luigi.cfg").read_text().replace("dev.", "qa."))
    code, said = run_in(workspace, "qa", "BuildMarts")
    assert code == 35
    assert f"{workspace.warehouse} belongs to environment dev" in said
    assert "this is of environment qa: name that with --benepass-env dev" in said
    assert "qa.warehouse in luigi.cfg" in said
    code, said = run_in(workspace, "", "BuildMarts")
    assert code == 35
    assert "this is of no environment" in said
    assert workspace.content(["meta", "quality", "marts"]) == before, "not even the history"


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_so_does_it_a_command_that_writes(workspace: Workspace) -> None:
    with_environments(workspace)
    assert run_in(workspace, "dev", "BuildMarts")[0] == 0
    before = workspace.content(["meta"])
    header, *_ = (workspace.data / "employees.csv").read_text().splitlines()
    workspace.write("data/employees.csv", f"{header},note\n")
    (workspace.data / "transactions.csv").unlink()
    for command in ("schema accept employees", "source forget transactions.csv --yes"):
        line = [sys.executable, "-m", "benepass_tasks", *command.split()]
        refused = run_line(line, workspace.root, workspace.environment)
        assert refused.returncode == 1, refused.stdout
        said = f"{workspace.warehouse} belongs to environment dev, and this is of no environment"
        assert said in refused.stderr
        assert workspace.content(["meta"]) == before
        line += ["--benepass-env", "dev"]
        assert run_line(line, workspace.root, workspace.environment).returncode == 0
        before = workspace.content(["meta"])


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(
    "command",
    ["status", *at_night("runs", "quarantine", "alerts", "plan", "pages serve --port 0")],
)
def test_so_does_it_a_command_that_reads(workspace: Workspace, command: str) -> None:
    with_environments(workspace)
    assert run_in(workspace, "dev", "raw.employees")[0] == 0
    line = [sys.executable, "-m", "benepass_tasks", *command.split()]
    prod = ["--benepass-env", "prod", "--benepass-warehouse", str(workspace.warehouse)]
    for asked, who in (([], "no environment"), (prod, "environment prod")):
        refused = run_line([*line, *asked], workspace.root, workspace.environment)
        assert (refused.returncode, refused.stdout) == (1, "")
        said = f"{workspace.warehouse} belongs to environment dev, and this is of {who}"
        assert said in refused.stderr


@pytest.mark.parametrize("place", ["site_dir", *at_night("published_dir")])
@pytest.mark.usefixtures("published")
def test_so_does_a_folder(workspace: Workspace, place: str) -> None:
    folder = {"published_dir": workspace.published, "site_dir": workspace.site}[place]
    folder.mkdir(exist_ok=True)
    with_environments(workspace)
    take_folder(folder, "staging")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    code, said = run_in(workspace, "dev")
    assert code == 35
    assert f"{folder} belongs to environment staging" in said
    assert f"dev.{place} in luigi.cfg" in said
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.nightly
def test_two_environments_live_side_by_side(workspace: Workspace) -> None:
    with_environments(workspace)
    assert [run_in(workspace, it)[0] for it in ("dev", "prod")] == [0, 0]
    for environment, site in (("dev", workspace.site), ("prod", workspace.root / "prod/site")):
        assert environment_of_folder(site) == environment
        line = [sys.executable, "-m", "benepass_tasks", "status", "--json"]
        done = run_line(
            [*line, "--benepass-env", environment], workspace.root, workspace.environment
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["environment"] == environment
    done = run_line([*line, "--benepass-env", "test"], workspace.root, workspace.environment)
    assert (done.returncode, "there are: dev, prod" in done.stderr) == (1, True)


def test_a_mark_that_was_cut_short_is_none(tmp_path: Path) -> None:
    (tmp_path / ".environment").touch()
    assert environment_of_folder(tmp_path) == ""
    take_folder(tmp_path, "dev")
    assert environment_of_folder(tmp_path) == "dev"
