"""What is made beside the branches, and what is left of those that are deleted: gone in the end."""

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ASIDE = ".aside-"
"""How the names of folders begin that are no branches yet, or none any more."""


@contextmanager
def making(branches_dir: Path) -> Iterator[Path]:
    """A folder for what is made aside, which is gone afterwards unless it was renamed."""
    sweep(branches_dir)
    folder = name_aside(branches_dir)
    folder.mkdir(parents=True, mode=0o700)
    with _locked(folder):
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def name_aside(branches_dir: Path) -> Path:
    """A folder that is not there yet, for what is no branch yet, or none any more."""
    return branches_dir / f"{ASIDE}{uuid.uuid4().hex}"


def sweep(branches_dir: Path) -> None:
    """Remove what processes have left aside that were killed."""
    for folder in branches_dir.glob(f"{ASIDE}*"):
        with suppress(BlockingIOError, FileNotFoundError), _locked(folder):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which the operating system takes from who dies."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(opened)
