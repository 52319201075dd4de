"""Loading one file into its raw table.

The new records go in beside those of an earlier load. Only when all are in does one transaction
remove the earlier ones and write what vouches for the new ones: a load that fails or is killed
leaves rows that nothing vouches for, and the next load of the file removes them.
"""

import logging
import time

from benepass_tasks.catalog import Source, Table
from benepass_tasks.errors import BooksError, SourceError
from benepass_tasks.ingestion.dlt_pipeline import Package, extract
from benepass_tasks.ingestion.headers import Header, match_header
from benepass_tasks.ingestion.raw_tables import prepare, vouch_for
from benepass_tasks.ingestion.records import Accounting, RecordReader
from benepass_tasks.plan import source_recipe
from benepass_tasks.sources import SourceFile
from benepass_tasks.this_run import run_id
from benepass_tasks.warehouse import Load, Warehouse
from benepass_tasks.warehouse.markers import now

log = logging.getLogger(__name__)


def load_file(
    warehouse: Warehouse,
    source: Source,
    table: Table,
    file: SourceFile,
    reason: str | None = None,
) -> Load:
    """Load a file's records into raw, replacing those of an earlier load of the file.

    Args:
        warehouse: Where raw is.
        source: What the catalog says of the file.
        table: The raw table.
        file: The file.
        reason: Why it has to be loaded, for the history of the run.

    Returns:
        What was written to vouch for the load.

    Raises:
        SourceError: the file is missing or empty, lacks a required column, or changed meanwhile;
            raw holds what it held before.
        BooksError: the records do not account for every line; raw holds what it held before.
    """
    started = time.perf_counter()
    if not file.exists():
        raise SourceError(
            f"{source.name}: there is no file {file.path}; put it there, or set "
            "--benepass-data-dir. What was built before stays as it is"
        )
    state = file.state
    with file.path.open("rb") as opened:
        reader = RecordReader(opened)
        header = match_header(source, file.name, reader.header)
        with extract(warehouse.working_dir, source, file, header, reader) as package:
            _check(source, file, state, reader.accounting)
            prepare(warehouse, source, table, file, header)
            package.load(warehouse)
    _tell(source, file, header, reader.accounting)
    load = _describe(source, state, package, reader.accounting, started)
    vouch_for(warehouse, table, load, reason)
    return load


def _check(source: Source, file: SourceFile, state: str, accounting: Accounting) -> None:
    if not accounting.balances:
        raise BooksError(
            f"{source.name}: {file.name} has {accounting.lines} lines, and its "
            f"{accounting.records} records account for another number of them; nothing was loaded. "
            "This is a defect of the reader: please report it with the file's structure"
        )
    if file.state != state:
        raise SourceError(
            f"{source.name}: {file.name} changed while it was being read; nothing was loaded. "
            "Run again once it is complete"
        )


def _describe(
    source: Source,
    state: str,
    package: Package,
    accounting: Accounting,
    started: float,
) -> Load:
    return Load(
        source=source.name,
        file=package.file,
        recipe=source_recipe(source),
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
        log.warning("%s: %s holds a header and no record", source.name, file.name)
    if accounting.rejected:
        log.warning(
            "%s: %d of %d records in %s could not be parsed; see raw.rejected_rows",
            source.name,
            accounting.rejected,
            accounting.records,
            file.name,
        )
    if header.absent:
        log.warning(
            "%s: %s has no column %s; loaded as NULL",
            source.name,
            file.name,
            ", ".join(header.absent),
        )
    if header.undeclared:
        log.warning(
            "%s: %s has columns that catalog.yaml does not declare: %s; loaded all the same",
            source.name,
            file.name,
            ", ".join(header.undeclared),
        )
