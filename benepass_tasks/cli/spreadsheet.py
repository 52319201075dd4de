"""Writing CSV files that are opened in a spreadsheet, whatever the values are."""

import csv
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")


def write_csv(path: Path, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a file that only its owner may read; an existing one is replaced.

    A value that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    aside = path.with_name(f".{path.name}.part")
    opened = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(opened, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(headings)
        writer.writerows([harmless(cell) for cell in row] for row in rows)
    aside.replace(path)


def harmless(cell: str) -> str:
    """A value that no spreadsheet calculates."""
    if cell.startswith(STARTS_A_FORMULA) and not NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell
