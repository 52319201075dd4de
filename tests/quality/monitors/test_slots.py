"""A database that keeps much of its log for us is told of."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest
from databases import VARIABLE
from extracting import Reading
from projects import catalog_without_sql

from benepass_tasks.config.settings import current_settings
from benepass_tasks.quality.monitors import judge_slots
from benepass_tasks.state.slots import Position

if TYPE_CHECKING:
    from workspace import Workspace


@pytest.mark.parametrize(
    ("extract", "lag", "said"),
    [
        ({"mode": "cdc", "max_lag": "1GB"}, (1 << 30) + 1, ["people"]),
        ({"mode": "cdc", "max_lag": "1GB"}, 1 << 30, []),
        ({"mode": "cdc"}, (10 << 30) + 1, ["people"]),
        ({"cursor": "id"}, 11 << 30, []),
    ],
)
def test_a_slot_that_keeps_more_than_it_may_is_warned_of(
    workspace: Workspace, extract: dict[str, str], lag: int, said: list[str]
) -> None:
    reading = Reading(workspace.data)
    entry = {"type": "pandas.SQLTableDataset", "table_name": "people", "credentials": VARIABLE}
    reading.declare(["id"], **entry, extract=extract)
    with workspace.configured():
        settings = current_settings()
    settings.extracts_dir.mkdir()
    Position("benepass_1", 5, MappingProxyType({"people": 5}), lag).write(
        settings.extracts_dir, VARIABLE
    )
    catalog = catalog_without_sql(workspace.data / "catalog.yaml")
    assert [it.dataset for it in judge_slots(catalog, settings)] == said
