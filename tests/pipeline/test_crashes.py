"""Killed at any moment, failed or raced: the next run arrives at the same marts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from workspace import Workspace

CHANGED = "T6,E1,A1,Fig & Son,7.25,2025-04-01T10:00:00Z,gym\nbroken\n"


def _change(workspace: Workspace) -> None:
    with (workspace.data / "transactions.csv").open("a") as file:
        file.write(CHANGED)


def _expected(workspace: Workspace, tmp_path: Path) -> dict[str, list[object]]:
    """The content that an undisturbed run over the changed files arrives at."""
    other = type(workspace)(tmp_path / "undisturbed")
    shutil.copytree(workspace.root, other.root)
    _change(other)
    other.run()
    return other.content(("quality", "marts"))


def _raw(workspace: Workspace) -> list[tuple[object, ...]]:
    return sorted(
        workspace.query("select transaction_id, _source_file, _row_number from raw.transactions"),
        key=repr,
    )


def _sweep(
    workspace: Workspace, tmp_path: Path, killer: str, moments: Iterable[str]
) -> tuple[int, bool]:
    """Kill a run at each of some moments; returns how often, and whether one came to its end.

    After each kill the next run must arrive at the same marts.
    """
    expected = _expected(workspace, tmp_path)
    base = tmp_path / "base"
    shutil.copytree(workspace.root, base)
    kills = 0
    for moment in moments:
        shutil.rmtree(workspace.root)
        shutil.copytree(base, workspace.root)
        _change(workspace)
        killed = workspace.run_until_killed(killer, moment)
        workspace.run()
        assert workspace.content(("quality", "marts")) == expected, moment
        assert len(_raw(workspace)) == 6, moment
        assert workspace.query("select count(*) from raw.rejected_rows") == [(1,)], moment
        if not killed:
            return kills, True
        kills += 1
    return kills, False


@pytest.mark.slow
@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize("part", range(2))
def test_a_run_killed_before_any_of_its_commits_is_finished_by_the_next(
    workspace: Workspace, tmp_path: Path, killer: str, part: int
) -> None:
    moments = (f"commit {number}" for number in range(part, 1_000, 2))
    kills, is_whole = _sweep(workspace, tmp_path, killer, moments)
    assert kills > 1
    assert is_whole, "the run never came to its end; the sweep covers only a part of it"


@pytest.mark.usefixtures("finished")
@pytest.mark.nightly
@pytest.mark.parametrize("part", range(4))
def test_a_run_killed_before_any_of_its_statements_is_finished_by_the_next(
    workspace: Workspace, tmp_path: Path, killer: str, part: int
) -> None:
    # Each part takes every 20th statement, beginning 5 later than the part before it.
    moments = map(str, range(part * 5, 1_000, 20))
    kills, is_whole = _sweep(workspace, tmp_path, killer, moments)
    assert kills > 1
    assert is_whole, "the run never came to its end; the sweep covers only a part of it"


@pytest.mark.nightly
@pytest.mark.parametrize("seconds", [0.8, 1.1, 1.4, 1.7, 2.0, 2.4, 2.8])
def test_a_first_run_killed_after_some_time_is_finished_by_the_next(
    workspace: Workspace, tmp_path: Path, seconds: float
) -> None:
    expected = _expected(workspace, tmp_path)
    _change(workspace)
    process = subprocess.Popen(
        workspace.command,
        cwd=workspace.root,
        env=workspace.environment,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    workspace.run()
    assert workspace.content(("quality", "marts")) == expected


@pytest.mark.usefixtures("finished")
def test_a_file_that_goes_back_to_what_it_was_after_a_crash_is_loaded_again(
    workspace: Workspace, killer: str
) -> None:
    original = (workspace.data / "transactions.csv").read_bytes()
    state = (workspace.data / "transactions.csv").stat()
    before = workspace.content()
    _change(workspace)
    assert workspace.run_until_killed(killer, "loaded")
    # The new rows are in raw beside the old ones, and nothing vouches for either.
    assert len(_raw(workspace)) == 11
    workspace.write("data/transactions.csv", original)
    os.utime(workspace.data / "transactions.csv", ns=(state.st_atime_ns, state.st_mtime_ns))
    workspace.run()
    assert workspace.content() == before
    assert len(_raw(workspace)) == 5


@pytest.mark.usefixtures("finished")
def test_a_failing_model_leaves_its_table_and_all_others_as_they_were(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    before = workspace.content()
    relation = "from intermediate.accepted_employees"
    failing = f"{relation}\nwhere cast(email as int) is distinct from 0"
    workspace.replace("sql/marts/dim_employees.sql", relation, failing)
    _, succeeded = workspace.attempt()
    assert not succeeded
    assert workspace.content() == before
    assert "sql/marts/dim_employees.sql: DuckDB stopped with ConversionException" in caplog.text


def test_two_runs_at_once_do_the_work_once(workspace: Workspace) -> None:
    runs = [
        subprocess.Popen(
            workspace.command,
            cwd=workspace.root,
            env=workspace.environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for run in runs:
        _, said = run.communicate(timeout=120)
        assert run.returncode == 0, said
    files = len(list(workspace.data.glob("*.csv")))
    assert workspace.query("select count(*) from raw._dlt_loads") == [(files,)]
    assert workspace.query("select count(*) from raw.transactions") == [(5,)]
    assert workspace.run() == set()


@pytest.mark.slow
def test_four_workers_build_the_same_as_one(workspace: Workspace, tmp_path: Path) -> None:
    other = type(workspace)(tmp_path / "other")
    shutil.copytree(workspace.root, other.root)
    other.run()
    done = workspace.run_command("--workers", "4")
    assert done.returncode == 0, done.stderr
    assert "lock" not in done.stderr
    assert workspace.content() == other.content()
