"""A project whose warehouse has been run, with a branch of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from branching import Branched

if TYPE_CHECKING:
    from workspace import Workspace


@pytest.fixture
def branched(
    workspace: Workspace,
    published: None,  # noqa: ARG001 - a fixture
    capsys: pytest.CaptureFixture[str],
) -> Branched:
    """The project after a run, with a branch of which nothing was built yet."""
    made = Branched(workspace, capsys)
    code, said = made.main("branch", "create", "trial")
    assert code == 0, said
    return made
