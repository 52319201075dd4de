"""`benepass init`: a project of one's own that holds none of the sample."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from commands import run_line

from benepass_tasks.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from workspace import Workspace


def test_a_new_project_runs_on_the_files_that_are_put_into_its_data(
    tmp_path: Path, workspace: Workspace
) -> None:
    project = tmp_path / "new"
    assert main(["init", str(project)]) == 0
    assert list((project / "data").iterdir()) == []
    for path in workspace.data.glob("*.csv"):
        path.rename(project / "data" / path.name)
    line = [sys.executable, "-m", "benepass_tasks", "run", "marts.dim_employees"]
    done = run_line(line, project, workspace.environment)
    assert done.returncode == 0, done.stderr
    assert (project / "data" / "warehouse.duckdb").exists()


def test_git_ignores_what_is_put_into_its_data(tmp_path: Path) -> None:
    project = tmp_path / "new"
    main(["init", str(project)])
    subprocess.run(["git", "init", "--quiet", str(project)], check=True)
    (project / "data" / "employees.csv").write_text("employee_id")
    subprocess.run(["git", "-C", str(project), "add", "--all"], check=True)
    tracked = subprocess.run(
        ["git", "-C", str(project), "ls-files"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "catalog.yaml" in tracked
    assert [name for name in tracked if name.startswith("data/")] == []


def test_only_its_owner_reads_its_data(tmp_path: Path) -> None:
    main(["init", str(tmp_path / "new")])
    assert (tmp_path / "new" / "data").stat().st_mode & 0o777 == 0o700


def test_what_is_there_already_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "catalog.yaml").write_text("mine")
    assert main(["init", str(tmp_path)]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert (tmp_path / "catalog.yaml").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["catalog.yaml"]
