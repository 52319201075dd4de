"""Files for others to read: each takes its place in one step, whole and for good.

They are written aside, into a folder below the one that they are for, so on the same file system:
whoever opens one finds the one before or the new one, and whoever has it open keeps what he has.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benepass_tasks.catalog.audiences import Access
from benepass_tasks.engine.disk import sync

PUBLIC = Access()
"""For everybody to read."""


@contextmanager
def taking_turns(folder: Path, access: Access = PUBLIC) -> Iterator[None]:
    """Let one run at a time write into a folder, whatever its warehouse; it is made if need be."""
    make_readable(folder, access)
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def make_readable(folder: Path, access: Access = PUBLIC) -> None:
    """Make a folder that those may read whom it is for.

    Raises:
        OSError: it cannot be made, or there is no such user or group.
    """
    umask = os.umask(0o022)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    finally:
        os.umask(umask)
    if access != PUBLIC:
        _give(folder, access, access.folder_mode)


def put_in_place(aside: Path, folder: Path, files: Sequence[str], access: Access = PUBLIC) -> None:
    """Move files, given by their paths below both folders, and let those read them.

    A folder that is not there yet is moved with all that it holds, in one step.

    Raises:
        OSError: a folder cannot be written, or there is no such user or group.
    """
    for file in files:
        for it in (*(aside / file).rglob("*"), aside / file):
            _give(it, access, access.folder_mode if it.is_dir() else access.mode)
            sync(it)
    for file in files:
        make_readable((folder / file).parent, access)
        os.replace(aside / file, folder / file)  # noqa: PTH105 - one step, on one file system
    for parent in {(folder / file).parent for file in files}:
        sync(parent)


def _give(path: Path, access: Access, mode: int) -> None:
    """Let a file or folder belong to whom it is for."""
    try:
        if access.owner:
            shutil.chown(path, user=access.owner)
        if access.group:
            shutil.chown(path, group=access.group)
    except LookupError as error:
        # The machine does not know the name: one more reason why a file cannot be written.
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    path.chmod(mode)
