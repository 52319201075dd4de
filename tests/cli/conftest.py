"""The command line in this process: what it prints, and the code it ends with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from benepass_tasks.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace import Workspace


@dataclass
class Said:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever was printed
        return json.loads(self.out)


@pytest.fixture
def say(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run a command line on the workspace."""

    def run(*arguments: str) -> Said:
        code = main(["--benepass-project-dir", str(workspace.root), *arguments])
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return run
