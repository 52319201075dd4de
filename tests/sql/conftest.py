from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest
from workbench import Workbench

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    cache: Path = tmp_path_factory.mktemp("models") / "models.json"
    return Workbench.of_project(cache)


@pytest.fixture(scope="session")
def connection(workbench: Workbench) -> duckdb.DuckDBPyConnection:
    """A database with the macros of the project."""
    made = duckdb.connect()
    made.execute("set TimeZone = 'UTC'")
    for macro in workbench.graph.macros.values():
        made.execute(macro.sql)
    return made
