"""Holding a file against what is known of its source, before or without loading it."""

from collections.abc import Sequence
from dataclasses import dataclass

from benepass_tasks.catalog import Source, Table
from benepass_tasks.config.errors import BooksError, SourceError
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.ingestion.headers import match_header
from benepass_tasks.ingestion.observation import Observation
from benepass_tasks.ingestion.records import Accounting, RecordReader
from benepass_tasks.ingestion.schema_evolution.changes import Change, Earlier, compare
from benepass_tasks.ingestion.schema_evolution.contract import Verdict, judge
from benepass_tasks.ingestion.schema_evolution.history import read_known, read_sample
from benepass_tasks.ingestion.schema_evolution.renames import NO_SAMPLE
from benepass_tasks.ingestion.schema_evolution.shapes import Shape
from benepass_tasks.state.source_files import SourceFile


@dataclass(frozen=True, slots=True)
class Findings:
    """What is found about the shape of a file.

    Attributes:
        shape: Its columns.
        changes: What has changed since the last load.
        verdict: Whether it may be loaded.
    """

    shape: Shape
    changes: Sequence[Change]
    verdict: Verdict


def inspect(warehouse: Warehouse, source: Source, table: Table, file: SourceFile) -> Findings:
    """Read all of a file, and compare it with what is loaded; loads nothing.

    Args:
        warehouse: Where raw is.
        source: What the catalog says of the file.
        table: The raw table.
        file: The file.

    Raises:
        SourceError: the file is missing or empty, its header cannot be matched with the catalog's
            columns, or it changed meanwhile.
        BooksError: the records do not account for every line.
    """
    require_file(source, file)
    state = file.state
    known = read_known(warehouse, source.name, file.name)
    with file.path.open("rb") as opened:
        reader = RecordReader(opened)
        header = match_header(source, file.name, reader.header)
        observation = Observation(source, header, reader.header, known)
        for batch in reader.batches(header.columns):
            observation.see(batch.table)
    require_whole(source, file, state, reader.accounting)
    return find(warehouse, table, file, observation)


def find(
    warehouse: Warehouse, table: Table, file: SourceFile, observation: Observation
) -> Findings:
    """Compare a file, all of which was observed, with what was known of it.

    Args:
        warehouse: Where raw is.
        table: The raw table.
        file: The file.
        observation: What was seen of it.
    """
    source, known = observation.source, observation.known
    observed = observation.observed
    sample = NO_SAMPLE
    if observation.is_sampled and known.loaded:
        sample = read_sample(warehouse, table.relation, known, tuple(known.loaded.present))
    changes = compare(Earlier(known.loaded, sample, known.seen), observed, source.columns)
    unaccepted = changes
    if known.accepted is not known.loaded:
        earlier = Earlier(known.accepted, sample, known.seen)
        unaccepted = compare(earlier, observed, source.columns)
    verdict = judge(
        source, file.name, observed.shape, known.accepted, unaccepted, is_new=known.is_new
    )
    return Findings(observed.shape, changes, verdict)


def require_file(source: Source, file: SourceFile) -> None:
    """Refuse to go on without the file.

    Raises:
        SourceError: there is none.
    """
    if not file.exists():
        raise SourceError(
            f"{source.name}: there is no file {file.path}; put it there, or set "
            "--benepass-data-dir. What was built before stays as it is",
            reason="the file is missing",
        )


def require_whole(source: Source, file: SourceFile, state: str, accounting: Accounting) -> None:
    """Refuse what was not read as a whole.

    Args:
        source: What the catalog says of the file.
        file: The file.
        state: Its state before it was read.
        accounting: What was read of it.

    Raises:
        SourceError: the file has another state now.
        BooksError: the records do not account for every line.
    """
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
