"""Programs that are fed, listened to, and ended in time."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from benepass_tasks.quality.alerts.processes import MOST_OUTPUT, Ending, Job, run_all


def job(folder: Path, *command: str, stdin: bytes = b"") -> Job:
    return Job(command, stdin, folder, os.environ)


def python(folder: Path, code: str, stdin: bytes = b"") -> Job:
    return job(folder, sys.executable, "-S", "-c", code, stdin=stdin)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_program_gets_its_input_folder_and_environment(tmp_path: Path) -> None:
    code = "import os, sys; print(sys.stdin.read(), os.getcwd(), os.environ['MOOD'])"
    command = (sys.executable, "-c", code)
    (ending,) = run_all([Job(command, b"hello", tmp_path, {"MOOD": "good"})], 10)
    assert ending == Ending(None, f"hello {tmp_path.resolve()} good\n", 0)


def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    (ending,) = run_all([job(tmp_path, "echo", "$HOME; `id` | cat")], 10)
    assert ending.output == "$HOME; `id` | cat\n"


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("import sys; sys.exit(7)", "ended with 7"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by signal 9"),
    ],
)
def test_how_it_ends_is_told(tmp_path: Path, code: str, failure: str) -> None:
    assert run_all([python(tmp_path, code)], 10)[0].failure == failure


def test_a_program_that_cannot_be_started_does_not_keep_the_others_from_it(tmp_path: Path) -> None:
    missing, denied, other = run_all(
        [job(tmp_path, "./missing"), job(tmp_path, str(tmp_path)), job(tmp_path, "echo", "hi")], 10
    )
    assert missing.failure == "cannot be started: No such file or directory"
    assert denied.failure == "cannot be started: Permission denied"
    assert other.output == "hi\n"


def test_it_is_killed_with_what_it_started_when_the_time_is_up(tmp_path: Path) -> None:
    code = (
        "import subprocess, time; child = subprocess.Popen(['sleep', '60']);"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    started = time.monotonic()
    (ending,) = run_all([python(tmp_path, code)], 1)
    assert time.monotonic() - started < 3
    assert ending.failure == "took longer than 1 s and was killed"
    deadline = time.monotonic() + 5
    while is_alive(int(ending.output)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_alive(int(ending.output))


def test_programs_run_side_by_side(tmp_path: Path) -> None:
    started = time.monotonic()
    endings = run_all([job(tmp_path, "sleep", "1")] * 3, 10)
    assert [it.failure for it in endings] == [None] * 3
    assert time.monotonic() - started < 2


def test_what_it_leaves_behind_is_not_waited_for(tmp_path: Path) -> None:
    code = "import subprocess; subprocess.Popen(['sleep', '3']); print('done')"
    started = time.monotonic()
    (ending,) = run_all([python(tmp_path, code)], 10)
    assert ending == Ending(None, "done\n", 0)
    assert time.monotonic() - started < 2


def test_of_what_it_says_the_beginning_is_kept_however_much_it_is(tmp_path: Path) -> None:
    code = "import sys; sys.stdout.write('x' * 5_000_000); sys.exit(1)"
    (ending,) = run_all([python(tmp_path, code)], 10)
    assert ending == Ending("ended with 1", "x" * MOST_OUTPUT, 1)


@pytest.mark.parametrize("code", ["pass", "import sys; sys.stdin.close()"])
def test_input_that_is_not_read_blocks_nobody(tmp_path: Path, code: str) -> None:
    (ending,) = run_all([python(tmp_path, code, stdin=b"x" * 1_000_000)], 10)
    assert ending.failure is None


def test_it_needs_no_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise AssertionError

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert run_all([job(tmp_path, "echo", "hi")], 10)[0].output == "hi\n"
