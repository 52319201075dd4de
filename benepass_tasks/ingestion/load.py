"""Loading one file into its raw table.

The new records go in beside those of an earlier load. Only when all are in does one transaction
remove the earlier ones and write what vouches for the new ones: a load that fails or is killed
leaves rows that nothing vouches for, and the next load of the file removes them.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benepass_tasks.catalog import Source, Table
from benepass_tasks.catalog.wording import listed, printable
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.ingestion.dlt_pipeline import Package, extract
from benepass_tasks.ingestion.headers import Header, match_header
from benepass_tasks.ingestion.inspection import Findings, find, require_file, require_whole
from benepass_tasks.ingestion.observation import Observation
from benepass_tasks.ingestion.raw_tables import prepare
from benepass_tasks.ingestion.records import Accounting, RecordReader
from benepass_tasks.ingestion.schema_evolution.changes import Change
from benepass_tasks.ingestion.schema_evolution.contract import require_good
from benepass_tasks.ingestion.schema_evolution.history import read_known
from benepass_tasks.state.markers import Load, Snapshot, now
from benepass_tasks.state.source_files import SourceFile
from benepass_tasks.state.this_run import run_id

log = logging.getLogger(__name__)

MOST = 8
"""How many changes a warning names."""


@dataclass(frozen=True, slots=True)
class LoadOrder:
    """What is to be loaded.

    Attributes:
        source: What the catalog says of the file.
        table: The raw table.
        file: The file.
        known: The state of the warehouse.
        code_version: Digest of how the file is read.
    """

    source: Source
    table: Table
    file: SourceFile
    known: Snapshot
    code_version: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """A load whose rows are in raw, beside those of an earlier one that still counts."""

    load: Load
    findings: Findings


def load_file(
    warehouse: Warehouse, order: LoadOrder, on_progress: Callable[[float], None]
) -> Loaded:
    """Load a file's records into raw, replacing those of an earlier load of the file.

    Args:
        warehouse: Where raw is.
        order: What is loaded.
        on_progress: Told again and again which share of the file is read; 1 once, when all of it
            is.

    Returns:
        The load, for `replace_earlier`.

    Raises:
        SourceError: the file is missing or empty, lacks a required column, breaks the contract of
            its source, or changed meanwhile; raw holds what it held before.
        BooksError: the records do not account for every line; raw holds what it held before.
    """
    started = time.perf_counter()
    source, table, file = order.source, order.table, order.file
    require_file(source, file)
    state = file.state
    known = read_known(warehouse, source.name, file.name)
    with file.path.open("rb") as opened:
        reader = RecordReader(opened)
        header = match_header(source, file.name, reader.header)
        observation = Observation(source, header, reader.header, known)
        size = file.path.stat().st_size

        def tell_read() -> None:
            on_progress(min(0.99, reader.bytes_read / size))

        with extract(warehouse.working_dir, file, reader, observation, tell_read) as package:
            on_progress(1.0)
            require_whole(source, file, state, reader.accounting)
            findings = find(warehouse, table, file, observation)
            require_good(source, findings.verdict)
            prepare(warehouse, order.known, table, file, header)
            package.load(warehouse)
    _tell(source, file, header, reader.accounting)
    _tell_changes(source, file, findings.changes)
    return Loaded(_describe(order, state, package, reader.accounting, started), findings)


def _describe(
    order: LoadOrder,
    state: str,
    package: Package,
    accounting: Accounting,
    started: float,
) -> Load:
    return Load(
        source=order.source.name,
        file=package.file,
        code_version=order.code_version,
        sha256=accounting.sha256,
        file_state=state,
        load_id=package.load_id,
        lines=accounting.lines,
        records=accounting.records,
        parsed=accounting.parsed,
        rejected=accounting.rejected,
        seconds=time.perf_counter() - started,
        run_id=run_id(),
        loaded_at=now(),
    )


def _tell(source: Source, file: SourceFile, header: Header, accounting: Accounting) -> None:
    if not accounting.records:
        log.warning("%s: %s holds a header and no record", source.name, printable(file.name))
    if accounting.rejected:
        log.warning(
            "%s: %d of %d records in %s could not be parsed; see raw.rejected_rows",
            source.name,
            accounting.rejected,
            accounting.records,
            printable(file.name),
        )
    # An optional column that was never there is nothing to tell; one that was is a change.
    missing = [name for name in header.absent if source.columns[name].required]
    if missing:
        log.warning(
            "%s: %s has no column %s; loaded as NULL",
            source.name,
            printable(file.name),
            _named(missing),
        )
    if header.undeclared:
        log.warning(
            "%s: %s has columns that catalog.yaml does not declare: %s; loaded all the same",
            source.name,
            printable(file.name),
            _named(header.undeclared),
        )


def _tell_changes(source: Source, file: SourceFile, changes: Iterable[Change]) -> None:
    worth_a_warning = [str(change) for change in changes if change.severity == "warning"]
    if worth_a_warning:
        log.warning(
            "%s: %s has changed since the last load: %s. All changes: benepass schema history %s",
            source.name,
            printable(file.name),
            "; ".join(worth_a_warning[:MOST]),
            source.name,
        )


def _named(columns: Sequence[str]) -> str:
    return listed([printable(name) for name in columns])
