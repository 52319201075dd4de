from __future__ import annotations

import duckdb
import pytest
from workbench import Workbench


@pytest.fixture(scope="session")
def workbench() -> Workbench:
    return Workbench.of_project()


@pytest.fixture(scope="session")
def connection(workbench: Workbench) -> duckdb.DuckDBPyConnection:
    """A database with the macros of the project."""
    made = duckdb.connect()
    made.execute("set TimeZone = 'UTC'")
    for macro in workbench.graph.macros.values():
        made.execute(macro.sql)
    return made
