"""Files that stay, whatever becomes of the machine."""

import os
from pathlib import Path
from typing import IO


def sync(path: Path) -> None:
    """Wait until a file, or which files a folder holds, is on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def wal_of(path: Path) -> Path:
    """The log beside a database of what is not in its file yet."""
    return path.with_name(f"{path.name}.wal")


def private_file(path: Path) -> IO[str]:
    """Open a file to write it that its owner alone can read, also where it was there before."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    file = os.fdopen(opened, "w", encoding="utf-8")
    # Whose it is not may use it all the same, as far as its mode allows.
    if os.fstat(opened).st_uid == os.geteuid():
        os.fchmod(opened, 0o600)
    file.truncate(0)
    return file


def write_privately(path: Path, text: str) -> None:
    """Write a file that its owner alone can read, in one step and for good."""
    aside = path.with_name(f"{path.name}.new")
    aside.unlink(missing_ok=True)
    opened = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)  # noqa: PTH105 - one step, on one file system
    sync(path.parent)
