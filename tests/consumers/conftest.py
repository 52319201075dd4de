"""Tools that read what the project writes; a test is collected where its tool is installed."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent.parent
CONSUMERS = {
    "test_kedro.py": "kedro",
    "test_datacontract.py": "datacontract",
    "test_openlineage.py": "openlineage",
}
# An environment that is made for one of them has it, or else finds no test, which is a failure.
collect_ignore = [test for test, package in CONSUMERS.items() if find_spec(package) is None]


@pytest.fixture
def sample(workspace: Workspace) -> Workspace:
    """A project with the sample that comes with it."""
    for path in (ROOT / "data" / "sample").glob("*.csv"):
        shutil.copy(path, workspace.data / path.name)
    return workspace
