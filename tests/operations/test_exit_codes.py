"""How a run ends: each exit code, provoked in a process of its own."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from examples import at_night

from benepass_tasks.pipeline.scheduler import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspace import Workspace

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
LUIGID = {"LUIGI_CONFIG_PATH": "luigid.cfg"}


@contextmanager
def listening(*, answers: bytes | None) -> Iterator[int]:
    """A port that is taken by something that says this, or never anything, to whoever asks."""
    program = (
        "import socket, sys, time\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "print(server.getsockname()[1], flush=True)\n"
        f"answers = {answers!r}\n"
        "kept = []\n"
        "while True:\n"
        "    client, _ = server.accept()\n"
        "    kept.append(client)\n"
        "    if answers is not None:\n"
        "        client.recv(65536)\n"
        "        client.sendall(answers)\n"
        "        client.close()\n"
    )
    server = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert server.stdout
    try:
        yield int(server.stdout.readline())
    finally:
        server.kill()
        server.communicate()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def use_scheduler(workspace: Workspace, url: str) -> None:
    workspace.replace("luigid.cfg", "http://127.0.0.1:8082", url)


# ------------------------------------------------------------------------- the codes that Luigi has


def test_done_is_0_and_so_is_nothing_to_do(new_people: Workspace) -> None:
    assert new_people.run_command(task="BuildStaging").returncode == 0
    assert new_people.run_command(task="BuildStaging").returncode == 0


def test_a_failed_task_is_30(new_people: Workspace) -> None:
    new_people.write("data/employees.csv", "")
    assert new_people.run_command(task="BuildStaging").returncode == 30


@pytest.mark.nightly
def test_a_project_that_is_wrong_is_35_and_nothing_is_run(workspace: Workspace) -> None:
    workspace.write("catalog.yaml", "employees: {}")
    assert workspace.run_command(task="BuildStaging").returncode == 35
    assert not workspace.warehouse.exists()


def test_a_command_line_that_cannot_be_understood_is_1_or_2(workspace: Workspace) -> None:
    done = workspace.run_command(task="BuildNothing")
    assert done.returncode == 1
    assert "No task BuildNothing. Did you mean" in done.stderr
    assert workspace.run_command("--benepass-nothing", "1").returncode == 2


DEFECT = """
import sys
from benepass_tasks.pipeline import tasks
import luigi.interface

def defect(*arguments, **settings):
    raise RuntimeError("a defect of Luigi")

luigi.interface._schedule_and_run = defect
from luigi.cmdline import luigi_run
luigi_run(sys.argv[1:])
"""


def test_what_nobody_foresaw_is_40(workspace: Workspace) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DEFECT, *workspace.command[3:]],
        cwd=workspace.root,
        env=workspace.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 40, done.stderr
    assert "a defect of Luigi" in done.stderr


# ------------------------------------------------------------------------ no scheduler that answers


def test_no_scheduler_is_45_at_once_with_the_address_and_the_way_out(workspace: Workspace) -> None:
    use_scheduler(workspace, f"http://somebody:secret@127.0.0.1:{free_port()}")
    started = time.monotonic()
    done = workspace.run_command(**LUIGID)
    assert time.monotonic() - started < 10
    assert done.returncode == UNREACHABLE == 45
    (said,) = [line for line in done.stderr.splitlines() if "scheduler" in line]
    assert re.match(r"ERROR: No Luigi scheduler answers at http://127\.0\.0\.1:\d+: start", said)
    assert "make visualiser" in said
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    assert not workspace.warehouse.exists()


def test_a_scheduler_that_takes_the_call_and_never_answers_is_given_up_within_10_s(
    workspace: Workspace,
) -> None:
    with listening(answers=None) as port:
        use_scheduler(workspace, f"http://127.0.0.1:{port}")
        started = time.monotonic()
        done = workspace.run_command(**LUIGID)
    assert time.monotonic() - started < 10
    assert done.returncode == UNREACHABLE
    assert "No Luigi scheduler answers" in done.stderr


@pytest.mark.parametrize(
    "answers",
    [
        b"HTTP/1.0 200 OK\r\n\r\n{}",
        *at_night(
            b"HTTP/1.0 404 Not Found\r\n\r\n",
            b"HTTP/1.0 200 OK\r\n\r\n<html>another server</html>",
        ),
    ],
)
def test_another_server_at_its_address_is_not_a_scheduler(
    workspace: Workspace, answers: bytes
) -> None:
    with listening(answers=answers) as port:
        use_scheduler(workspace, f"http://127.0.0.1:{port}")
        done = workspace.run_command(**LUIGID)
    assert done.returncode == UNREACHABLE, done.stderr
    assert "No Luigi scheduler answers" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_configuration_that_is_missing_is_said_and_not_passed_over(workspace: Workspace) -> None:
    done = workspace.run_command(LUIGI_CONFIG_PATH="luigid.cgf")
    assert done.returncode == 35
    assert "LUIGI_CONFIG_PATH names luigid.cgf, and there is no such file" in done.stderr
    assert not workspace.warehouse.exists()


# --------------------------------------------------------------------------------- overlapping runs

# A run that notes each piece of work, whoever does it.
NOTING = """
import sys
import benepass_tasks.pipeline.nodes
from benepass_tasks.state.plan import Node

def noting(kind):
    real = kind.make
    def noted(node, *arguments):
        with open("work", "a") as file:
            file.write(node.name + "\\n")
        return real(node, *arguments)
    kind.make = noted

for kind in Node.__subclasses__():
    for kind in (kind, *kind.__subclasses__()):
        if "make" in vars(kind):
            noting(kind)

from luigi.cmdline import luigi_run
luigi_run(sys.argv[1:])
"""


def start_noting(workspace: Workspace, *flags: str) -> subprocess.Popen[str]:
    flags = (*workspace.command[3:5], "Publish", *workspace.command[6:], *flags)
    return subprocess.Popen(
        [sys.executable, "-c", NOTING, *flags],
        cwd=workspace.root,
        env=workspace.environment,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.nightly
@pytest.mark.parametrize("workers", ["1", "4"])
def test_two_runs_with_schedulers_of_their_own_take_turns_and_do_nothing_twice(
    workspace: Workspace, workers: str
) -> None:
    runs = [start_noting(workspace, "--workers", workers) for _ in range(2)]
    said = [run.communicate(timeout=120)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert not any("lock" in it for it in said), said
    work = Counter((workspace.root / "work").read_text().splitlines())
    skipped = {"raw.rejected_rows"}
    assert len(work) == len(workspace.nodes() - skipped) + 2
    assert set(work.values()) == {1}, work
    assert workspace.run("Publish") == set()


HOLDING = """
import fcntl, sys
with open(sys.argv[1], "w") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print(flush=True)
    sys.stdin.read()
"""


def test_who_waits_for_the_warehouse_too_long_is_30_and_says_how_to_wait_longer(
    workspace: Workspace,
) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(workspace.data / "warehouse.duckdb.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout
    holder.stdout.readline()
    done = workspace.run_command("--benepass-lock-timeout", "0.2", task="raw.employees")
    holder.communicate("\n")
    assert done.returncode == 30
    assert "was in use by another process for 0.2 s" in done.stderr
    assert "--benepass-lock-timeout" in done.stderr


# --------------------------------------------------------------------------------------------- docs


def test_every_code_is_documented() -> None:
    page = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    section = page.partition("## Exit codes")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([0-9, ]+) \|", section, re.MULTILINE)
    documented = {int(code) for row in rows for code in row.split(",")}
    assert documented == {0, 1, 2, 10, 11, 20, 25, 30, 35, 40, UNREACHABLE}
