"""The run that is going on: what it was asked for, and whether it goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from benepass_tasks.config.settings import current_settings
from benepass_tasks.pipeline.nodes import nodes_of
from benepass_tasks.state import run
from benepass_tasks.state.markers import read_snapshot
from benepass_tasks.state.run import Run

if TYPE_CHECKING:
    from workspace import Workspace

NO_SETTINGS: Any = None


def waiting(*nodes: str) -> Run:
    return Run(NO_SETTINGS, lambda *_: [], waiting={*nodes})


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


def test_who_has_a_central_scheduler_is_not_alone() -> None:
    """Another worker may make the next node, and would wait for a file that is kept."""
    run = Run(NO_SETTINGS, lambda *_: [], is_alone=False, waiting={"a", "b"})
    assert not run.goes_on_after("a")


# Its own process, since what it does to Luigi's configuration stays.
ALONE = """
import luigi
from benepass_tasks.pipeline import tasks

for value in ("true", "false"):
    luigi.configuration.get_config().set("core", "local_scheduler", value)
    print(tasks.pipeline().run.is_alone)
    tasks.finish()
"""


def test_a_run_is_alone_where_luigi_schedules_it_here() -> None:
    said = subprocess.run(
        [sys.executable, "-c", ALONE], capture_output=True, text=True, check=True
    ).stdout
    assert said.split() == ["True", "False"]


def test_it_is_asked_nothing_while_its_process_writes(people: Workspace) -> None:
    with people.configured():
        run = Run(current_settings(), nodes_of)
        known, asked = run.known(), (run.known, run.plan, run.nodes)
        with run.warehouse.write():
            for ask in asked:
                with pytest.raises(RuntimeError, match="ask before the transaction begins"):
                    ask()
        assert run.known() == known


def test_it_reads_once_what_nobody_else_writes(
    people: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = list[object]()
    monkeypatch.setattr(run, "read_snapshot", lambda it: read.append(it) or read_snapshot(it))
    people.replace("data/employees.csv", ",active", ",terminated")
    assert "books" in people.run()
    assert len(read) == 1
