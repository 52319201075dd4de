"""Writing CSV files that are opened in a spreadsheet, whatever the values are."""

import csv
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from benepass_tasks.config.errors import ProjectError

STARTS_A_FORMULA = (*"=+-@", *"\uff1d\uff0b\uff0d\uff20", "\t", "\r", "\n")
"""The signs, also as wide as a Chinese letter, and what some spreadsheets skip before them."""
NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")


def write_csv(path: Path, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a new file that only its owner may read.

    A value that a spreadsheet would take for a formula gets an apostrophe in front.

    Raises:
        ProjectError: there is something of that name already, which stays as it is.
    """
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ProjectError(f"{path} exists; name another file, or remove it first") from error
    with os.fdopen(opened, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(headings)
        writer.writerows([harmless(cell) for cell in row] for row in rows)


def harmless(cell: str) -> str:
    """A value that no spreadsheet calculates."""
    if cell.startswith(STARTS_A_FORMULA) and not NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell
