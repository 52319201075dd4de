"""The texts of a database are read some thousand rows at a time, and none is passed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from benepass_tasks.engine import searching

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_columns_of_a_row_are_beside_each_other_and_rows_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "ROWS", 2)
    file = tmp_path / "some.duckdb"
    with duckdb.connect(str(file)) as database:
        database.execute("create table people (first text, years int, last text, also text[])")
        database.execute(
            "insert into people values ('Ann', 1, 'Archer', null), "
            "(null, 2, 'Baker', ['Bo', 'B']), ('Cy', 3, null, null)"
        )
        database.execute("create table empty (name text)")
    with searching.opened_texts(file) as texts:
        pieces = list(texts.pieces())
        assert texts.rows_with(["Ann", "Baker", "Bo"]) == 2
    gap = b"\n" * 10
    assert pieces == [b"Ann\nArcher" + gap + b"Baker\n[Bo, B]", b"Cy"]
