"""What is past its retention is gone from branches as well, which build what is theirs anew."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from dying import died

from tests.pipeline.retention.test_delete import command

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace

EDIT = (
    "sql/intermediate/int_transactions_enriched.sql",
    "    where not_counted is null\n",
    "    where not_counted is null and true\n",
)


@pytest.mark.nightly
def test_no_branch_keeps_what_its_parent_does_not(workspace: Workspace) -> None:
    assert command(workspace, "branch", "create", "trial") == 0
    file, before, after = EDIT
    workspace.replace(file, before, after)
    workspace.run("BuildSite", env="trial")
    assert "warehouse.duckdb" in with_the_charge(workspace)
    workspace.replace(file, after, before)
    workspace.run("BuildSite", as_of="2026-01-16")
    assert with_the_charge(workspace) == {"transactions.csv"}

    workspace.replace(file, before, after)
    workspace.run("BuildSite", env="trial")
    built = workspace.data / "branches" / "trial" / "warehouse.duckdb"
    assert b"CHARGE-0002" in built.read_bytes()
    assert with_the_charge(workspace) == {"transactions.csv"}
    assert command(workspace, "branch", "delete", "trial") == 0


@pytest.mark.nightly
@pytest.mark.sweep
def test_killed_at_any_moment_the_next_run_finishes_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    assert command(workspace, "branch", "create", "trial") == 0
    base = tmp_path / "base"
    shutil.copytree(workspace.root, base)
    for moment in range(1_000):
        shutil.rmtree(workspace.root)
        shutil.copytree(base, workspace.root)
        is_killed = died(workspace, moment, "privacy", "retain", "--benepass-as-of", "2026-01-16")
        workspace.run("BuildSite", as_of="2026-01-16")
        assert with_the_charge(workspace) == {"transactions.csv"}, moment
        if not is_killed:
            assert moment > 2
            return
    pytest.fail("it never came to its end")


def with_the_charge(workspace: Workspace) -> set[str]:
    """The files that have the first charge, which is past its retention on January 16."""
    files = [it for it in workspace.root.rglob("*") if it.is_file()]
    return {it.name for it in files if b"CHARGE-0001" in it.read_bytes()}
