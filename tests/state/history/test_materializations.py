"""What a table takes up in the file, and when that is looked at."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from warehouses import warehouse

from benepass_tasks.state.history.materializations import last_bytes, record_built, record_bytes
from benepass_tasks.state.markers import Materialization
from benepass_tasks.state.plan import How

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TABLE = "marts.m"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ROWS = 1_000_000


@pytest.fixture
def bytes_of(tmp_path: Path) -> Callable[[str, How | None, int], int]:
    """What a run that has built the table so says that it takes."""
    here = warehouse(tmp_path)
    with here.write() as session:
        session.exec_driver_sql("create schema marts")
        made = f"create table {TABLE} as select hash(range) as x from range({ROWS})"
        session.exec_driver_sql(made)

    def look(run: str, how: How | None, rows: int) -> int:
        record = Materialization(TABLE, "1", "f", "h", rows, 0.5, run, NOON, "relation")
        with here.write() as session:
            record_built(session, record, None, how=how)
            record_bytes(session, run)
            return last_bytes(session)[TABLE]

    return look


FULL, CHANGES = How("full"), How("changes", 1)


def test_rows_take_what_they_took_as_long_as_they_are_about_as_many(
    bytes_of: Callable[[str, How | None, int], int],
) -> None:
    measured = bytes_of("r1", FULL, ROWS)
    assert measured >= 8 * ROWS
    assert bytes_of("r2", CHANGES, ROWS * 11 // 10) == round(measured * 1.1)
    assert bytes_of("r3", None, ROWS) == measured


@pytest.mark.parametrize(
    ("how", "rows"), [(FULL, ROWS * 11 // 10), (CHANGES, ROWS * 2), (CHANGES, ROWS // 2)]
)
def test_a_table_that_is_another_is_looked_at(
    bytes_of: Callable[[str, How | None, int], int], how: How, rows: int
) -> None:
    measured = bytes_of("r1", FULL, ROWS)
    assert bytes_of("r2", how, rows) == measured


def test_a_table_that_had_no_rows_is_looked_at(
    bytes_of: Callable[[str, How | None, int], int],
) -> None:
    measured = bytes_of("r1", FULL, 0)
    assert bytes_of("r2", CHANGES, ROWS) == measured
