"""Turns on a warehouse: one at a time, in order, and never lost with who had it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.engine.write_lock import acquire_write_lock, is_awaited

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline, "it never was"
        time.sleep(0.01)


def test_only_one_process_holds_the_lock(tmp_path: Path) -> None:
    with acquire_write_lock(tmp_path / "w", 1), pytest.raises(TimeoutError):
        acquire_write_lock(tmp_path / "w", 0.05)
    acquire_write_lock(tmp_path / "w", 0).close()


def test_its_files_are_their_owners_alone_also_those_of_an_earlier_release(tmp_path: Path) -> None:
    (tmp_path / "w.lock").touch(0o644)
    with acquire_write_lock(tmp_path / "w", 0):
        modes = {it.name: it.stat().st_mode & 0o777 for it in tmp_path.iterdir()}
    assert modes == {"w.lock": 0o600, "w.queue": 0o600}


def test_other_warehouses_have_turns_of_their_own(tmp_path: Path) -> None:
    with acquire_write_lock(tmp_path / "v", 0), acquire_write_lock(tmp_path / "w", 0):
        pass


def test_who_has_the_turn_knows_whether_somebody_waits(tmp_path: Path) -> None:
    path, had = tmp_path / "w", list[str]()

    def wait() -> None:
        with acquire_write_lock(path, 10):
            had.append("the other")

    other = threading.Thread(target=wait)
    with acquire_write_lock(path, 1):
        assert not is_awaited(path)
        other.start()
        wait_until(lambda: is_awaited(path))
        assert had == []
    # Who waits comes before who has just had it.
    with acquire_write_lock(path, 10):
        assert had == ["the other"]
        assert not is_awaited(path)
    other.join()


def test_who_gives_up_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "w"
    lock = acquire_write_lock(path, 0)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            acquire_write_lock(path, 0.05)
    assert not is_awaited(path)
    lock.close()
    acquire_write_lock(path, 10).close()


def test_all_who_wait_get_their_turn_and_never_two_at_once(tmp_path: Path) -> None:
    path, had, together = tmp_path / "w", list[int](), list[int]()

    def work(number: int) -> None:
        for _ in range(20):
            with acquire_write_lock(path, 30):
                had.append(number)
                before = len(had)
                time.sleep(0.001)
                together.append(len(had) - before)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(had) == sorted([*range(4)] * 20)
    assert together == [0] * 80


def test_who_waits_and_is_stopped_holds_nobody_up(tmp_path: Path) -> None:
    """As by Ctrl-Z."""
    path = tmp_path / "w"
    lock = acquire_write_lock(path, 0)
    with subprocess.Popen([sys.executable, "-c", WAITING, str(path)]) as other:
        wait_until(lambda: is_awaited(path))
        other.send_signal(signal.SIGSTOP)
        lock.close()
        try:
            acquire_write_lock(path, 10).close()
            assert is_awaited(path)
        finally:
            other.send_signal(signal.SIGCONT)
    assert other.returncode == 0


WAITING = """
import sys
from pathlib import Path
from benepass_tasks.engine.write_lock import acquire_write_lock
acquire_write_lock(Path(sys.argv[1]), 60).close()
"""


HOLDING = """
import sys
from pathlib import Path
from benepass_tasks.engine.write_lock import acquire_write_lock
lock = acquire_write_lock(Path(sys.argv[1]), 0)
print(flush=True)
input()
"""


def test_the_turn_of_who_was_killed_is_over(tmp_path: Path) -> None:
    path = tmp_path / "w"
    command = [sys.executable, "-c", HOLDING, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()
        with pytest.raises(TimeoutError):
            acquire_write_lock(path, 0.05)
        other.kill()
        acquire_write_lock(path, 10).close()


def test_a_lock_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "w.queue").mkdir()
    with pytest.raises(WarehouseError, match=r"w\.queue cannot be written: Is a directory;"):
        acquire_write_lock(tmp_path / "w", 0)


def test_where_no_file_can_be_the_setting_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WarehouseError, match=r"cannot be made.*--benepass-warehouse"):
        acquire_write_lock(tmp_path / "file" / "w", 0)
