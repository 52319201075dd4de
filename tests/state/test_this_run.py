"""The run that is going on: what it was asked for, and whether another turn follows."""

from __future__ import annotations

import os
import subprocess
import sys

from benepass_tasks.state.this_run import ThisRun


def waiting(*nodes: str) -> ThisRun:
    return ThisRun(waiting={*nodes})


def test_it_goes_on_until_the_last_node_had_its_turn() -> None:
    run = waiting("a", "b")
    assert [run.goes_on_after(node) for node in ("a", "b", "c")] == [True, False, False]


def test_it_does_not_go_on_where_something_is_broken() -> None:
    run = waiting("a", "b")
    run.broken.append("c: cannot be asked")
    assert not run.goes_on_after("a")


def test_a_forked_process_takes_one_turn() -> None:
    run = waiting("a", "b")
    child = os.fork()
    if child == 0:
        os._exit(run.goes_on_after("a"))
    assert os.waitpid(child, 0)[1] == 0
    assert run.goes_on_after("a")


# Its own process, since what it does to Luigi's configuration stays.
WITH_A_CENTRAL_SCHEDULER = """
import luigi
from benepass_tasks.pipeline.scheduler import CentralScheduler
from benepass_tasks.state.this_run import this_run

CentralScheduler._request = lambda *_, **__: {}
this_run().waiting.update("abc")
print(this_run().goes_on_after("a"))
CentralScheduler("http://127.0.0.1:1")
print(this_run().goes_on_after("b"))
"""


def test_who_has_a_central_scheduler_is_not_alone() -> None:
    """Another worker may have the next turn, and would wait for a file that is kept."""
    program = [sys.executable, "-c", WITH_A_CENTRAL_SCHEDULER]
    said = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["True", "False"]
