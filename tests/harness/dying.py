"""Commands that are killed at a moment of theirs."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from commands import run_line
from workspace import KILLER

if TYPE_CHECKING:
    from workspace import Workspace

DIES = (
    KILLER.partition("from luigi.cmdline")[0]
    + """
replace = os.replace

def replace_and_count(*args, **kwargs):
    replace(*args, **kwargs)
    counted_commit(None)

os.replace = replace_and_count
from benepass_tasks.cli import main
sys.exit(main(sys.argv[1:]))
"""
)
"""A program that dies at its n-th commit, or file that takes its place."""


def died(workspace: Workspace, moment: int, *line: str) -> bool:
    """Run a command that is killed before a commit or after a file; whether it came to that."""
    program = [sys.executable, "-c", DIES, f"commit {moment}", *line]
    done = run_line(program, workspace.root, workspace.environment)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0
