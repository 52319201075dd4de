"""The write lock of a warehouse, which one process at a time holds.

The process that holds it has locked the file `.lock` beside the warehouse, and alone may open the
warehouse for writing. A process that waits for it has locked the file `.queue` meanwhile, by which
the holder sees that somebody waits. When a process dies, the operating system frees its locks.
"""

import fcntl
import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.engine.disk import private_file

log = logging.getLogger(__name__)

HEAD_START = 0.25
"""Seconds for which only the first process in the queue may take the lock."""

PAUSE = 0.01
"""Seconds between two looks at the locks."""

QUIET = 3.0
"""Seconds that a process waits before it says so."""

_ANYBODY = "another process, such as a run, or one on a branch that builds a table,"


@dataclass(slots=True)
class Wait:
    """A wait for a warehouse that another process has; if it is long, a warning says so once."""

    place: object
    timeout: float
    began: float = field(default_factory=time.monotonic)
    is_told: bool = False

    @property
    def seconds(self) -> float:
        """How long it has been."""
        return time.monotonic() - self.began

    def warn(self, holder: object = _ANYBODY) -> None:
        """Say that the process waits, and for whom, if it has for long and has not said so."""
        if self.seconds > QUIET and not self.is_told:
            self.is_told = True
            log.warning(
                "Waiting until %s lets go of %s, for %g s at most",
                holder,
                self.place,
                self.timeout,
            )


def acquire_write_lock(path: Path, timeout: float) -> IO[str]:
    """Wait for the write lock of a warehouse, and take it.

    Args:
        path: The warehouse.
        timeout: For how long, in seconds.

    Returns:
        The lock, which is given up by closing it.

    Raises:
        TimeoutError: other processes held it for longer than that.
        WarehouseError: there can be no file there.
    """
    wait = Wait(path, timeout)
    with _lock_file(path, "queue") as queue, ExitStack() as opened:
        lock = opened.enter_context(_lock_file(path, "lock"))
        # Every process goes through the queue: otherwise one that has just given the lock up could
        # take it again before the one that waits is awake. The first in the queue may have been
        # stopped, so it is waited for no longer than for its head start.
        while True:
            is_next = _lock(queue) or wait.seconds > HEAD_START
            if is_next and _lock(lock):
                opened.pop_all()
                return lock
            if wait.seconds > timeout:
                raise TimeoutError
            wait.warn()
            time.sleep(PAUSE)


def is_awaited(path: Path) -> bool:
    """Whether another process waits for the lock that this one holds."""
    with _lock_file(path, "queue") as queue:
        return not _lock(queue)


def _lock_file(path: Path, kind: str) -> IO[str]:
    file = path.with_name(f"{path.name}.{kind}")
    way_out = "; correct that, or name another warehouse with --benepass-warehouse"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WarehouseError(f"{path} cannot be made: {error.strerror}{way_out}") from error
    try:
        return private_file(file)
    except OSError as error:
        raise WarehouseError(f"{file} cannot be written: {error.strerror}{way_out}") from error


def _lock(file: IO[str]) -> bool:
    """Lock a file unless another process has locked it; returns whether it is locked now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
