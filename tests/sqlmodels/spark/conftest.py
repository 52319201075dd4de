from __future__ import annotations

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
    """DuckDB beside Sail or Spark itself."""
    pytest.importorskip("pyspark", reason="no client of Spark; `tox -e spark` has one")
    import sparking  # noqa: PLC0415 - it needs the client

    with sparking.served() as server, sparking.connected(server.remote) as session:
        yield sparking.BothEngines(workbench, session)
