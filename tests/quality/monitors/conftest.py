"""Schema meta in memory, and a history of runs to fill it with."""

from collections.abc import Iterator

import pytest
from past import History
from sqlalchemy import Connection, Engine

from benepass_tasks.engine.dialect import create_memory_engine
from benepass_tasks.state.store import StateStore


@pytest.fixture(scope="module")
def prepared() -> Iterator[Engine]:
    """A warehouse in which nothing was built yet."""
    engine = create_memory_engine({})
    with engine.begin() as connection:
        connection.exec_driver_sql("set TimeZone = 'UTC'")
        StateStore().prepare_tables(connection, {"pii_masking": "true"})
    yield engine
    engine.dispose()


@pytest.fixture
def meta(prepared: Engine) -> Iterator[Connection]:
    """A session on it, of which nothing stays."""
    with prepared.connect() as connection:
        yield connection


@pytest.fixture
def history(meta: Connection) -> History:
    return History(meta)
