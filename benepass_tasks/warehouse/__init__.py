"""The warehouse: one DuckDB file, which those who read or write it have open by turns."""

from benepass_tasks.warehouse.markers import (
    Load,
    Marker,
    Snapshot,
    read_snapshot,
)
from benepass_tasks.warehouse.session import Warehouse

__all__ = [
    "Load",
    "Marker",
    "Snapshot",
    "Warehouse",
    "read_snapshot",
]
