"""Killed at any moment, failed or raced: the next run arrives at the same marts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from examples import at_night

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workspace import Workspace

FILES, KILLS = 500, 100

CHANGED = "E4,Di,Dunn,di.dunn@example.com,2025-04-01,active\nbroken\n"


def _change(project: Workspace) -> None:
    with (project.data / "employees.csv").open("a") as file:
        file.write(CHANGED)


def _expected(project: Workspace, tmp_path: Path) -> dict[str, list[object]]:
    """The content that an undisturbed run over the changed files arrives at."""
    other = type(project)(tmp_path / "undisturbed")
    shutil.copytree(project.root, other.root)
    _change(other)
    other.run()
    return other.content(("quality", "marts"))


def _raw(project: Workspace) -> list[tuple[object, ...]]:
    return sorted(
        project.query("select employee_id, _source_file, _row_number from raw.employees"),
        key=repr,
    )


def _sweep(
    project: Workspace, tmp_path: Path, killer: str, moments: Iterable[str]
) -> tuple[int, bool]:
    """Kill a run at each of some moments; returns how often, and whether one came to its end.

    After each kill the next run must arrive at the same marts.
    """
    expected = _expected(project, tmp_path)
    base = tmp_path / "base"
    shutil.copytree(project.root, base)
    kills = 0
    for moment in moments:
        shutil.rmtree(project.root)
        shutil.copytree(base, project.root)
        _change(project)
        killed = project.run_until_killed(killer, moment)
        project.run()
        assert project.content(("quality", "marts")) == expected, moment
        assert len(_raw(project)) == 4, moment
        assert project.query("select count(*) from raw.rejected_rows") == [(1,)], moment
        if not killed:
            return kills, True
        kills += 1
    return kills, False


@pytest.mark.slow
@pytest.mark.parametrize("every", [8, *at_night(1)])
def test_a_run_killed_before_any_of_its_commits_is_finished_by_the_next(
    people: Workspace, tmp_path: Path, killer: str, every: int
) -> None:
    moments = (f"commit {number}" for number in range(0, 1_000, every))
    kills, is_whole = _sweep(people, tmp_path, killer, moments)
    assert kills > 1
    assert is_whole, "the run never came to its end; the sweep covers only a part of it"


@pytest.mark.nightly
@pytest.mark.sweep
@pytest.mark.parametrize("part", range(4))
def test_a_run_killed_before_any_of_its_statements_is_finished_by_the_next(
    people: Workspace, tmp_path: Path, killer: str, part: int
) -> None:
    # Each part takes every 20th statement, beginning 5 later than the part before it.
    moments = map(str, range(part * 5, 1_000, 20))
    kills, is_whole = _sweep(people, tmp_path, killer, moments)
    assert kills > 1
    assert is_whole, "the run never came to its end; the sweep covers only a part of it"


@pytest.mark.nightly
@pytest.mark.sweep
@pytest.mark.parametrize("seconds", [0.8, 1.1, 1.4, 1.7, 2.0, 2.4, 2.8])
def test_a_first_run_killed_after_some_time_is_finished_by_the_next(
    new_people: Workspace, tmp_path: Path, seconds: float
) -> None:
    expected = _expected(new_people, tmp_path)
    _change(new_people)
    process = subprocess.Popen(
        new_people.command,
        cwd=new_people.root,
        env=new_people.environment,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    new_people.run()
    assert new_people.content(("quality", "marts")) == expected


def test_a_file_that_goes_back_to_what_it_was_after_a_crash_is_loaded_again(
    people: Workspace, killer: str
) -> None:
    original = (people.data / "employees.csv").read_bytes()
    state = (people.data / "employees.csv").stat()
    before = people.content()
    _change(people)
    assert people.run_until_killed(killer, "loaded")
    # The new rows are in raw beside the old ones, and nothing vouches for either.
    assert len(_raw(people)) == 7
    people.write("data/employees.csv", original)
    os.utime(people.data / "employees.csv", ns=(state.st_atime_ns, state.st_mtime_ns))
    people.run()
    assert people.content() == before
    assert len(_raw(people)) == 3


def test_a_failing_model_leaves_its_table_and_all_others_as_they_were(
    people: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    before = people.content()
    relation = "from intermediate.accepted_employees"
    failing = f"{relation}\nwhere cast(email as int) is distinct from 0"
    people.replace("sql/marts/dim_employees.sql", relation, failing)
    _, succeeded = people.attempt()
    assert not succeeded
    assert people.content() == before
    assert "sql/marts/dim_employees.sql: DuckDB stopped with ConversionException" in caplog.text


@pytest.mark.nightly
def test_two_runs_at_once_do_the_work_once(new_people: Workspace) -> None:
    runs = [
        subprocess.Popen(
            new_people.command,
            cwd=new_people.root,
            env=new_people.environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for run in runs:
        _, said = run.communicate(timeout=120)
        assert run.returncode == 0, said
    assert new_people.query("select count(*) from raw._dlt_loads") == [(1,)]
    assert new_people.query("select count(*) from raw.employees") == [(3,)]
    assert new_people.run() == set()


@pytest.mark.nightly
def test_four_workers_build_the_same_as_one(workspace: Workspace, tmp_path: Path) -> None:
    other = type(workspace)(tmp_path / "other")
    shutil.copytree(workspace.root, other.root)
    other.run()
    done = workspace.run_command("--workers", "4")
    assert done.returncode == 0, done.stderr
    assert "lock" not in done.stderr
    assert workspace.content() == other.content()


@pytest.mark.nightly
@pytest.mark.sweep
def test_eight_workers_that_are_killed_a_hundred_times_build_the_same(
    workspace: Workspace, tmp_path: Path
) -> None:
    header, charge, *_ = (workspace.data / "transactions.csv").read_text().splitlines()
    for number in range(FILES):
        workspace.write(f"data/transactions_{number}.csv", f"{header}\n{charge}\n")
    random = Random(8)  # noqa: S311 - the same moments each time
    for number in range(KILLS):
        # There is always something left to do.
        edited = random.sample(range(FILES), 5)
        for it in edited:
            more = charge.replace("T1,", f"N{number}-{it},")
            with (workspace.data / f"transactions_{it}.csv").open("a") as file:
                file.write(f"{more}\n")
        _kill_some_of(workspace, random)
    done = workspace.run_command("--workers", "8")
    assert done.returncode == 0, done.stderr
    other = type(workspace)(tmp_path / "undisturbed")
    shutil.copytree(workspace.root, other.root, ignore=shutil.ignore_patterns("*warehouse*"))
    other.run()
    assert workspace.content() == other.content()
    assert workspace.run() == set()


def _kill_some_of(project: Workspace, random: Random) -> None:
    """Run with eight workers, and kill the first process or one of its workers, at any time."""
    run = subprocess.Popen(
        [*project.command, "--workers", "8"],
        cwd=project.root,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with suppress(subprocess.TimeoutExpired):
        run.wait(timeout=random.uniform(0.5, 6))
    workers = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
    killed = random.choice([run.pid, *map(int, workers)])
    with suppress(ProcessLookupError):
        os.kill(killed, signal.SIGKILL)
    if killed == run.pid:
        run.wait()
    else:
        run.wait(timeout=120)
