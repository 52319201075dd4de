from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from workbench import Workbench

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sparking import BothEngines


@pytest.fixture(scope="session")
def workbench() -> Workbench:
    return Workbench.of_project()


@pytest.fixture(scope="session")
def engines(workbench: Workbench) -> Iterator[BothEngines]:
    """DuckDB beside Sail, or beside Spark itself where SPARK_ENGINE says so."""
    pytest.importorskip("pyspark", reason="no client of Spark; `tox -e spark` has one")
    import sparking  # noqa: PLC0415 - it needs the client

    is_sail = os.environ.get("SPARK_ENGINE", "sail") == "sail"
    if not is_sail and shutil.which("java") is None:
        pytest.skip("no Java, which Spark runs in")
    serving = sparking.sail() if is_sail else sparking.spark()
    with serving as served, sparking.connected(served.remote) as session:
        yield sparking.BothEngines(workbench, session)
