"""An erasure that ends at any moment is finished by whoever comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dying import died
from erasing import GRETA, erased, totals
from examples import at_night

from benepass_tasks.pipeline.erasure import erase
from tests.pipeline.erasure.conftest import copy_of

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace

VALUES = (b"EMP-1001", b"Marlowe", b"Aldous", b"greta.aldous", b"ACC-2001", b"TXN-30002")

STEPS = ("anonymise_raw", "build_all", "compact", "rewrite_sources", "certify")


class DiedError(Exception):
    """What stands for a process that ends."""


@pytest.fixture
def workspace(whole: Workspace, tmp_path: Path) -> Workspace:
    """A project in which nobody is erased yet."""
    return copy_of(whole, tmp_path / "project")


def left(workspace: Workspace) -> set[str]:
    """The files that have a value of Greta."""
    files = [it for it in workspace.root.rglob("*") if it.is_file()]
    return {it.name for it in files for value in VALUES if value in it.read_bytes()}


@pytest.mark.parametrize("step", [STEPS[0], *at_night(*STEPS[1:])])
def test_the_next_run_finishes_it(
    workspace: Workspace, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, calls = totals(workspace), 0
    original = getattr(erase, step)

    def dies(*args: object) -> object:
        nonlocal calls
        calls += 1
        # The first time everything is only brought up to date.
        if step == "build_all" and calls == 1:
            return original(*args)
        raise DiedError

    with monkeypatch.context() as patch:
        patch.setattr(erase, step, dies)
        with pytest.raises(DiedError):
            erased(workspace, rewrites_sources=True)
    assert (workspace.data / ".warehouse.erasing.json").exists()
    workspace.run("BuildSite")
    assert totals(workspace) == before
    assert not left(workspace)
    assert not (workspace.data / ".warehouse.erasing.json").exists()
    assert len(list((workspace.data / "erasures").glob("*.json"))) == 1


@pytest.mark.nightly
@pytest.mark.sweep
def test_killed_before_any_commit_or_after_any_file_it_is_finished_by_the_next_run(
    whole: Workspace, tmp_path: Path
) -> None:
    before, kills = totals(whole), 0
    for moment in range(1_000):
        workspace = copy_of(whole, tmp_path / f"project {moment}")
        line = ["privacy", "erase", GRETA, "--rewrite-sources", "--rejected-by-name", "erase"]
        is_killed = died(workspace, moment, *line, "--benepass-as-of", "2026-01-01")
        workspace.run("BuildSite")
        has_begun = (workspace.data / "warehouse.erased.json").exists()
        assert totals(workspace) == before, moment
        assert not has_begun or not left(workspace), moment
        if not is_killed:
            break
        kills += 1
    assert kills > len(STEPS)
