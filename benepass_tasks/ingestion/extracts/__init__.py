"""What is read of databases and APIs, as files that are loaded as any other.

What is here needs neither a driver nor a reader of files.
"""

import filecmp
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benepass_tasks.catalog.extracts import POSITION, SUFFIX


def aside_of(folder: Path, place: str) -> Path:
    """The folder for what is being read of a place, below that of all extracts."""
    return folder / f".{place}"


@contextmanager
def written_aside(aside: Path) -> Iterator[None]:
    """Keep a folder for what is being read; it is gone afterwards, whatever happens."""
    # What a reading left that was killed.
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(mode=0o700)
    try:
        yield
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def settle(folder: Path, aside: Path) -> None:
    """Move what was written aside to where it is loaded from; what is the same stays.

    How far a database was read counts only once what was read of it is there.
    """
    for path in [*sorted(aside.rglob(f"*{SUFFIX}")), *aside.glob(f"*{POSITION}")]:
        place = folder / path.relative_to(aside)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not place.exists() or not filecmp.cmp(path, place, shallow=False):
            path.replace(place)
