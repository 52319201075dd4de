"""The file of a warehouse gives back what nothing is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from warehouses import warehouse

from benepass_tasks.engine import compaction
from benepass_tasks.engine.session import close, let_go

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workspace import Workspace

    from benepass_tasks.engine.session import Warehouse

KEPT = "create or replace table marts.kept as select i, 'row ' || i as said from range(1000) it(i)"
LARGE = "create or replace table raw.large as select uuid() as id from range(200_000)"


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """A warehouse that has a small and a large table, of which free megabytes are much."""
    monkeypatch.setattr(compaction, "NOTABLE_BYTES", 2**20)
    made = warehouse(tmp_path)
    _write(made, "create schema raw", "create schema marts", KEPT, LARGE)
    yield made
    close()


def _write(it: Warehouse, *statements: str) -> None:
    with it.write() as connection:
        for sql in statements:
            connection.exec_driver_sql(sql)
    let_go()


def _size(it: Warehouse) -> int:
    return it.path.stat().st_size


def test_a_file_of_which_most_is_free_is_written_anew(filled: Warehouse) -> None:
    before = _size(filled)
    _write(filled, "drop table raw.large")
    compaction.compact_where_it_pays(filled)
    close()
    assert _size(filled) < before / 2
    with filled.read() as connection:
        rows = connection.exec_driver_sql("select count(*), max(said) from marts.kept")
        assert tuple(rows.one()) == (1000, "row 999")


def test_one_that_is_in_use_stays_as_it_is(filled: Warehouse) -> None:
    before = filled.path.stat().st_ino
    compaction.compact_where_it_pays(filled)
    assert filled.path.stat().st_ino == before


def test_so_does_one_of_which_little_is_free(
    filled: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "NOTABLE_BYTES", 2**30)
    before = filled.path.stat().st_ino
    _write(filled, "drop table raw.large")
    compaction.compact_where_it_pays(filled)
    assert filled.path.stat().st_ino == before


def test_one_that_cannot_be_written_anew_leaves_nothing_beside_it(
    filled: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(28, "No space left on device")

    _write(filled, "drop table raw.large")
    names = {it.name for it in filled.path.parent.iterdir()}
    monkeypatch.setattr("os.replace", refused)
    with pytest.raises(OSError, match="No space"):
        compaction.compact_where_it_pays(filled)
    monkeypatch.undo()
    close()
    assert {it.name for it in filled.path.parent.iterdir()} <= names
    with filled.read() as connection:
        assert connection.exec_driver_sql("select count(*) from marts.kept").scalar_one() == 1000


@pytest.mark.usefixtures("finished")
def test_a_run_ends_with_it_and_the_next_one_finds_all_up_to_date(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "NOTABLE_BYTES", 0)
    # What comes after it in the file keeps DuckDB from cutting its end off.
    for sql in (LARGE.replace("200_000", "2_000_000"), KEPT, "drop table raw.large"):
        workspace.change(sql)
    before = workspace.warehouse.stat().st_size
    facts = workspace.query("from marts.fact_transactions order by all")
    workspace.run(force="marts.dim_employees")
    assert workspace.warehouse.stat().st_size < before / 2
    assert workspace.query("from marts.fact_transactions order by all") == facts
    assert workspace.run() == set()
