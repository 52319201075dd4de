"""What a reader makes of a file, in plain values."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benepass_tasks.catalog.layout import Layout
from benepass_tasks.ingestion.readers.opening import open_reader
from benepass_tasks.ingestion.readers.records import Accounting


@dataclass(frozen=True)
class Content:
    """All that a file holds: `rows` begin with the number of the record."""

    header: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    rejected: list[tuple[int, int, str, bytes]]
    accounting: Accounting


def content_of(path: Path, layout: Layout, required: tuple[str, ...] = ()) -> Content:
    """Read a file to its end; its columns are called as in its header."""
    rows: list[tuple[Any, ...]] = []
    rejected: list[tuple[int, int, str, bytes]] = []
    with open_reader(layout, path, path.name) as reader:
        for batch in reader.batches(reader.header, required):
            *columns, numbers = (column.to_pylist() for column in batch.table.columns)
            rows += zip(numbers, *columns, strict=True)
            rejected += [
                (it.record_number, it.line_number, it.reason, it.raw) for it in batch.rejected
            ]
        assert reader.accounting.balances
        assert reader.accounting.bytes == path.stat().st_size
        return Content(reader.header, rows, rejected, reader.accounting)
