"""Files for others to read: each takes its place in one step, whole and for good.

They are written aside, into a folder below the one that they are for, so on the same file system:
whoever opens one finds the one before or the new one, and whoever has it open keeps what he has.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def taking_turns(folder: Path) -> Iterator[None]:
    """Let one run at a time write into a folder, whatever its warehouse; it is made if need be."""
    make_public(folder)
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def make_public(folder: Path) -> None:
    """Make a folder that everybody may read."""
    umask = os.umask(0o022)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    finally:
        os.umask(umask)


def put_in_place(aside: Path, folder: Path, files: Sequence[str]) -> None:
    """Move files, given by their paths below both folders, and let everybody read them."""
    for file in files:
        (aside / file).chmod(0o644)
        sync(aside / file)
    for file in files:
        make_public((folder / file).parent)
        os.replace(aside / file, folder / file)  # noqa: PTH105 - one step, on one file system
    for parent in {(folder / file).parent for file in files}:
        sync(parent)


def sync(path: Path) -> None:
    """Wait until a file, or which files a folder holds, is on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
