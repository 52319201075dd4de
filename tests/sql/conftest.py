from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import duckdb
import pytest
from projects import ROOT
from workbench import Workbench

if TYPE_CHECKING:
    from collections.abc import Callable

    Changed = Callable[..., Workbench]


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


@pytest.fixture(scope="session")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Changed:
    """The project, in whose catalog some text is another."""
    known: dict[tuple[tuple[str, str], ...], Workbench] = {}

    def workbench(*changes: tuple[str, str]) -> Workbench:
        if changes not in known:
            folder = tmp_path_factory.mktemp("declared")
            shutil.copytree(ROOT / "sql", folder / "sql")
            shutil.copy(ROOT / "luigi.cfg", folder)
            text = (ROOT / "catalog.yaml").read_text(encoding="utf-8")
            for before, after in changes:
                assert text.count(before) == 1
                text = text.replace(before, after)
            (folder / "catalog.yaml").write_text(text, encoding="utf-8")
            known[changes] = Workbench.of_project(folder)
        return known[changes]

    return workbench
