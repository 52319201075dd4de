"""`benepass run` is `luigi --module benepass_tasks`, with the same exit codes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from commands import run_line
from examples import at_night

from benepass_tasks.cli.commands.run import command

if TYPE_CHECKING:
    from subprocess import CompletedProcess

    from workspace import Workspace


def run(workspace: Workspace, *arguments: str) -> CompletedProcess[str]:
    line = [sys.executable, "-m", "benepass_tasks", *arguments]
    return run_line(line, workspace.root, workspace.environment)


@pytest.mark.slow
def test_without_a_task_it_builds_everything_up_to_the_pages(new_people: Workspace) -> None:
    new_people.write("pages/index.md", "---\ntitle: People\n---\n")
    done = run(new_people, "run")
    assert done.returncode == 0, done.stderr
    assert (new_people.site / "index.html").exists()


EXAMPLES = [it for it in command.examples if " " in it]


@pytest.mark.parametrize("example", [EXAMPLES[-1], *at_night(*EXAMPLES[:-1])])
def test_the_examples_build_what_they_name(new_people: Workspace, example: str) -> None:
    done = run(new_people, *example.split())
    assert done.returncode == 0, done.stderr
    assert new_people.query("from marts.dim_employees")
    assert not new_people.site.exists()


@pytest.mark.nightly
def test_a_setting_may_stand_before_and_after(workspace: Workspace) -> None:
    before = ("--benepass-as-of", "2026-01-31", "run", "marts.dim_employees")
    assert run(workspace, *before).returncode == 0
    tenure = workspace.query("select tenure_days from marts.dim_employees order by all")
    done = run(workspace, "run", "marts.dim_employees", "--benepass-as-of", "2026-02-01")
    assert done.returncode == 0
    assert workspace.query("select tenure_days from marts.dim_employees order by all") != tenure


def test_a_failed_task_is_30(new_people: Workspace) -> None:
    (new_people.data / "employees.csv").unlink()
    assert run(new_people, "run", "BuildMarts").returncode == 30


def test_an_invalid_project_is_35(workspace: Workspace) -> None:
    workspace.replace("catalog.yaml", "treatment: mask", "treatment: maks")
    assert run(workspace, "run", "BuildMarts").returncode == 35


def test_a_task_that_there_is_not_is_named(workspace: Workspace) -> None:
    done = run(workspace, "run", "BuildMart")
    assert done.returncode == 2
    assert "No task BuildMart. Did you mean: BuildMarts" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("line", ["data_dir = twice", "nonsense"])
def test_a_luigi_cfg_that_cannot_be_read_is_named_without_a_traceback(
    workspace: Workspace, line: str
) -> None:
    workspace.replace("luigi.cfg", "data_dir = data\n", f"data_dir = data\n{line}\n")
    done = run(workspace, "plan")
    assert done.returncode == 1
    assert done.stderr.startswith("luigi.cfg cannot be read: ")
    assert "Traceback" not in done.stderr
