"""A run on the project, settings and warehouse that are current: what the tasks delegate to."""

import gc
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from types import ModuleType

import duckdb
from sqlalchemy.exc import DBAPIError

from benepass_tasks.catalog import Catalog
from benepass_tasks.config.errors import (
    BenepassError,
    OutdatedWarehouseError,
    ProjectError,
    PublicationError,
    SourceError,
    WarehouseError,
)
from benepass_tasks.config.hash_key import PADS, missing_hash_key
from benepass_tasks.config.project import Project, open_project
from benepass_tasks.config.settings import Settings, current_settings
from benepass_tasks.engine import session
from benepass_tasks.engine.failures import explain
from benepass_tasks.engine.nodes import BOOKS, CONTRACTS, PUBLISHED, SITE
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.ingestion.raw_tables import after_load, complete_raw
from benepass_tasks.pipeline.build import Order, build_model
from benepass_tasks.pipeline.closing import Aim, close_run
from benepass_tasks.quality.alerts import alert, run_failed
from benepass_tasks.quality.quarantine import is_quarantine
from benepass_tasks.site import files_of_site, site_code_version, tell_end
from benepass_tasks.sqlmodels import ModelGraph
from benepass_tasks.sqlmodels.effective import read_definitions
from benepass_tasks.sqlmodels.privacy import require_proof
from benepass_tasks.state.history import runs
from benepass_tasks.state.history.materializations import record_failed
from benepass_tasks.state.markers import Snapshot, read_snapshot
from benepass_tasks.state.ownership import refuse_other_project
from benepass_tasks.state.plan import REJECTED, Plan, SiteFiles, Situation, assess, leftovers
from benepass_tasks.state.publication import Publication, published_files
from benepass_tasks.state.source_files import SourceFile, find_files
from benepass_tasks.state.this_run import run_id, this_run

log = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds that the history of a run waits for the warehouse at most."""


@contextmanager
def _safe_to_show() -> Iterator[None]:
    """Word a failure of the database so that it quotes no value of the data."""
    try:
        yield
    except (DBAPIError, duckdb.Error) as error:
        raise WarehouseError(f"the warehouse cannot be used: {explain(error)}") from None
    except OSError as error:
        raise ProjectError(
            f"{error.filename} cannot be read or written: {error.strerror}"
        ) from error


@_safe_to_show()
def ask(node: str) -> bool:
    """Whether a node is up to date that this run is for: a file, a table, the books and the like.

    A file that is gone is not.
    """
    # Luigi's command line is no longer known when a run is closed.
    settings = _settings[run_id()] = current_settings()
    this_run().asked.add(node)
    is_current = False
    try:
        status = _plan_of_upgraded(settings).get(node)
        is_current = status is not None and status.is_current
    finally:
        # How it ended is written also of a run that cannot begin.
        if not is_current:
            session.import_dialect()
    if not is_current:
        this_run().waiting.add(node)
        # Before there are workers, which work one after another: it is on for as long as any is.
        runs.go_on(Warehouse.of(settings))
    return is_current


def files_of(relation: str) -> Sequence[SourceFile]:
    """The files whose records a raw table holds; none for any other table."""
    settings = current_settings()
    catalog, _ = _definitions_of(settings)
    sources = [
        source
        for source in catalog.sources.values()
        if relation in (REJECTED, catalog.raw_table_of(source.name).relation)
    ]
    return [file for source in sources for file in find_files(source, settings.data_dir)]


def references_of(relation: str) -> tuple[str, ...]:
    """The tables that a model's SQL reads."""
    _, graph = _definitions_of(current_settings())
    return graph.models[relation].references


def relations_in(layer: str) -> list[str]:
    """The tables that the catalog declares for a layer."""
    catalog, _ = _definitions_of(current_settings())
    return [table.relation for table in catalog.tables.values() if table.layer == layer]


@contextmanager
def _turn(settings: Settings, node: str) -> Iterator[Warehouse]:
    """The warehouse, while it is this run's turn to work on it, for the sake of a node."""
    warehouse = Warehouse.of(settings)
    with warehouse.exclusive(lambda: this_run().goes_on_after(node)):
        runs.begin(warehouse, settings)
        yield warehouse


@_safe_to_show()
def load(source: str, file: str, tell: Callable[[float], None]) -> str:
    """Load a file into raw, telling how much of it is read; returns what to say about it."""
    loading = _import_loading()
    settings = current_settings()
    catalog, _ = _definitions_of(settings)
    node = f"{source}/{file}"
    with _turn(settings, node) as warehouse:
        status = _plan_of(settings).get(node)
        if status is not None and status.is_current:
            return "up to date"
        found = SourceFile(source, file, settings.data_dir / file)
        table, known = catalog.raw_table_of(source), _snapshot(warehouse)
        reason = status.reason if status else None
        order = loading.LoadOrder(catalog.sources[source], table, found, known, reason)
        try:
            done = loading.load_file(warehouse, order, tell)
        except OSError as error:
            raise SourceError(f"{source}: {file} cannot be loaded: {error.strerror}") from error
        _remember(warehouse, after_load(known, table, done))
    return f"{done.parsed:,} rows, {done.rejected:,} rejected, {done.seconds:.2f} s"


@_safe_to_show()
def build(relation: str) -> str:
    """Build a table from inputs that are up to date; returns what to say about it."""
    settings = current_settings()
    catalog, graph = _definitions_of(settings)
    with _turn(settings, relation) as warehouse:
        status = _plan_of(settings)[relation]
        if status.is_current:
            return "up to date: its inputs have the same rows as before"
        table, known = catalog.tables[relation], _snapshot(warehouse)
        gone = frozenset[str]()
        if relation in graph.models:
            model, present = graph.models[relation], known.relations.get(relation)
            macros = tuple(graph.macros_of(model))
            record = build_model(warehouse, Order(model, macros, table, status, present))
        else:
            there = {file.name for file in files_of(relation)}
            gone = frozenset(known.loads_of(table.source or "")) - there
            record = complete_raw(warehouse, table, gone, status)
        if not gone:
            _remember(warehouse, known.with_built(record, table.materialized))
    what = "rows quarantined" if is_quarantine(relation) else "rows"
    rows = "view" if record.row_count is None else f"{record.row_count:,} {what}"
    return f"{rows}, {record.seconds:.2f} s"


@_safe_to_show()
def balance() -> str:
    """Prove that the books balance; returns the table that ends a run."""
    from benepass_tasks.quality import reconciliation as books  # noqa: PLC0415

    settings = current_settings()
    with _turn(settings, BOOKS) as warehouse:
        status = _plan_of(settings)[BOOKS]
        if status.is_current:
            return "The books balance: proven by another run."
        catalog, _ = _definitions_of(settings)
        project = open_project(settings.project_dir)
        return books.balance(warehouse, project, catalog, status, _snapshot(warehouse))


def totals() -> str:
    """What became of the records of all files, in one line."""
    snapshot = _snapshot(Warehouse.of(current_settings()))
    records = sum(load.records for load in snapshot.loads.values())
    rejected = sum(load.rejected for load in snapshot.loads.values())
    quarantined = sum(
        record.row_count or 0
        for name, record in snapshot.materializations.items()
        if is_quarantine(name)
    )
    return (
        f"the books balance: {records:,} records, {records - quarantined - rejected:,} accepted, "
        f"{quarantined:,} quarantined, {rejected:,} rejected"
    )


def refuse_unmasked() -> None:
    """Stop before anything is published of a warehouse whose personal data is not masked.

    Raises:
        PublicationError: nothing is masked, and this warehouse is not named as an exception.
    """
    settings = current_settings()
    if not settings.may_publish:
        raise PublicationError(
            f"{settings.warehouse.name} holds personal data unmasked (--benepass-pii-masking "
            "false), and is not published. If it should be all the same, name it: "
            f"--benepass-publish-unmasked {settings.warehouse.name}"
        )


@_safe_to_show()
def publish() -> str:
    """Publish what analysts open; returns what to say about it."""
    from benepass_tasks.publish import publishing  # noqa: PLC0415

    settings = current_settings()
    with _turn(settings, PUBLISHED) as warehouse:
        plan = _plan_of(settings)
        publication = _publication(settings)
        if publication is None or plan[PUBLISHED].is_current:
            refuse_unmasked()
            return "Published already."
        return publishing.publish(warehouse, settings.published_dir, publication, plan)


@_safe_to_show()
def build_site() -> str:
    """Write the pages for those who write no SQL; returns what to say about it."""
    from benepass_tasks.site import building  # noqa: PLC0415

    settings = current_settings()
    catalog, graph = _definitions_of(settings)
    with _turn(settings, SITE) as warehouse:
        status = _plan_of(settings)[SITE]
        if status.is_current:
            return f"The site is up to date: {settings.site_dir / building.FIRST_PAGE}"
        project = open_project(settings.project_dir)
        return building.build_site(
            warehouse, settings, building.Blueprint(project, catalog, graph), status
        )


@_safe_to_show()
def check() -> str:
    """Test what the tables promise; returns what to say about it."""
    from benepass_tasks.quality.data_tests import check_contracts  # noqa: PLC0415

    settings = current_settings()
    with _turn(settings, CONTRACTS) as warehouse:
        plan = _plan_of(settings)
        if plan[CONTRACTS].is_current:
            return "Contracts: nothing has changed since all tests passed"
        return check_contracts(warehouse, *_definitions_of(settings), plan, _snapshot(warehouse))


def record_failure(node: str, message: str) -> None:
    """Write that this run could not make a node.

    Args:
        node: The node.
        message: Why; quotes no value of the data.
    """
    # What the node is needed for gets no turn either.
    this_run().waiting.clear()
    settings = current_settings()
    patient = replace(settings, lock_timeout=_patience(settings))
    with (
        _complaining("that this task failed is not in the history"),
        _turn(patient, node) as warehouse,
        warehouse.write() as connection,
    ):
        record_failed(connection, node, message)


def finish() -> None:
    """Write how this run ended, if it was asked for anything, and tell what is wrong."""
    asked, broken = frozenset(this_run().asked), tuple(this_run().broken)
    this_run().asked.clear()
    settings = _settings.pop(run_id(), None)
    if settings is None:
        return
    warehouse, is_kept = Warehouse.of(settings), False
    with _complaining("how this run ended is not in the history"):
        if warehouse.exists():
            _close(warehouse, settings, asked, broken)
            is_kept = True
    unknown = [] if is_kept or not broken else [run_failed(run_id())]
    alert(warehouse, settings, run_id(), unknown)
    with _complaining("the site does not know that this run has ended"):
        tell_end(replace(warehouse, lock_timeout=_patience(settings)), settings)
    # DuckDB's objects should be gone before Python's are.
    session.close()


def make_way() -> None:
    """Let go of the warehouse for a task of somebody else, which may want it and may take long."""
    session.let_go()


def _close(
    warehouse: Warehouse, settings: Settings, asked: frozenset[str], broken: tuple[str, ...]
) -> None:
    aim: Aim | None = None
    try:
        plan = _plan_of(settings)
        catalog, _ = _definitions_of(settings)
        aim = Aim(open_project(settings.project_dir), catalog, plan)
    except ProjectError as error:
        broken = broken or (str(error),)
    close_run(replace(warehouse, lock_timeout=_patience(settings)), settings, aim, asked, broken)


@contextmanager
def _complaining(what: str) -> Iterator[None]:
    """Say that something cannot be kept, where that must not hide what the run itself says."""
    try:
        with _safe_to_show():
            yield
    except BenepassError as error:
        log.warning("%s: %s", what, error)


def _patience(settings: Settings) -> float:
    """Seconds that history waits for the warehouse: less than work does."""
    return min(settings.lock_timeout, PATIENCE)


@_safe_to_show()
def current_plan() -> Plan:
    """What is up to date and what is not; worked out again only when something changed."""
    return _plan_of(current_settings())


def _plan_of_upgraded(settings: Settings) -> Plan:
    """The plan, for which a warehouse of an earlier release is brought up to date."""
    try:
        return _plan_of(settings)
    except OutdatedWarehouseError:
        session.import_dialect()
        with Warehouse.of(settings).write():
            log.info("%s: upgraded from an earlier release", settings.warehouse)
    return _plan_of(settings)


def _plan_of(settings: Settings) -> Plan:
    project = open_project(settings.project_dir)
    project_state = project.state
    catalog, _ = _definitions(project, project_state, Warehouse.of(settings))
    files = tuple(
        file
        for source in catalog.sources.values()
        for file in find_files(source, settings.data_dir)
    )
    _refuse_shared_files(files)
    states = tuple(file.state if file.exists() else "" for file in files)
    published = tuple(published_files(settings.published_dir).items())
    site = SiteFiles(site_code_version(project, project_state), files_of_site(settings.site_dir))
    state = Warehouse.of(settings).state
    return _plan(settings, project_state, files, states, published, site, state, run_id())


def _publication(settings: Settings) -> Publication | None:
    """What is to be published; None where nothing may be."""
    if not settings.may_publish:
        return None
    catalog, _ = _definitions_of(settings)
    return Publication(catalog, settings.min_group_size, settings.pii_masking)


def _require_hash_key(settings: Settings, graph: ModelGraph) -> None:
    if settings.hash_key is None and settings.pii_masking:
        needing = [it.relation for it in graph.models.values() if it.variables.intersection(PADS)]
        if needing:
            raise missing_hash_key(needing)


def _refuse_other_masking(settings: Settings, snapshot: Snapshot) -> None:
    if snapshot.is_masked not in (None, settings.pii_masking):
        held, wanted = ("masked", "false") if snapshot.is_masked else ("unmasked", "true")
        raise ProjectError(
            f"{settings.warehouse} holds {held} personal data, and one file never holds both: "
            f"with --benepass-pii-masking {wanted}, name another one with --benepass-warehouse, "
            f"such as {settings.warehouse.with_stem(f'{settings.warehouse.stem}-other').name}"
        )


def _refuse_shared_files(files: Iterable[SourceFile]) -> None:
    owners = dict[str, str]()
    for file in files:
        owner = owners.setdefault(str(file.path), file.source)
        if owner != file.source:
            raise ProjectError(
                f"catalog.yaml: {file.name} matches the file paths of both {owner} and "
                f"{file.source}; narrow one of them"
            )


def _import_loading() -> ModuleType:
    # dlt takes half a second to import, so only a run that loads does, and a good part of that
    # would go into looking for garbage among what is imported.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        from benepass_tasks.ingestion import load as loading  # noqa: PLC0415
    finally:
        if was_enabled:
            gc.enable()
    return loading


def _definitions_of(settings: Settings) -> tuple[Catalog, ModelGraph]:
    project = open_project(settings.project_dir)
    return _definitions(project, project.state, Warehouse.of(settings))


@lru_cache(maxsize=2)
def _definitions(
    project: Project, _state: tuple[tuple[str, int, int], ...], warehouse: Warehouse
) -> tuple[Catalog, ModelGraph]:
    catalog, graph = read_definitions(project, warehouse.models_cache)
    require_proof(catalog, graph, warehouse.proven)
    return catalog, graph


def _proof(project: Project) -> str:
    """The SQL that balances the books, without its comments."""
    path = project.sql / "checks" / "books_balance.sql"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise ProjectError(f"{path} is missing; it proves that the books balance") from error
    return "\n".join(line for line in lines if not line.lstrip().startswith("--"))


def _snapshot(warehouse: Warehouse) -> Snapshot:
    """The state of the warehouse, read again only when its file has changed."""
    state = warehouse.state
    if warehouse not in _known or _known[warehouse][0] != state:
        _remember(warehouse, read_snapshot(warehouse), state)
    return _known[warehouse][1]


def _remember(
    warehouse: Warehouse, snapshot: Snapshot, state: tuple[tuple[int, ...], ...] | None = None
) -> None:
    _known.clear()
    _known[warehouse] = (state or warehouse.state, snapshot)


_known: dict[Warehouse, tuple[tuple[tuple[int, ...], ...], Snapshot]] = {}

_settings: dict[str, Settings] = {}
"""The settings of each run that is going on."""


@lru_cache(maxsize=2)
def _plan(
    settings: Settings,
    _project_state: tuple[tuple[str, int, int], ...],
    files: tuple[SourceFile, ...],
    _states: tuple[str, ...],
    published: tuple[tuple[str, str], ...],
    site: SiteFiles,
    _warehouse_state: tuple[tuple[int, ...], ...],
    run: str,
) -> Plan:
    catalog, graph = _definitions_of(settings)
    _require_hash_key(settings, graph)
    snapshot = _snapshot(Warehouse.of(settings))
    _refuse_other_masking(settings, snapshot)
    gone = leftovers(catalog, snapshot)
    refuse_other_project(settings.warehouse, snapshot.owner, settings.project_dir, gone)
    return assess(
        Situation(
            catalog=catalog,
            graph=graph,
            variables=settings.fingerprints,
            files={
                name: [file for file in files if file.source == name] for name in catalog.sources
            },
            snapshot=snapshot,
            proof=_proof(open_project(settings.project_dir)),
            force=settings.force,
            run_id=run,
            published=dict(published),
            publication=_publication(settings),
            site=site,
        )
    )
