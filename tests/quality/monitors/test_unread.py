"""Columns that nobody declared, and that look as if they decided what a charge is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import duckdb
import pytest
from projects import catalog_of
from sqlalchemy import create_engine

from benepass_tasks.quality.monitors.unread import MOST_VALUES, judge_unread

if TYPE_CHECKING:
    from benepass_tasks.catalog import Catalog

ROOT = Path(__file__).parents[3]
CATALOG = catalog_of(ROOT)


def warned(folder: Path, column: str, values: int, catalog: Catalog = CATALOG) -> list[str]:
    file = folder / "w.duckdb"
    with duckdb.connect(file) as connection:
        connection.execute("create schema raw")
        connection.execute(
            f'create table raw.transactions as select range::varchar as "{column}" '
            f"from range({values})"
        )
    with create_engine(f"duckdb:///{file}").connect() as connection:
        return [it.message for it in judge_unread(connection, catalog)]


@pytest.mark.parametrize(
    ("column", "meaning"),
    [
        ("status", "status"),
        ("payment_status", "status"),
        ("estado", "status"),
        ("transaction_type", "type"),
        ("tipo", "type"),
        ("currency", "currency"),
        ("moneda", "currency"),
    ],
)
def test_one_that_looks_like_it_is_warned_about_with_what_to_write(
    column: str, meaning: str, tmp_path: Path
) -> None:
    (message,) = warned(tmp_path, column, 3)
    assert message.startswith(f"{column} looks like the {meaning} of a charge (3 values)")
    assert f"ignored: [{column}]" in message


@pytest.mark.parametrize(
    ("column", "values"),
    [("note", 3), ("status", MOST_VALUES + 1), ("status", 0), ("statusbar", 3), ("amount", 3)],
)
def test_others_are_not(column: str, values: int, tmp_path: Path) -> None:
    assert warned(tmp_path, column, values) == []


def test_one_that_somebody_has_looked_at_is_not(tmp_path: Path) -> None:
    source = replace(CATALOG.sources["transactions"], ignored=("status",))
    sources = MappingProxyType({**CATALOG.sources, "transactions": source})
    assert warned(tmp_path, "status", 3, replace(CATALOG, sources=sources)) == []
