"""What the tasks delegate to: asking for nodes, making them, and the end of a run."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date

import duckdb
from sqlalchemy.exc import DBAPIError

from benepass_tasks.catalog.datasets import Retention
from benepass_tasks.config.errors import (
    BenepassError,
    LaterWarehouseError,
    OutdatedWarehouseError,
    OwnershipError,
    ProjectError,
    WarehouseError,
)
from benepass_tasks.config.settings import Settings, current_settings
from benepass_tasks.engine import session
from benepass_tasks.engine.compaction import compact_where_it_pays
from benepass_tasks.engine.failures import explain
from benepass_tasks.pipeline.backfill import Progress, Span, backfill, tables_with_months
from benepass_tasks.pipeline.branches.head import at_parents_head
from benepass_tasks.pipeline.closing import close_run
from benepass_tasks.pipeline.extracting import extract
from benepass_tasks.pipeline.loading import FilesError, load_small_files, together
from benepass_tasks.pipeline.making import make
from benepass_tasks.pipeline.nodes import nodes_of
from benepass_tasks.pipeline.nodes.publication import PublicationNode, refuse
from benepass_tasks.pipeline.nodes.reconciliation import ReconciliationNode
from benepass_tasks.pipeline.nodes.source_file import FIRST_LOAD, SourceFileNode
from benepass_tasks.pipeline.outlook import Planned, planned
from benepass_tasks.pipeline.verification import tables_to_verify, verify
from benepass_tasks.quality.alerts import Present, alert, run_failed
from benepass_tasks.quality.quarantine import is_quarantine
from benepass_tasks.site import tell_end
from benepass_tasks.state.erasures import job_file
from benepass_tasks.state.history import runs
from benepass_tasks.state.history.materializations import Failure, record_failed
from benepass_tasks.state.plan import OnProgress, Plan
from benepass_tasks.state.run import Run
from benepass_tasks.state.source_files import SourceFile
from benepass_tasks.state.verifications import Verdict

log = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds that the history of a run waits for the warehouse at most."""


@contextmanager
def safe_to_show() -> Iterator[None]:
    """Word a failure of the database so that it quotes no value of the data."""
    try:
        yield
    except (DBAPIError, duckdb.Error) as error:
        raise WarehouseError(f"the warehouse cannot be used: {explain(error)}") from None
    except OSError as error:
        raise ProjectError(
            f"{error.filename} cannot be read or written: {error.strerror}"
        ) from error


class Pipeline:
    """A run as Luigi drives it."""

    def __init__(self, settings: Settings, *, is_alone: bool = True) -> None:
        """Begin a run; it is written down as soon as it has something to do."""
        self.run = Run(at_parents_head(settings), nodes_of, is_alone)
        self._is_refused = False
        self._is_idle = True
        self._has_looked_for_people = False

    @safe_to_show()
    def ask(self, node: str) -> bool:
        """Whether a node is up to date that the run is for; a file that is gone is not."""
        run = self.run
        run.asked.add(node)
        if not run.is_alone:
            # Another machine may have made it meanwhile.
            run.warehouse.refresh()
        is_current = False
        try:
            status = self._plan().get(node)
            is_current = status is not None and status.is_current
        finally:
            # How it ended is written also of a run that cannot begin.
            if not is_current:
                session.import_dialect()
        if not is_current:
            self._is_idle = False
            run.waiting.add(node)
            # Before there are workers, which work one after another: it is on for as long as any.
            runs.go_on(run.beacon)
        return is_current

    def _plan(self) -> Plan:
        """The plan; no history is written of a run that is refused by what belongs to another."""
        try:
            self._finish_erasure()
            self._upgrade()
            if not self._has_looked_for_people:
                self._has_looked_for_people = True
                self._anonymise_in_time()
                self._anonymise_charges()
            return self.run.plan()
        except (LaterWarehouseError, OwnershipError):
            self._is_refused = True
            raise

    def _finish_erasure(self) -> None:
        """Finish an erasure whose process ended, before anything else."""
        if job_file(self.run.warehouse.path).exists():
            from benepass_tasks.pipeline.erasure.erase import finish_pending  # noqa: PLC0415 - rare

            for it in finish_pending(self.run.settings, log.info):
                for problem in it.problems:
                    log.error("the erasure that began before: %s", problem)

    def _anonymise_in_time(self) -> None:
        """Erase the people who are past their retention."""
        if any(it.then == "anonymise" for it in _retentions(self.run)):
            from benepass_tasks.pipeline.retaining import anonymise_in_time  # noqa: PLC0415 - rare

            anonymise_in_time(self.run, log.info)

    def _anonymise_charges(self, *, are_judged: bool = False) -> None:
        """Anonymise charges that are past their retention, as far as it is known what they became.

        Where all tables are up to date, what follows is built here; otherwise the run does.
        """
        if any(it.anonymises_charges for it in self.run.definitions.catalog.sources.values()):
            from benepass_tasks.pipeline import anonymising  # noqa: PLC0415 - rare

            does = anonymising.settle_charges if are_judged else anonymising.anonymise_charges
            does(self.run, log.info)

    def _upgrade(self) -> None:
        """Bring a warehouse of an earlier release up to date."""
        try:
            self.run.plan()
        except OutdatedWarehouseError:
            session.import_dialect()
            with self.run.warehouse.write():
                log.info("%s: upgraded from an earlier release", self.run.settings.warehouse)

    @safe_to_show()
    def make(self, node: str, on_progress: OnProgress = lambda _: None) -> str:
        """Make a node from inputs that are up to date; returns what to say about it."""
        if node == ReconciliationNode.name:
            # The books are of what is left of charges then, and so is what is published.
            self._anonymise_charges(are_judged=True)
        if node == PublicationNode.name:
            # Whom this run has loaded may be past their retention, too.
            self._anonymise_in_time()
        return make(self.run, node, on_progress)

    @safe_to_show()
    def load_small_files(self, names: Sequence[str]) -> str:
        """Load small files of one source together; returns what to say about it."""
        return load_small_files(self.run, names)

    @safe_to_show()
    def extract(self, node: str) -> str:
        """Read a database or an API; returns what to say about it."""
        return extract(self.run, node)

    def is_new(self, node: str) -> bool:
        """Whether a file was never loaded."""
        status = self._plan().get(node)
        return status is not None and status.reason == FIRST_LOAD

    def inputs_of(self, node: str) -> list[Sequence[SourceFile] | str]:
        """What a table is made of: files, as they are loaded together, tables, or extracts.

        Tables are named by layer and name, and extracts by their source.
        """
        nodes = self.run.nodes()
        inputs = [nodes[name] for name in nodes[node].inputs]
        files = [it for it in inputs if isinstance(it, SourceFileNode)]
        arrive = [it for it in files if it.source.extract is None]
        read = dict.fromkeys(it.source.name for it in files if it.source.extract is not None)
        tables = [it.name for it in inputs if not isinstance(it, SourceFileNode)]
        return [*([it.file for it in group] for group in together(arrive)), *read, *tables]

    def place_of(self, source: str) -> str:
        """What a source that is no file is read from."""
        extract = self.run.definitions.catalog.sources[source].extract
        if extract is None:
            raise ProjectError(f"{source} is not a database or API; its files load as they come")
        return extract.place(source)

    def extracts_of(self, source: str) -> list[str]:
        """The nodes of the extracts of a source that there are now."""
        return [it.name for it in self._extracts_of(source)]

    def _extracts_of(self, source: str) -> list[SourceFileNode]:
        files = (it for it in self.run.nodes().values() if isinstance(it, SourceFileNode))
        return [it for it in files if it.source.name == source]

    def load_extracts(self, source: str) -> str:
        """Load the extracts of a source that are not loaded yet; returns what to say about it.

        Raises:
            FilesError: some cannot be loaded; the others are.
        """
        files, said, failures = self._extracts_of(source), list[str](), dict[str, BenepassError]()
        for group in together(files):
            late = [it.name for it in group if not self.ask(it.name)]
            try:
                if late:
                    said.append(self._load_group([it.name for it in group]))
            except FilesError as error:
                failures |= error.failures
            except BenepassError as error:
                failures |= dict.fromkeys(late, error)
        if failures:
            raise FilesError(failures, len(files))
        return "; ".join(said) or "up to date"

    def _load_group(self, names: Sequence[str]) -> str:
        """Load files of a source together, or the one by itself."""
        return self.load_small_files(names) if len(names) > 1 else self.make(names[0])

    def small_files(self, source: str, first: str, last: str) -> list[str]:
        """The nodes of the small files of a source whose names lie between two."""
        return [
            it.name
            for it in self.run.nodes().values()
            if isinstance(it, SourceFileNode)
            and it.source.name == source
            and first <= it.file.name <= last
            and it.is_small
        ]

    def relations_in(self, layer: str) -> list[str]:
        """The tables that the catalog declares for a layer."""
        tables = self.run.definitions.catalog.tables.values()
        return [table.relation for table in tables if table.layer == layer]

    def totals(self) -> str:
        """What became of the records of all files, in one line."""
        known = self.run.known()
        records = sum(load.records - load.gone for load in known.loads.values())
        rejected = sum(load.rejected for load in known.loads.values())
        quarantined = sum(
            it.row_count or 0 for name, it in known.materializations.items() if is_quarantine(name)
        )
        sources = self.run.definitions.catalog.sources.values()
        tables = {it.reconciliation.uncounted for it in sources if it.reconciliation}
        uncounted = sum(
            it.row_count or 0 for name, it in known.materializations.items() if name in tables
        )
        accepted = records - quarantined - rejected - uncounted
        no_spend = f", {uncounted:,} uncounted" if uncounted else ""
        return (
            f"the books balance: {records:,} records, {accepted:,} accepted, "
            f"{quarantined:,} quarantined, {rejected:,} rejected{no_spend}"
        )

    def refuse_unmasked(self) -> None:
        """Stop before anything is published of a warehouse whose personal data is not masked.

        Raises:
            PublicationError: nothing is masked, and this warehouse is not named as an exception.
        """
        if not self.run.settings.may_publish:
            refuse(self.run.settings)

    def record_failures(self, failures: Sequence[Failure]) -> None:
        """Write that this run could not make some nodes."""
        # What the node is needed for is not made either.
        self.run.waiting.clear()
        with (
            _complaining("the history could not record that this task failed"),
            self.run.write_lock(failures[0].node, PATIENCE) as warehouse,
            warehouse.write() as connection,
        ):
            for failure in failures:
                record_failed(connection, self.run.id, failure)

    def finish(self) -> None:
        """Write how this run ended, and tell what is wrong."""
        run = self.run
        if self._is_refused:
            # The task has said why; the history and the pages are those of another.
            alert(None, run.settings, run.id, None, [run_failed(run.id, "; ".join(run.broken))])
            session.close()
            return
        run.warehouse = run.warehouse.waiting(PATIENCE)
        with _complaining("how this run ended is not given back"), ExitStack() as stack:
            with _complaining("the warehouse cannot be had for how this run ended"):
                stack.enter_context(run.warehouse.kept())
            self._end(run)
        # DuckDB's objects should be gone before Python's are.
        session.close()

    def _end(self, run: Run) -> None:
        is_kept, present = False, _present(run)
        with _complaining("how this run ended is not in the history"):
            if run.warehouse.exists():
                close_run(run)
                is_kept = True
        with _complaining("what is past its retention left bytes in the warehouse"):
            if not run.broken and (_retentions(run) or run.settings.keep_rejected):
                from benepass_tasks.pipeline import retaining  # noqa: PLC0415 - rare

                if retaining.has_remains(run):
                    retaining.remove_remains(run, log.info)
        with _complaining("the file of the warehouse stays as large as it is"):
            if is_kept and not self._is_idle:
                compact_where_it_pays(run.warehouse)
        unknown = [] if is_kept or not run.broken else [run_failed(run.id, "; ".join(run.broken))]
        alert(run.warehouse, run.settings, run.id, present, unknown)
        with _complaining("the site could not record that this run has ended"):
            tell_end(run.warehouse, run.settings)

    def make_way(self) -> None:
        """Let go of the warehouse for a task of somebody else, which may want it for long."""
        session.let_go()


def _retentions(run: Run) -> list[Retention]:
    """What the catalog declares of how long records are kept."""
    return [it.retention for it in run.definitions.catalog.sources.values() if it.retention]


def _present(run: Run) -> Present | None:
    """What exists at the end of a run; None where the project cannot be read, as was told."""
    try:
        return Present(run.nodes().keys(), run.definitions.catalog)
    except (ProjectError, WarehouseError):
        return None


@safe_to_show()
def current_plan() -> Plan:
    """What the next run would find up to date and what not, without the parts of nodes.

    Raises:
        ProjectError: a setting is wrong, or the project is invalid.
    """
    run = Run(at_parents_head(current_settings()), nodes_of)
    plan = run.plan()
    return {name: plan[name] for name in run.nodes()}


@safe_to_show()
def planned_run() -> Mapping[str, Planned]:
    """The same, with how tables would be made and what is known of what that would cost."""
    return planned(Run(at_parents_head(current_settings()), nodes_of))


@safe_to_show()
def limits_reached() -> list[str]:
    """What the next run deletes of what is no record of a source, in words."""
    from benepass_tasks.pipeline.retaining import others_foreseen  # noqa: PLC0415 - imports pyarrow

    run = Run(at_parents_head(current_settings()), nodes_of)
    return [str(it) for it in others_foreseen(run) if it.due]


@safe_to_show()
def verify_tables(wanted: Sequence[str]) -> list[Verdict]:
    """Compare tables with full builds of them, which take their place where they differ.

    Args:
        wanted: The tables; none for all that are up to date.

    Raises:
        ProjectError: one of them is not a table that can be compared.
    """
    run = Run(replace(current_settings(), verify_every=None, extract=False), nodes_of)
    session.import_dialect()
    tables = tables_to_verify(run, wanted)
    unknown = sorted(set(wanted) - {it.name for it in tables})
    if unknown:
        raise ProjectError(
            f"{', '.join(unknown)}: no table of the project that is up to date; "
            "`benepass plan --all` says which are"
        )
    try:
        with run.warehouse.kept():
            try:
                # What reads a table that was put right is not up to date any more.
                return [verify(run, it) for it in tables if run.plan()[it.name].is_current]
            finally:
                if run.asked:
                    close_run(run)
                _tell(run)
    finally:
        session.close()


def backfill_tables(wanted: Sequence[str], first: date, last: date) -> Iterator[Progress]:
    """Build months of tables anew.

    Args:
        wanted: The tables; none for all that have months.
        first: The first day of the first month.
        last: That of the last one.

    Yields:
        Each month that is done.

    Raises:
        ProjectError: one of the tables has no months.
    """
    settings = replace(current_settings(), verify_every=None, force=frozenset(), extract=False)
    run = Run(settings, nodes_of)
    session.import_dialect()
    with safe_to_show():
        tables = tables_with_months(run, wanted)
    try:
        with run.warehouse.kept():
            try:
                with safe_to_show():
                    yield from backfill(run, tables, Span(first, last))
            finally:
                if run.warehouse.exists():
                    close_run(run)
                _tell(run)
    finally:
        session.close()


def _tell(run: Run) -> None:
    """Tell what is wrong now, and the pages with it."""
    alert(run.warehouse, run.settings, run.id, _present(run))
    with _complaining("the site does not know what was found"):
        tell_end(run.warehouse, run.settings)


@contextmanager
def _complaining(what: str) -> Iterator[None]:
    """Say that something cannot be kept, where that must not hide what the run itself says."""
    try:
        with safe_to_show():
            yield
    except BenepassError as error:
        log.warning("%s: %s", what, error)
