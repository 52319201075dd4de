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
