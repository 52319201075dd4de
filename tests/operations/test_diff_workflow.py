"""The workflow that says on a pull request what it would do: its steps, as plain processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from branching import COUNTED, MERCHANTS, break_promise, leak
from examples import at_night

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace import Workspace

ROOT = Path(__file__).parents[2]
GIVEN = {
    "github.event.pull_request.number": "7",
    "github.repository": "us/project",
    "github.token": "a token",
}
PROGRAMS = {
    "python": '#!/bin/sh\n[ "$1 $2 $3" = "-m pip install" ] && exit 0\nexit 1\n',
    "gh": '#!/bin/sh\necho "$@" > "$RUNNER_TEMP/gh"\n',
    "benepass": f'#!/bin/sh\nexec {Path(sys.executable).with_name("benepass")} "$@"\n',
}
"""What a step calls: the package is installed already, and nothing is posted."""


def _steps() -> list[dict[str, Any]]:
    text = (ROOT / ".github" / "workflows" / "diff.yml").read_text("utf-8")
    job = yaml.safe_load(text)["jobs"]["diff"]
    return [it | {"env": job["env"] | it.get("env", {})} for it in job["steps"]]


class Job:
    """A pull request whose change is made where the workflow checks it out."""

    def __init__(self, workspace: Workspace, temporary: Path) -> None:
        self.workspace = workspace
        self.temporary = temporary
        self.output = temporary / "output"
        self.programs = temporary / "programs"
        self.programs.mkdir()
        for name in ("output", "summary"):
            (temporary / name).touch()
        for name, text in PROGRAMS.items():
            (self.programs / name).write_text(text)
            (self.programs / name).chmod(0o700)

    def run(self, change: Callable[[Workspace], None]) -> tuple[str, int]:
        """Run its steps until one fails; returns the name of the last one, and its code."""
        done, checkouts = None, 0
        for step in _steps():
            if "uses" in step:
                checkouts += "checkout" in step["uses"]
                if checkouts == 2 and "checkout" in step["uses"]:
                    change(self.workspace)
                continue
            done = self._run(step)
            if done.returncode:
                break
        assert done is not None
        return str(step["name"]), done.returncode

    def _run(self, step: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        given = {"PATH": f"{self.programs}:{os.environ['PATH']}"}
        given |= {"RUNNER_TEMP": str(self.temporary), "GITHUB_OUTPUT": str(self.output)}
        given |= {"GITHUB_STEP_SUMMARY": str(self.temporary / "summary")}
        told = re.findall(r"(\w+)=(.*)", self.output.read_text())
        values = GIVEN | {f"steps.diff.outputs.{name}": value for name, value in told}
        stated = {
            name: re.sub(r"\$\{\{ (\S+) \}\}", lambda it: values[it[1]], value)
            for name, value in step["env"].items()
        }
        return subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            cwd=self.workspace.root,
            env=self.workspace.environment | given | stated,
            check=False,
            capture_output=True,
            text=True,
        )


@pytest.fixture
def job(workspace: Workspace, tmp_path: Path) -> Job:
    made = tmp_path / "runner"
    made.mkdir()
    return Job(workspace, made)


def count(written: str) -> Callable[[Workspace], None]:
    """A change of how the transactions of a merchant are counted."""
    return lambda project: project.replace(MERCHANTS, COUNTED, f"{written} as transaction_count")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verdict", "code", "change", "named"),
    [
        ("leaking", 4, leak, "**newly carries pseudonym"),
        *at_night(
            ("safe", 0, count("count(*) + 1"), "marts.dim&#95;merchants"),
            ("breaking", 3, break_promise, "BIGINT"),
        ),
    ],
)
def test_a_change_is_compared_and_posted_and_ends_as_the_verdict_says(
    job: Job, verdict: str, code: int, change: Callable[[Workspace], None], named: str
) -> None:
    assert job.run(change) == ("Safe, breaking (3) or leaking (4)", code)
    told = (job.temporary / "diff.md").read_text("utf-8")
    assert told.startswith(f"## pr-7 against its parent is {verdict}")
    assert named in told
    assert (job.temporary / "summary").read_text("utf-8") == told
    posted = (job.temporary / "gh").read_text()
    assert posted.startswith(f"pr comment 7 --repo us/project --body-file {job.temporary}/diff.md")


@pytest.mark.nightly
def test_a_change_that_cannot_be_built_ends_where_it_is_built_and_posts_nothing(job: Job) -> None:
    name, code = job.run(count("cast(merchant as int)"))
    assert (name, code) == ("Build what differs, and say what it would do", 1)
    assert not (job.temporary / "gh").exists()
