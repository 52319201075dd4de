from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from workbench import Workbench

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    cache: Path = tmp_path_factory.mktemp("models") / "models.json"
    return Workbench.of_project(cache)
