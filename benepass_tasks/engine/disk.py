"""Files that stay, whatever becomes of the machine."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Wait until a file, or which files a folder holds, is on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


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
