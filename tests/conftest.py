"""What tests share: a project of their own, and projects that have been run already."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import luigi
import pytest
from examples import MATRIX
from hypothesis import settings
from people_alone import people_alone
from projects import ROOT, ReadOnce
from workspace import KILLER, RUNS_BY_DAY, MadeOnce, Workspace, new_project

if TYPE_CHECKING:
    from sqlalchemy import Engine

# pytest's flag --hypothesis-profile, which it reads later, can name another one.
settings.load_profile(MATRIX)

# Luigi has read the luigi.cfg of this checkout, whose settings are about the sample.
luigi.configuration.get_config().remove_section("benepass")


LONG = 40
"""Bytes of a case that its name may show."""

# Says what `vega.MAKE` says, which takes more than a second, and keeps it for whoever asks next.
CHARTS = """\
import os, pathlib, sys, tempfile
kept = pathlib.Path({kept!r})
if not kept.exists():
    import vl_convert
    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    made = pathlib.Path(tempfile.mkdtemp(dir=kept.parent), "made")
    made.write_text(script, encoding="utf-8")
    os.replace(made, kept)
sys.stdout.buffer.write(kept.read_bytes())
"""


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case in all processes alike: files that a test packs hold the time at which it did."""
    return argname if isinstance(val, bytes) and len(val) > LONG else None


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
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """Makes a project in a folder that all processes of a parallel run share."""
    base = tmp_path_factory.getbasetemp()
    return MadeOnce(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


@pytest.fixture(scope="session", autouse=True)
def _charts_made_once(made_once: MadeOnce) -> Iterator[None]:
    """Make the script of the charts once for all sites that tests make in their own process."""
    from benepass_tasks.site import vega  # noqa: PLC0415

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vega, "MAKE", CHARTS.format(kept=str(made_once.folder / "charts.js")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _definitions_read_once() -> Iterator[None]:
    """Read the definitions of a project once, whatever the folder, the runs and the commands."""
    from benepass_tasks.sqlmodels import effective  # noqa: PLC0415 - DuckDB
    from benepass_tasks.state import run  # noqa: PLC0415

    once = ReadOnce(effective.read_definitions)
    with pytest.MonkeyPatch.context() as patch:
        for module in (effective, run):
            patch.setattr(module, "read_definitions", once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _statements_compiled_once() -> Iterator[None]:
    """Have one engine, whatever the warehouse: it compiles each statement once.

    Its DuckDB is another one each time that the pipeline has closed it.
    """
    from benepass_tasks.engine import dialect  # noqa: PLC0415

    @cache
    def engine_of(config: tuple[tuple[str, Any], ...]) -> "Engine":
        return made(dict(config))

    made = dialect.create_memory_engine
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dialect, "create_memory_engine", lambda it: engine_of(tuple(it.items())))
        yield


@pytest.fixture(scope="session")
def empty_warehouse(made_once: MadeOnce) -> Path:
    """A warehouse with the tables of `meta` and no row in them, for copying only."""
    from warehouses import warehouse  # noqa: PLC0415 - DuckDB

    from benepass_tasks.engine import session  # noqa: PLC0415 - DuckDB

    def make(folder: Path) -> None:
        folder.mkdir()
        with warehouse(folder).write():
            pass
        session.close()

    return made_once("empty", make) / "w.duckdb"


@pytest.fixture(scope="session")
def finished_run(made_once: MadeOnce) -> Workspace:
    """A project after a run, for copying only."""
    return Workspace(made_once("finished", lambda root: new_project(root).run()))


@pytest.fixture(scope="session")
def people_run(made_once: MadeOnce) -> Workspace:
    """A project of the employees alone after a run, for copying only."""
    return Workspace(made_once("people", lambda root: people_alone(root).run()))


@pytest.fixture
def people(tmp_path: Path, people_run: Workspace) -> Workspace:
    """A project of the employees alone that has been run, for what is not about the models."""
    return people_run.copied(tmp_path / "people")


@pytest.fixture
def new_people(people: Workspace) -> Workspace:
    """The same before its first run."""
    people.warehouse.unlink()
    return people


@pytest.fixture(scope="session")
def tested_run(finished_run: Workspace, made_once: MadeOnce) -> Workspace:
    """The same after its data tests, for copying only."""
    return Workspace(made_once("tested", lambda it: finished_run.copied(it).run("CheckContracts")))


@pytest.fixture(scope="session")
def published_run(finished_run: Workspace, made_once: MadeOnce) -> Workspace:
    """The same after it was published, for copying only."""
    return Workspace(made_once("published", lambda it: finished_run.copied(it).run("Publish")))


@pytest.fixture(scope="session")
def sample_run(made_once: MadeOnce) -> Workspace:
    """A project with the sample and its site, to look at and for copying."""
    settings = {"min_group_size": "5"}

    def make(root: Path) -> None:
        made = Workspace(new_project(root).root, settings)
        made.replace("luigi.cfg", "min_group_size = 1\n", "")
        for path in (ROOT / "data" / "sample").glob("*.csv"):
            shutil.copy(path, made.data / path.name)
        made.run("BuildSite")

    return Workspace(made_once("sample", make), settings)


@pytest.fixture
def published(workspace: Workspace, published_run: Workspace) -> None:
    """The project of the test has been published already."""
    workspace.become(published_run)


@pytest.fixture
def finished(workspace: Workspace, finished_run: Workspace) -> None:
    """The project of the test has been run already."""
    workspace.take_over(finished_run)


@pytest.fixture
def tested(workspace: Workspace, tested_run: Workspace) -> None:
    """The project of the test has been run and tested already."""
    workspace.take_over(tested_run)


@pytest.fixture(autouse=True)
def _few_runs(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test of the matrix makes few runs of a project, or says why not by its marker."""
    made = list[str]()

    def noted(name: str) -> Callable[..., object]:
        makes = getattr(Workspace, name)
        return lambda *args, **kwargs: made.append(name) or makes(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        for name in ("attempt", "run_command", "run_until_killed"):
            patch.setattr(Workspace, name, noted(name))
        yield
    may_be_many = {"slow", "nightly"} & {it.name for it in request.node.iter_markers()}
    assert may_be_many or len(made) <= RUNS_BY_DAY, (
        f"it makes {len(made)} runs of a project, and a test of the matrix at most {RUNS_BY_DAY}: "
        "make fewer, or mark it nightly; slow, if nothing cheaper shows what it shows"
    )


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
