"""Turns on a warehouse, which all processes take one after another.

Who has the turn holds a lock on the file `.lock` beside the warehouse, and may have the warehouse
open. Who waits for it holds one on `.queue` meanwhile, which tells the other that somebody waits.
The operating system takes the locks from who dies.
"""

import fcntl
import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from benepass_tasks.config.errors import WarehouseError

log = logging.getLogger(__name__)

HEAD_START = 0.25
"""Seconds that who is first in the queue is before all others."""

PAUSE = 0.01
"""Seconds between two looks at the locks."""

QUIET = 3.0
"""Seconds that somebody waits before it is told."""


@dataclass(slots=True)
class Wait:
    """A wait for a file that another process has, which is told once where it is no short one."""

    path: Path
    timeout: float
    began: float = field(default_factory=time.monotonic)
    is_told: bool = False

    @property
    def seconds(self) -> float:
        """How long it has been."""
        return time.monotonic() - self.began

    def tell(self) -> None:
        """Tell of it, if it is time to."""
        if self.seconds > QUIET and not self.is_told:
            self.is_told = True
            log.warning(
                "Waiting until another process lets go of %s, such as a run, or one on a branch "
                "that builds a table; for %g s at most",
                self.path,
                self.timeout,
            )


def take_turn(path: Path, timeout: float) -> IO[str]:
    """Wait for the turn on a warehouse.

    Args:
        path: The warehouse.
        timeout: For how long, in seconds.

    Returns:
        What to close when the turn ends.

    Raises:
        TimeoutError: others had it for longer than that.
        WarehouseError: there can be no file there.
    """
    wait = Wait(path, timeout)
    with _lock_file(path, "queue") as queue, ExitStack() as opened:
        turn = opened.enter_context(_lock_file(path, "lock"))
        # Also who finds nobody waiting goes through the queue: otherwise who has just had a turn
        # could have the next one before who waits is awake. But who is first may have been stopped.
        while True:
            is_next = _lock(queue) or wait.seconds > HEAD_START
            if is_next and _lock(turn):
                opened.pop_all()
                return turn
            if wait.seconds > timeout:
                raise TimeoutError
            wait.tell()
            time.sleep(PAUSE)


def is_awaited(path: Path) -> bool:
    """Whether somebody waits for the turn that this process has."""
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
        return file.open("w")
    except OSError as error:
        raise WarehouseError(f"{file} cannot be written: {error.strerror}{way_out}") from error


def _lock(file: IO[str]) -> bool:
    """Lock a file, also one that is locked already, unless somebody else has; returns whether."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
