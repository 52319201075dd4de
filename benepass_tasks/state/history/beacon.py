"""Whether a run still goes on: each holds a lock on a file of its own for as long as it lives.

The operating system gives the lock back when the last process of the run is gone, however it went;
a process id would not tell, since another program may have it by then.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benepass_tasks.engine.session import Warehouse

_lit: dict[Path, int] = {}
"""The open file of each beacon that this process or the one that it was forked from has lit."""


def light(warehouse: Warehouse, run_id: str) -> None:
    """Say that a run goes on, until `put_out` or the end of its processes.

    Raises:
        OSError: the folder of the warehouse is not there, or cannot be written.
    """
    path = _path(warehouse, run_id)
    while path not in _lit:
        opened = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(opened, fcntl.LOCK_EX)
        if _is_at(path, opened):
            _lit[path] = opened
        else:
            # Another run took it for dead before it was locked.
            os.close(opened)


def _is_at(path: Path, opened: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(opened))
    except FileNotFoundError:
        return False


def put_out(warehouse: Warehouse, run_id: str) -> None:
    """Say that a run is over."""
    path = _path(warehouse, run_id)
    path.unlink(missing_ok=True)
    if path in _lit:
        os.close(_lit.pop(path))


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
