"""Killed at any moment, `promote` and `branch delete` have done all of it or nothing."""

from __future__ import annotations

import shutil
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from commands import run_line
from workspace import KILLER

from benepass_tasks.config.branches import branches_in

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from branching import Branched

COUNTED = "select sum(transaction_count) from marts.dim_merchants"

DIES = (
    KILLER.partition("from luigi.cmdline")[0]
    + """
for name in ("rename", "unlink", "rmdir"):
    setattr(os, name, counted(getattr(os, name)))
from benepass_tasks.cli import main
sys.exit(main(sys.argv[1:]))
"""
)
"""A program that dies before its n-th statement or file that goes, or before its n-th commit."""


def _is_killed(branched: Branched, moment: str, *line: str) -> bool:
    """Run a command line that dies at a moment; whether it came to that."""
    program = [sys.executable, "-c", DIES, moment, *line, "--benepass-as-of", "2026-01-01"]
    done = run_line(program, branched.workspace.root, branched.workspace.environment)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def _promote(branched: Branched, base: Path, moments: Iterable[str]) -> int:
    """Kill a promotion at each of some moments until one comes to its end; returns how often.

    After each, the parent has all of the branch or nothing, and the next promotion the rest.
    """
    workspace = branched.workspace
    branched.edit()
    branched.run()
    before, after = workspace.query(COUNTED), branched.query(COUNTED)
    assert before != after
    shutil.copytree(workspace.root, base)
    for kills, moment in enumerate(moments):
        shutil.rmtree(workspace.root)
        shutil.copytree(base, workspace.root)
        is_killed = _is_killed(branched, moment, "promote", "trial")
        assert workspace.query(COUNTED) in ([before, after] if is_killed else [after]), moment
        code, said = branched.main("promote", "trial")
        assert code == 0, (moment, said)
        assert workspace.query(COUNTED) == after, moment
        assert workspace.run("CheckContracts") == set(), moment
        if not is_killed:
            return kills
    raise AssertionError("the promotion never came to its end")


@pytest.mark.nightly
@pytest.mark.sweep
def test_a_promotion_that_is_killed_before_any_of_its_commits_has_changed_nothing(
    branched: Branched, tmp_path: Path
) -> None:
    assert _promote(branched, tmp_path / "base", (f"commit {it}" for it in range(100))) > 0


@pytest.mark.nightly
@pytest.mark.sweep
def test_a_promotion_that_is_killed_before_any_of_its_statements_has_changed_nothing(
    branched: Branched, tmp_path: Path
) -> None:
    assert _promote(branched, tmp_path / "base", map(str, range(0, 1_000, 5))) > 10


def _delete(branched: Branched, base: Path, moments: Iterable[int]) -> list[bool]:
    """Kill a deletion at each of some moments; returns at which it came to that.

    After each, the branch is there as it was, or not at all.
    """
    parent, killed = branched.folder.parent, []
    shutil.copytree(parent, base)
    for moment in moments:
        shutil.rmtree(parent)
        shutil.copytree(base, parent)
        killed += [_is_killed(branched, str(moment), "branch", "delete", "trial")]
        if list(branches_in(parent)):
            assert killed[-1], moment
            names = {it.name for it in (base / "trial").iterdir()}
            assert {it.name for it in branched.folder.iterdir()} >= names, moment
            assert branched.main("plan", "--benepass-env", "trial")[0] == 0, moment
        else:
            assert branched.main("branch", "create", "trial")[0] == 0, moment
        # What a killed deletion has left goes with the next one.
        assert branched.main("branch", "delete", "trial")[0] == 0, moment
        assert list(parent.iterdir()) == [], moment
        assert branched.workspace.warehouse.exists()
    return killed


@pytest.mark.nightly
@pytest.mark.sweep
def test_a_deletion_that_is_killed_leaves_the_branch_or_what_the_next_one_removes(
    branched: Branched, tmp_path: Path
) -> None:
    killed = _delete(branched, tmp_path / "base", [*range(0, 12, 3), 500])
    assert (killed[0], killed[-1]) == (True, False)


@pytest.mark.nightly
@pytest.mark.sweep
def test_a_deletion_that_is_killed_before_any_file_goes_leaves_the_same(
    branched: Branched, tmp_path: Path
) -> None:
    killed = _delete(branched, tmp_path / "base", range(40))
    assert (killed.count(True) > 8, killed[-1]) == (True, False)
