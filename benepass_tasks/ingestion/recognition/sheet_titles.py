"""The rows of a sheet above its header: titles, dates of the export, who made it."""

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Final

from benepass_tasks.ingestion.readers.workbooks import open_sheet

LOOKED_AT: Final = 200
"""Rows that tell how many cells a record fills."""


def rows_above_header(path: Path, sheet: str | None) -> int:
    """How many rows stand above the first that fills more than half of the cells that most fill.

    Args:
        path: The workbook.
        sheet: The name of its sheet; None for the only one that holds anything.

    Raises:
        SourceError: it is not a workbook, is damaged, or has no such sheet.
    """
    with path.open("rb") as file, open_sheet(file, sheet) as (rows, _):
        filled = [
            (number, sum(text is not None for text in texts))
            for number, texts in islice(rows, LOOKED_AT)
        ]
    counts = Counter(count for _, count in filled)
    usual = max(counts, key=lambda it: (counts[it], it), default=0)
    return next((number for number, count in filled if count * 2 > usual), 1) - 1
