"""Turns on a warehouse, which all processes take one after another.

Who has the turn holds a lock on the file `.lock` beside the warehouse, and may have the warehouse
open. Who waits for it holds one on `.queue` meanwhile, which tells the other that somebody waits.
The operating system takes the locks from who dies.
"""

import fcntl
import threading
import time
from pathlib import Path
from typing import IO

from benepass_tasks.errors import WarehouseError


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
    deadline = time.monotonic() + timeout
    # Also who finds nobody waiting goes through the queue: otherwise who has just had a turn could
    # have the next one before who waits is awake.
    with _lock_file(path, "queue") as queue:
        _lock(queue, deadline)
        turn = _lock_file(path, "lock")
        try:
            _lock(turn, deadline)
        except BaseException:
            turn.close()
            raise
    return turn


def is_awaited(path: Path) -> bool:
    """Whether somebody waits for the turn that this process has."""
    with _lock_file(path, "queue") as queue:
        return not _is_free(queue)


def _lock_file(path: Path, kind: str) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.with_name(f"{path.name}.{kind}").open("w")
    except OSError as error:
        raise WarehouseError(
            f"{path} cannot be made: {error.strerror}; name another file with --benepass-warehouse"
        ) from error


def _lock(file: IO[str], deadline: float) -> None:
    if _is_free(file):
        return
    # In a thread, since only there a blocking call can have a time-out, and only those who block
    # are served in order.
    waiting = threading.Thread(target=fcntl.flock, args=(file, fcntl.LOCK_EX), daemon=True)
    waiting.start()
    waiting.join(max(0.0, deadline - time.monotonic()))
    if waiting.is_alive():
        raise TimeoutError


def _is_free(file: IO[str]) -> bool:
    """Whether nobody else has locked a file; if so, it is locked now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
