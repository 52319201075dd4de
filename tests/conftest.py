"""What tests share: a project of their own, and projects that have been run already."""

import fcntl
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import luigi
import pytest
from examples import MATRIX
from hypothesis import settings
from projects import ROOT
from workspace import KILLER, Workspace, new_project

# pytest's flag --hypothesis-profile, which it reads later, can name another one.
settings.load_profile(MATRIX)

# Luigi has read the luigi.cfg of this checkout, whose settings are about the sample.
luigi.configuration.get_config().remove_section("benepass")


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """SIGINT interrupts, also where a shell started the tests in its background and ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A project with three employees, three accounts and five transactions."""
    return new_project(tmp_path / "project")


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A project after a run; made once, for copying only."""
    made = new_project(tmp_path_factory.mktemp("finished") / "project")
    made.run()
    return made


@pytest.fixture(scope="session")
def published_run(finished_run: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A project after it was published; made once, for copying only."""
    made = Workspace(tmp_path_factory.mktemp("published") / "project")
    shutil.copytree(finished_run.root, made.root)
    made.run("Publish")
    return made


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A project with the sample and its site; made once, to look at and for copying."""
    base = tmp_path_factory.getbasetemp()
    # The processes of a parallel run share it.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    made = Workspace(shared / "sample", {"min_group_size": "5"})
    with (shared / "sample.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made.site / "runs.js").exists():
            shutil.rmtree(made.root, ignore_errors=True)
            new_project(made.root)
            made.replace("luigi.cfg", "min_group_size = 1\n", "")
            for path in (ROOT / "data" / "sample").glob("*.csv"):
                shutil.copy(path, made.data / path.name)
            made.run("BuildSite")
    return made


@pytest.fixture
def published(workspace: Workspace, published_run: Workspace) -> None:
    """The project of the test has been published already."""
    workspace.become(published_run)


@pytest.fixture
def finished(workspace: Workspace, finished_run: Workspace) -> None:
    """The project of the test has been run already."""
    for name in ("warehouse.duckdb", ".warehouse.models.json"):
        shutil.copy2(finished_run.data / name, workspace.data / name)


@pytest.fixture(autouse=True)
def _closed_database() -> Iterator[None]:
    """Leave no database of the pipeline open behind a test."""
    yield
    from benepass_tasks.engine import session  # noqa: PLC0415

    session.close()


@pytest.fixture(scope="session")
def killer() -> str:
    """A program for `run_until_killed`: dies before statement "n", "commit n", or once "loaded"."""
    return KILLER
