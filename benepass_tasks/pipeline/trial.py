"""A trial: files loaded by a catalog that is not written yet, into a warehouse that is not kept."""

import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Connection

from benepass_tasks.catalog import Source
from benepass_tasks.catalog.extracts import BucketExtract
from benepass_tasks.catalog.layout import CSV
from benepass_tasks.config.errors import SourceError
from benepass_tasks.config.project import Project
from benepass_tasks.config.settings import Settings, models_cache
from benepass_tasks.engine import session
from benepass_tasks.engine.quoting import quote_name, quote_relation
from benepass_tasks.ingestion.extracts.files import writing
from benepass_tasks.ingestion.headers import match_header, meant_by
from benepass_tasks.ingestion.readers.opening import open_reader
from benepass_tasks.pipeline.making import make_outdated
from benepass_tasks.pipeline.nodes import nodes_of
from benepass_tasks.pipeline.nodes.reconciliation import ReconciliationNode
from benepass_tasks.quality.monitors.clean import too_little_clean
from benepass_tasks.state.history.read import SourceFigures, figures_of
from benepass_tasks.state.object_copies import ObjectCopies
from benepass_tasks.state.run import Run
from benepass_tasks.state.source_files import DATA_FOLDER, SourceFile, find_files, path_of


@dataclass(frozen=True, slots=True)
class Draft:
    """What is tried.

    Attributes:
        catalog: The text of the catalog.
        sql: New SQL files, by their path below the project's folder.
        files: Files by the names below the data folder that they would have there.
        extracts: Of sources that are tables of a database, the copy of what would be read.
    """

    catalog: str
    sql: Mapping[str, str]
    files: Mapping[str, Path]
    extracts: Mapping[str, Path] = field(default_factory=dict)


Money = Mapping[tuple[str, str], tuple[int, Decimal]]
"""By what became of records (`accepted`, `quarantined`, `uncounted`) and why: how many, and what
they come to."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of the records of a source.

    Attributes:
        figures: How many are what.
        money: Their money; empty where the source has none.
        currency: The code of the currency that is reported.
        unclean: Why it is not clean enough by its guards, in sentences; none where it is.
    """

    figures: SourceFigures
    money: Money
    currency: str
    unclean: Sequence[str] = ()


def try_load(settings: Settings, draft: Draft) -> Mapping[str, Tried]:
    """Load a draft's files beside all others of the data folder, up to the balanced books.

    A source that has no file yet counts as one without a record, and so does another one whose
    files do not fit its entry: it is to be added next.

    Args:
        settings: Those of the project; nothing that they name is written to.
        draft: What is tried.

    Returns:
        What became of the records of each source.

    Raises:
        BenepassError: the draft cannot be loaded, for the reason that a run would give.
    """
    with tempfile.TemporaryDirectory(prefix="benepass-trial-") as folder, _silent():
        root = Path(folder)
        _copy_project(Project(settings.project_dir), root, draft)
        scratch = replace(
            settings,
            project_dir=root,
            data_dir=root / "data",
            warehouse=root / "trial.duckdb",
            published_dir=root / "published",
            site_dir=root / "site",
            force=frozenset(),
            extract=False,
            spark=None,
        )
        session.close()
        with suppress(FileNotFoundError):
            # What is known of the models that stay as they are.
            shutil.copy2(models_cache(settings.warehouse), models_cache(scratch.warehouse))
        try:
            run = Run(scratch, nodes_of)
            _gather_files(run, settings, draft)
            return _load(run)
        finally:
            session.close()


def _load(run: Run) -> Mapping[str, Tried]:
    make_outdated(run, run.upstream_of([ReconciliationNode.name]))
    with run.warehouse.read() as connection:
        catalog = run.definitions.catalog
        return {
            it.source: Tried(
                it,
                _money(connection, catalog.sources[it.source]),
                catalog.sources[it.source].currency.reporting,
                [result.message for result in too_little_clean(it, catalog)],
            )
            for it in figures_of(connection, run.id)
        }


def _money(connection: Connection, source: Source) -> Money:
    declared = source.reconciliation
    if declared is None or declared.amount is None:
        return {}
    places = (
        ("accepted", declared.accepted, "''"),
        ("quarantined", declared.quarantine, "rejection_reason"),
        ("uncounted", declared.uncounted, "reason"),
    )
    query = " union all ".join(
        f"select '{outcome}', {reason}, count(*), coalesce(sum({quote_name(declared.amount)}), 0) "  # noqa: S608
        f"from {quote_relation(relation)} group by all"
        for outcome, relation, reason in places
        if relation is not None
    )
    rows = connection.exec_driver_sql(f"select * from ({query}) order by all")  # noqa: S608
    return {(outcome, reason): (count, amount) for outcome, reason, count, amount in rows}


def _copy_project(project: Project, root: Path, draft: Draft) -> None:
    (root / "catalog.yaml").write_text(draft.catalog, encoding="utf-8")
    shutil.copytree(project.sql, root / "sql")
    for name, text in draft.sql.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _gather_files(run: Run, settings: Settings, draft: Draft) -> None:
    scratch = run.settings.data_dir
    scratch.mkdir()
    for name, path in draft.files.items():
        _link(scratch / name, path)
    for source in run.definitions.catalog.sources.values():
        files = [it for it in find_files(source, settings) if it.exists()]
        if isinstance(source.extract, BucketExtract):
            _gather_objects(run, settings, source, files)
            continue
        if source.extract is not None:
            if source.name in draft.extracts:
                _link(find_files(source, run.settings)[0].path, draft.extracts[source.name])
            else:
                _gather_extracts(run, settings, source, files)
            continue
        is_meant = any(it.name in draft.files for it in files)
        for file in files if is_meant or all(_fits(source, it) for it in files) else ():
            if file.name not in draft.files:
                _link(scratch / file.name, file.path)
        is_there = any(it.exists() for it in find_files(source, run.settings))
        if not is_there and source.layout.type == CSV:
            name = source.filepath.removeprefix(DATA_FOLDER)
            _write_header(source, scratch / name.replace("*", "").replace("?", "_"))


def _gather_extracts(
    run: Run, settings: Settings, source: Source, files: Sequence[SourceFile]
) -> None:
    """Take what was read before; where that is nothing, an extract without rows."""
    scratch = run.settings.extracts_dir
    for file in files:
        _link(scratch / file.path.relative_to(settings.extracts_dir), file.path)
    if not files:
        path = find_files(source, run.settings)[0].path
        path = path.with_name(path.name.replace("*", "none"))
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing(path, list(source.columns)):
            pass


def _gather_objects(
    run: Run, settings: Settings, source: Source, files: Sequence[SourceFile]
) -> None:
    """Take what was fetched before; where that is nothing, an object without records."""
    scratch = run.settings.extracts_dir
    scratch.mkdir(exist_ok=True)
    names = [it.name for it in files]
    for file in files:
        _link(path_of(file.name, run.settings), path_of(file.name, settings))
    if not files and source.layout.type == CSV:
        names = [f"{source.filepath.rpartition('/')[0]}/none.csv"]
        _write_header(source, path_of(names[0], run.settings))
    ObjectCopies(scratch, source.name).write(scratch, dict.fromkeys(names, ""))


def _fits(source: Source, file: SourceFile) -> bool:
    """Whether a file is written as its source says, as far as its header tells."""
    try:
        with open_reader(source.layout, file.path, file.name, meant_by(source)) as reader:
            header = match_header(source, file.name, reader.header)
    except SourceError:
        return False
    return not any(source.columns[it].required for it in header.absent)


def _link(link: Path, path: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(path.absolute())


def _write_header(source: Source, path: Path) -> None:
    """Write a file that has a header and no record."""
    layout = source.layout
    lines = ["title"] * layout.skiprows + [layout.sep.join(source.columns)] * layout.header_lines
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, ""]), encoding=layout.encoding)


@contextmanager
def _silent() -> Iterator[None]:
    """What a run would say of each file is for the run that counts."""
    logger = logging.getLogger("benepass_tasks")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
