"""The warehouse: one DuckDB file, opened only for as long as something reads or writes it."""

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
