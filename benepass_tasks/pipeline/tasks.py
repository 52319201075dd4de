"""The Luigi tasks: they only wire; what they do lives in modules that know no Luigi.

`LoadRaw` loads one file, and `LoadFiles` many small ones. Each table is a task of its own in its
layer's namespace (`marts.fact_transactions`), and `BuildStaging` to `BuildMarts` stand for whole
layers. The target of a task is its record in the warehouse, so a task is complete when the plan
says so.
"""

import atexit
import gc
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, ClassVar

import luigi

from benepass_tasks.config.errors import BenepassError, ProjectError
from benepass_tasks.config.project import Project, list_relations
from benepass_tasks.config.settings import current_settings
from benepass_tasks.pipeline import logs
from benepass_tasks.pipeline import scheduler as central_scheduler
from benepass_tasks.pipeline.scheduler import SchedulerUnreachable
from benepass_tasks.state.nodes import Kind

if TYPE_CHECKING:
    from benepass_tasks.pipeline.run import Pipeline
    from benepass_tasks.state.source_files import SourceFile

log = logging.getLogger(__name__)
logs.install()
central_scheduler.install()

_running: "list[Pipeline]" = []


def pipeline() -> "Pipeline":
    """The run of this process, which begins when it is first asked for.

    Luigi makes a task again and again from its parameters alone, in this process and in those that
    it forks. So the tasks find their run here, and nowhere else is anything of a run kept outside
    of what is passed down. A forked process has the run that it was forked with.

    Raises:
        ProjectError: a setting is wrong.
    """
    if not _running:
        # Luigi must know the tasks as soon as the package is imported, and a run needs DuckDB and
        # SQLAlchemy, which whoever only looks at the catalog does without.
        from benepass_tasks.pipeline.run import Pipeline  # noqa: PLC0415

        is_alone = luigi.interface.core().local_scheduler
        _running.append(Pipeline(current_settings(), is_alone=is_alone))
    return _running[0]


@atexit.register
def finish() -> None:
    """End the run of this process, if there is one."""
    if _running:
        _running.pop().finish()


# Of the many objects that a run makes few are garbage that Python must search for.
gc.set_threshold(50_000)
# Nor is there a point in a last search before everything is freed.
atexit.register(gc.disable)

WITHOUT_CONFIG = {"local_scheduler": "true", "no_lock": "true", "log_level": "INFO"}
"""What Luigi is told where no luigi.cfg is found."""

EXIT_CODES = {
    "already_running": "10",
    "missing_data": "20",
    "not_run": "25",
    "task_failed": "30",
    "scheduling_error": "35",
    "unhandled_exception": "40",
}
for _section, _values in (("core", WITHOUT_CONFIG), ("retcode", EXIT_CODES)):
    # Luigi itself would ask for a central scheduler, and end a failed run with 0.
    for _name, _value in _values.items():
        if not luigi.configuration.get_config().has_option(_section, _name):
            luigi.configuration.get_config().set(_section, _name, _value)

PROGRESS_EVERY = 2.0
"""Seconds between two words about how far a task is."""

# One task at a time writes: DuckDB's file has a single writer.
WRITER = {"duckdb_writer": 1}

# Reading elsewhere needs no warehouse; taking over what was read waits for the write lock.
READER: dict[str, int] = {}


class NodeTarget(luigi.Target):
    """The record of a node of the plan."""

    def __init__(self, node: str) -> None:
        """Point at a node: a file, a relation, or the books."""
        self.node = node

    def exists(self) -> bool:
        """Whether the record is there and says what would be built now."""
        return pipeline().ask(self.node)

    def __str__(self) -> str:
        """The node's name, for messages."""
        return self.node


def _worded(exception: BaseException) -> str:
    """What may be said of a failure: only our own errors never quote a value of the data."""
    if isinstance(exception, BenepassError):
        return str(exception)
    return f"{type(exception).__name__}; see the log of the run"


def _reason(exception: BaseException) -> str:
    return exception.reason if isinstance(exception, BenepassError) else _worded(exception)


class NodeTask(luigi.Task):
    """A task that makes one node of the plan."""

    resources = WRITER
    kind: ClassVar[Kind]

    @property
    def node(self) -> str:
        """The node's name in the plan."""
        raise NotImplementedError

    def output(self) -> NodeTarget | list[NodeTarget]:
        """The node's record."""
        return NodeTarget(self.node)

    def report(self, message: str, percentage: int = 100) -> None:
        """Show what was made so far, in the log and in the visualiser."""
        log.info("%s: %s", self.node, message, extra={"is_progress": True})
        self.tell_scheduler(message, percentage)

    def on_failure(self, exception: BaseException) -> str:
        """Keep the failure in the history of the run, and tell the scheduler."""
        from benepass_tasks.state.history.materializations import Failure  # noqa: PLC0415

        failures = [
            Failure(node, self.kind, _worded(why), _reason(why))
            for node, why in self.failures(exception).items()
        ]
        pipeline().record_failures(failures)
        return _worded(exception)

    def failures(self, exception: BaseException) -> Mapping[str, BaseException]:
        """What could not be made because of an exception, by node, and why."""
        return {self.node: exception}

    def tell_scheduler(self, message: str, percentage: int = 100) -> None:
        """Show a message and how far the task is behind its icon in the visualiser."""
        _tell_scheduler(self, message, percentage)


def _tell_scheduler(task: luigi.Task, message: str, percentage: int = 100) -> None:
    if task.set_status_message and task.set_progress_percentage:
        # A word that does not get through undoes no work; the run ends with its next call.
        with suppress(SchedulerUnreachable):
            task.set_status_message(message)
            task.set_progress_percentage(percentage)


class LoadRaw(NodeTask):
    """Load one file of a source into its raw table."""

    kind = "source file"

    source = luigi.Parameter(description="name of the source in catalog.yaml")
    file = luigi.Parameter(description="the file's path below the data folder")

    @property
    def node(self) -> str:
        """The file's name in the plan."""
        return f"{self.source}/{self.file}"

    @property
    def priority(self) -> int:  # type: ignore[override]
        """A new file comes before one that has changed: it may have what that lacks now."""
        return int(pipeline().is_new(self.node))

    def run(self) -> None:
        """Load the file."""
        begun = told = time.monotonic()

        def on_progress(share: float) -> None:
            nonlocal told
            now, is_read = time.monotonic(), share == 1
            if now - (begun if is_read else told) >= PROGRESS_EVERY:
                told = now
                what = "; writing it into raw" if is_read else ""
                # Reading a file is about half of loading it.
                self.report(f"{share:.0%} of the file is read{what}", int(share * 50))

        self.report(pipeline().make(self.node, on_progress))


def _failures(files: Sequence[str], exception: BaseException) -> Mapping[str, BaseException]:
    """Why files could not be loaded; all that are not, where it is not for one of them."""
    of_files: Mapping[str, BaseException] | None = getattr(exception, "failures", None)
    if of_files is not None:
        return of_files
    return {it: exception for it in files if not pipeline().ask(it)}


class LoadFiles(NodeTask):
    """Load many small files of a source into its raw table, together."""

    kind = "source file"

    source = luigi.Parameter(description="name of the source in catalog.yaml")
    first = luigi.Parameter(description="the first file's path below the data folder")
    last = luigi.Parameter(description="the last one's, in the order of their names")

    @property
    def node(self) -> str:
        """What the files are called together."""
        return f"{self.source}/{self.first} to {self.last}"

    @property
    def files(self) -> list[str]:
        """The names of the files in the plan."""
        return pipeline().small_files(self.source, self.first, self.last)

    def output(self) -> list[NodeTarget]:
        """The record of each file."""
        return [NodeTarget(it) for it in self.files]

    def run(self) -> None:
        """Load what is not loaded yet."""
        self.report(pipeline().load_small_files(self.files))

    def failures(self, exception: BaseException) -> Mapping[str, BaseException]:
        """The files that could not be loaded."""
        return _failures(self.files, exception)


class Extract(NodeTask):
    """Read a database or an API, and write what is new of it into files."""

    kind = "extract"
    resources = READER

    place = luigi.Parameter(description="variable with the database's address, or the API's source")

    @property
    def node(self) -> str:
        """Its name in the plan."""
        return f"extract/{self.place}"

    def run(self) -> None:
        """Read it."""
        self.report(pipeline().extract(self.node))


class LoadExtracts(NodeTask):
    """Load what was read of a source and is not loaded yet."""

    kind = "source file"

    source = luigi.Parameter(description="name of the source in catalog.yaml")

    @property
    def node(self) -> str:
        """What the files are called together."""
        return f"{self.source}/extracts"

    def requires(self) -> Iterable[luigi.Task]:
        """What is read in this run."""
        return [Extract(place=pipeline().place_of(self.source))]

    def output(self) -> list[NodeTarget]:
        """The record of the reading, and that of each file."""
        read = f"extract/{pipeline().place_of(self.source)}"
        return [NodeTarget(it) for it in (read, *pipeline().extracts_of(self.source))]

    def run(self) -> None:
        """Load it."""
        self.report(pipeline().load_extracts(self.source))

    def failures(self, exception: BaseException) -> Mapping[str, BaseException]:
        """The files that could not be loaded."""
        return _failures(pipeline().extracts_of(self.source), exception)


class TableTask(NodeTask):
    """Build one table or view of the catalog."""

    kind = "relation"
    relation: ClassVar[str]

    @property
    def node(self) -> str:
        """The table's name."""
        return self.relation

    def requires(self) -> Iterable[luigi.Task]:
        """What the table is made of: a raw table of its files, a model of what its SQL reads."""
        return [
            _loading(it) if not isinstance(it, str) else _making(it)
            for it in pipeline().inputs_of(self.relation)
        ]

    def run(self) -> None:
        """Build the table."""
        self.report(pipeline().make(self.relation))


def _making(name: str) -> luigi.Task:
    return table_task(name)() if "." in name else LoadExtracts(source=name)


def _loading(files: Sequence["SourceFile"]) -> luigi.Task:
    first, last = files[0], files[-1]
    if len(files) == 1:
        return LoadRaw(source=first.source, file=first.name)
    return LoadFiles(source=first.source, first=first.name, last=last.name)


class LayerTask(luigi.WrapperTask):
    """All tables of a layer."""

    layer: ClassVar[str]

    def requires(self) -> Iterable[luigi.Task]:
        """The layer's tables."""
        return [table_task(relation)() for relation in pipeline().relations_in(self.layer)]

    def run(self) -> None:
        """Say that all are there."""
        _tell_scheduler(self, f"{len(pipeline().relations_in(self.layer))} tables")


class BuildStaging(LayerTask):
    """Build the staging layer."""

    layer = "staging"


class BuildIntermediate(LayerTask):
    """Build the intermediate layer."""

    layer = "intermediate"


class BuildQuality(LayerTask):
    """Build the quality layer: issues and quarantine."""

    layer = "quality"


class BuildMarts(NodeTask):
    """Build every mart and the quality layer, and prove that the books balance."""

    kind = "reconciliation"
    node = "books"

    def requires(self) -> Iterable[luigi.Task]:
        """Every mart and raw table, and the layers between as wholes."""
        tables = [*pipeline().relations_in("raw"), *pipeline().relations_in("marts")]
        layers = [BuildStaging(), BuildIntermediate(), BuildQuality()]
        return [*layers, *(table_task(relation)() for relation in tables)]

    def run(self) -> None:
        """Balance the books and show what became of the records."""
        log.info("%s", pipeline().make(self.node))
        self.tell_scheduler(pipeline().totals())


class CheckContracts(NodeTask):
    """Test what the tables promise in the catalog."""

    kind = "data tests"
    node = "contracts"

    def requires(self) -> Iterable[luigi.Task]:
        """Every table, and the proof."""
        return [BuildMarts()]

    def run(self) -> None:
        """Run the tests that are not known to pass, and show what does not."""
        outcome = pipeline().make(self.node)
        log.info("%s", outcome)
        self.tell_scheduler(outcome)


class Publish(NodeTask):
    """Publish a DuckDB file and Parquet files for analysts, without personal data."""

    kind = "publication"
    node = "published"

    def requires(self) -> Iterable[luigi.Task]:
        """Everything built, proven and tested, unless it may not be published anyway."""
        pipeline().refuse_unmasked()
        return [CheckContracts()]

    def run(self) -> None:
        """Publish, and say what."""
        outcome = pipeline().make(self.node)
        log.info("%s", outcome)
        self.tell_scheduler(outcome)


class BuildSite(NodeTask):
    """Write the pages for those who write no SQL, from what is published."""

    kind = "site"
    node = "site"

    def requires(self) -> Iterable[luigi.Task]:
        """What the pages show."""
        return [Publish()]

    def run(self) -> None:
        """Write the pages, and say where."""
        outcome = pipeline().make(self.node)
        log.info("%s", outcome)
        self.tell_scheduler(outcome)


@luigi.Task.event_handler(luigi.Event.START)
def _make_way(task: luigi.Task) -> None:
    if _running and not isinstance(task, NodeTask | LayerTask):
        pipeline().make_way()


@luigi.Task.event_handler(luigi.Event.BROKEN_TASK)
def _remember_broken(task: luigi.Task, exception: BaseException) -> None:
    _note_broken(f"{task.task_family}: {_worded(exception)}")


@luigi.Task.event_handler(luigi.Event.PROCESS_FAILURE)
def _remember_killed(task: luigi.Task, _message: str) -> None:
    # Such as by the operating system, for want of memory.
    _note_broken(f"{task.task_family}: its process was gone before it was done")


def _note_broken(what: str) -> None:
    # Where a setting is wrong there is no run, nor a warehouse to write that into.
    for running in _running:
        running.run.broken.append(what)


@cache
def table_task(relation: str) -> type[TableTask]:
    """Return the task class of a table, in its layer's namespace."""
    layer, _, name = relation.partition(".")
    task = type(
        name,
        (TableTask,),
        {
            "relation": relation,
            "task_namespace": layer,
            "__module__": __name__,
            "__qualname__": f"{layer}__{name}",
            "__doc__": f"Build {relation}.",
        },
    )
    globals()[f"{layer}__{name}"] = task
    return task


def _declared_relations() -> list[str]:
    try:
        project = Project(current_settings().project_dir)
    except ProjectError:
        return []
    return list_relations(project)


# Luigi's command line knows a task by its class: name them all, without reading them yet.
for _relation in _declared_relations():
    table_task(_relation)
