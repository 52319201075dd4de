"""Whether a run still goes on: each holds a lock on a file of its own for as long as it lives.

The operating system gives the lock back when the last process of the run is gone, however it went;
a process id would not tell, since another program may have it by then.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benepass_tasks.engine.session import Warehouse


@dataclass
class Beacon:
    """The file of a run, which its process and those that are forked from it have open."""

    warehouse: Warehouse
    run_id: str
    _opened: int | None = field(default=None, init=False, repr=False)

    def light(self) -> None:
        """Say that the run goes on, until `put_out` or the end of its processes.

        Raises:
            OSError: the folder of the warehouse is not there, or cannot be written.
        """
        path = _path(self.warehouse, self.run_id)
        while self._opened is None:
            opened = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(opened, fcntl.LOCK_EX)
            if _is_at(path, opened):
                self._opened = opened
            else:
                # Another run took it for dead before it was locked.
                os.close(opened)

    def put_out(self) -> None:
        """Say that the run is over."""
        _path(self.warehouse, self.run_id).unlink(missing_ok=True)
        if self._opened is not None:
            os.close(self._opened)
            self._opened = None


def _is_at(path: Path, opened: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(opened))
    except FileNotFoundError:
        return False


def is_lit(warehouse: Warehouse, run_id: str) -> bool:
    """Whether a run goes on."""
    path = _path(warehouse, run_id)
    if not path.exists():
        return False
    with _locked(path) as is_dead:
        return not is_dead


def put_out_dead(warehouse: Warehouse) -> frozenset[str]:
    """Put out the beacons of runs that were killed; returns the ids of the runs that go on."""
    alive = set()
    for path in warehouse.path.parent.glob(_path(warehouse, "*").name):
        run_id = path.name.rpartition("-")[2]
        with _locked(path) as is_dead:
            if is_dead:
                path.unlink(missing_ok=True)
            else:
                alive.add(run_id)
    return frozenset(alive)


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Whether nobody holds the lock of a file."""
    opened = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(opened)


def _path(warehouse: Warehouse, run_id: str) -> Path:
    return warehouse.path.with_name(f".{warehouse.path.stem}.run-{run_id}")
