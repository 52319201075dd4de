"""What a file holds, and what its source's contract says to it: learnt while its records go by."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from benepass_tasks.catalog import Source, Table
from benepass_tasks.catalog.wording import listed
from benepass_tasks.config.errors import BooksError, SourceError
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.ingestion.headers import match_header, meant_by
from benepass_tasks.ingestion.inference import TypeInference
from benepass_tasks.ingestion.left_out import NOTHING, LeftOut
from benepass_tasks.ingestion.readers.opening import Reader, open_reader
from benepass_tasks.ingestion.readers.records import ROW_NUMBER, Accounting, Batch
from benepass_tasks.ingestion.recognition.misfits import told_what_it_is
from benepass_tasks.ingestion.schema_evolution.changes import Change, Earlier, Observed, compare
from benepass_tasks.ingestion.schema_evolution.contract import Verdict, judge
from benepass_tasks.ingestion.schema_evolution.file_schema import UNKNOWN, ColumnSchema, FileSchema
from benepass_tasks.ingestion.schema_evolution.history import Known, Recalled, read_sample
from benepass_tasks.ingestion.schema_evolution.renames import LETTERS, NO_SAMPLE, ROWS, Sample
from benepass_tasks.state.source_files import SourceFile


@dataclass(frozen=True, slots=True)
class Findings:
    """What a file consists of, its schema, the changes since its last load, and if it may load.

    Beside what the accounting counts, some records are left out since their people are `erased`, or
    since they are past their retention (`expired`).
    """

    schema: FileSchema
    changes: Sequence[Change]
    verdict: Verdict
    accounting: Accounting
    erased: int = 0
    expired: int = 0

    @property
    def left_out(self) -> int:
        """How many records were left out."""
        return self.erased + self.expired


def inspect(warehouse: Warehouse, source: Source, table: Table, file: SourceFile) -> Findings:
    """Read all of a file, and compare it with what is loaded; loads nothing.

    Raises:
        SourceError: the file is missing or empty, its header cannot be matched with the catalog's
            columns, or it changed meanwhile.
        BooksError: the records do not account for every line.
    """
    known = Recalled(warehouse, source.name, [file.name]).known_of(file.name)
    with open_file(source, file, known) as inspection:
        for batch in inspection.batches():
            inspection.see(batch.table)
        return inspection.findings(warehouse, table)


@contextmanager
def open_file(
    source: Source, file: SourceFile, known: Known, leaving_out: LeftOut = NOTHING
) -> Iterator["Inspection"]:
    """Open a file, of whose schema something is known, and read it without some records.

    Raises:
        SourceError: the file is missing or empty, or its header cannot be matched.
    """
    if not file.exists():
        instead = "set --benepass-data-dir" if source.extract is None else "correct filepath"
        raise SourceError(
            f"{source.name}: {file.absence}; put it there, or {instead}. What was built before "
            "stays as it is",
            reason="the file is missing",
        )
    state = file.state
    with ExitStack() as stack:
        with told_what_it_is(source, file):
            name = f"{source.name}: {file.name}"
            opened = open_reader(source.layout, file.path, name, meant_by(source))
            reader = stack.enter_context(opened)
            inspection = Inspection(source, file, state, reader, known)
            inspection.leaving_out = leaving_out
        _refuse_other_days(source, file, reader)
        _refuse_inexact(inspection)
        yield inspection


class Inspection:
    """Watches the records of one file; complete once all have been seen.

    `state` is that of the file before it was read; `leaving_out` leaves out records.
    """

    def __init__(
        self, source: Source, file: SourceFile, state: str, reader: Reader, known: Known
    ) -> None:
        """Match the header; `known` are the schemas that the file will be compared with."""
        self.source, self.file, self.state, self.reader = source, file, state, reader
        self.header = match_header(source, file.name, reader.header)
        self._known = known
        self.leaving_out = NOTHING
        self._schemas = [schema for schema in (known.loaded, known.accepted) if schema]
        self._inference = TypeInference(self._expected())
        self._first: pa.Table | None = None

    def batches(self) -> Iterator[Batch]:
        """Read the records, once only."""
        required = [column.name for column in self.source.columns.values() if column.required]
        batches = self.reader.batches(self.header.columns, required)
        for it in self.leaving_out:
            batches = it.from_batches(batches)
        return batches

    def see(self, table: pa.Table) -> None:
        """Take a batch of records into account."""
        self._inference.observe(table)
        if self._first is None and len(table) and self.needs_sample:
            self._first = table.slice(0, ROWS)

    def findings(self, warehouse: Warehouse, table: Table) -> Findings:
        """Compare the file with what was known of it, once all of it was seen.

        Raises:
            SourceError: the file changed meanwhile.
            BooksError: the records do not account for every line.
        """
        require_whole(self.source, self.file, self.state, self.reader.accounting)
        source, known = self.source, self._known
        observed = Observed(self.schema, self._inference.violations, self._sample())
        sample = NO_SAMPLE
        if self.needs_sample and known.loaded:
            sample = read_sample(warehouse, table.relation, known, tuple(known.loaded.present))
        changes = compare(Earlier(known.loaded, sample, known.seen), observed, source.columns)
        unaccepted = changes
        if known.accepted is not known.loaded:
            earlier = Earlier(known.accepted, sample, known.seen)
            unaccepted = compare(earlier, observed, source.columns)
        verdict = judge(
            source, self.file.name, observed.schema, known.accepted, unaccepted, is_new=known.is_new
        )
        accounting, left = self.reader.accounting, self.leaving_out
        rest = replace(
            accounting,
            parsed=accounting.parsed - sum(it.parsed for it in left),
            rejected=accounting.rejected - sum(it.rejected for it in left),
        )
        counts = {it.counts_as: it.parsed + it.rejected for it in left}
        return Findings(observed.schema, changes, verdict, rest, **counts)

    @property
    def schema(self) -> FileSchema:
        """The file's columns with the types seen so far, and the declared columns that it lacks."""
        places = {name: place for place, name in enumerate(self.header.columns, 1)}
        declared = self.source.columns
        return FileSchema.of(
            ColumnSchema(
                name,
                self._type_of(name),
                self.reader.header[places[name] - 1][:LETTERS] if name in places else None,
                places.get(name),
                is_required=name in declared and declared[name].required,
            )
            for name in (*self.header.columns, *self.header.absent)
        )

    @property
    def needs_sample(self) -> bool:
        """Whether columns came and went, so that their values have to be compared."""
        here = set(self.header.columns)
        known = [schema.present.keys() for schema in self._schemas]
        return any(here - there and there - here for there in known)

    def _expected(self) -> Mapping[str, frozenset[str]]:
        """The types before; a column that is new may be any that the file has lost."""
        lost = frozenset(
            column.type
            for schema in self._schemas
            for column in schema.present.values()
            if column.name not in self.header.columns
        )
        expected = {}
        for name in self.header.columns:
            known = frozenset(schema.type_of(name) for schema in self._schemas)
            expected[name] = lost if known <= {UNKNOWN} else known
        return expected

    def _type_of(self, name: str) -> str:
        """The inferred type; without a value to tell it, the one known before."""
        known = (schema.type_of(name) for schema in reversed(self._schemas))
        kinds = (self._inference.type_of(name), *known)
        return next((kind for kind in kinds if kind != UNKNOWN), UNKNOWN)

    def _sample(self) -> Sample:
        if self._first is None:
            return NO_SAMPLE
        values = {
            name: pc.utf8_slice_codeunits(self._first.column(name), 0, LETTERS).to_pylist()
            for name in self.header.columns
        }
        return Sample(self._first.column(ROW_NUMBER).to_pylist(), values)


def _refuse_other_days(source: Source, file: SourceFile, reader: Reader) -> None:
    """Refuse a file that counts days from another year than `excel_serial` does.

    Raises:
        SourceError: it does, and the source has a column of such numbers.
    """
    columns = [
        it.name
        for it in (*source.columns.values(), *source.made.values())
        if any(form.excel_serial not in (None, reader.counts_from) for form in it.form.written_as)
    ]
    if columns and reader.counts_from is not None:
        raise SourceError(
            f"{source.name}: {file.name} counts days from {reader.counts_from}, and excel_serial "
            f"of {listed(columns)} does not: each would be read as another day. Nothing was "
            f"loaded. If all files are so, write excel_serial: {reader.counts_from}",
            reason=f"the workbook counts days from {reader.counts_from}",
        )


def _refuse_inexact(inspection: Inspection) -> None:
    """Refuse amounts that are not as the database had them.

    Raises:
        SourceError: there are some.
    """
    source, reader = inspection.source, inspection.reader
    fields = dict(zip(inspection.header.columns, reader.header, strict=True))
    found = {
        name: reader.inexact[fields[name]]
        for name, column in source.columns.items()
        if column.form.holds == "amount" and fields.get(name) in reader.inexact
    }
    if found:
        what = listed(sorted(set(found.values())))
        raise SourceError(
            f"{source.name}: {inspection.file.name} has {listed([*found])} as {what}: cents may be "
            "lost, or nobody knows them. Nothing was loaded. Set decimal.handling.mode: string in "
            "the connector, or have it write precise decimals with their schema "
            "(value.converter.schemas.enable: true), and let it read the table anew",
            reason=f"its amounts are {what}",
        )


def require_whole(source: Source, file: SourceFile, state: str, accounting: Accounting) -> None:
    """Refuse what was not read as a whole, or changed since it was in a state.

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
