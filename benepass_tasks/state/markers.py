"""Schema `meta`: what was built and loaded, from what, and what came out.

A materialization record says what one table or view was built from. It is written in the
transaction that makes the table, so that there is never one without the other.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select, update

from benepass_tasks.engine.measure import Measure, Tally
from benepass_tasks.engine.quoting import quote_relation
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.state.meta import (
    INHERITED,
    LOADED_COLUMNS,
    LOADS,
    MARKERS,
    MASKING,
    METADATA,
)
from benepass_tasks.state.nodes import Kind
from benepass_tasks.state.ownership import HASH_KEY, owner_of
from benepass_tasks.state.retentions import Enforced, enforced_retentions
from benepass_tasks.state.store import (
    SCHEMA,
    is_branch,
    present_tables,
    property_of,
    read_all,
    state_of,
)


@dataclass(frozen=True, slots=True)
class Materialization:
    """What a relation was built from (`fingerprint`) and what came out (`data_hash`).

    Attributes:
        name: The node; of a table or view `layer.table`.
        code_version: Digest of the SQL and the settings it uses.
        fingerprint: Digest of the code version and the data hashes of all inputs.
        data_hash: Digest of the columns and rows, whatever their order.
        row_count: Rows of a table; None for a view.
        seconds: How long it took to build.
        run_id: The run that built it.
        built_at: When, UTC.
        kind: What the node is.
        hash_sum: The sum of the hashes of a table's rows, which its data hash is made of; None
            where an earlier release did not keep it.
    """

    name: str
    code_version: str
    fingerprint: str
    data_hash: str
    row_count: int | None
    seconds: float
    run_id: str
    built_at: datetime
    kind: Kind
    hash_sum: str | None = None

    def holding(self, measure: Measure) -> "Materialization":
        """The record of the same, where it holds other rows."""
        hashes = str(measure.tally.hashes) if measure.tally else None
        rows, held = measure.row_count, measure.data_hash
        return replace(self, row_count=rows, data_hash=held, hash_sum=hashes)

    @property
    def tally(self) -> Tally | None:
        """What the data hash of a table is made of, where that is known."""
        if self.hash_sum is None or self.row_count is None:
            return None
        return Tally(self.row_count, int(self.hash_sum))


OF_LOAD = "_source_file = ? and _dlt_load_id = ?"
"""The condition of the rows of a load in its raw table: file and load id are the parameters."""


@dataclass(frozen=True, slots=True)
class Load:
    """The load of one file that raw holds the rows of.

    Attributes:
        source: The catalog's name of the source.
        file: The file's name, relative to the data folder.
        code_version: Digest of how the file was read.
        sha256: Digest of the bytes that were read.
        file_state: The file's inode, size and times when it was read.
        load_id: dlt's id of the load.
        lines: Physical lines.
        records: Records after the header, parsed or not.
        parsed: Records in raw.
        rejected: Records in `raw.rejected_rows`.
        seconds: How long the load took.
        run_id: The run that loaded it.
        loaded_at: When, UTC.
        passed_over: Lines that are no records: titles, comments, totals, repeated headers.
        erased: Records that are left out since they are of people who are erased.
        expired: Records that are left out or gone since they are past their retention.
    """

    source: str
    file: str
    code_version: str
    sha256: str
    file_state: str
    load_id: str
    lines: int
    records: int
    parsed: int
    rejected: int
    seconds: float
    run_id: str
    loaded_at: datetime
    passed_over: int = 0
    erased: int = 0
    expired: int = 0

    @property
    def gone(self) -> int:
        """Records that are neither in raw nor rejected."""
        return self.erased + self.expired

    @property
    def is_kept(self) -> bool:
        """Whether it stands for what is kept of a file that another took the place of."""
        return self.code_version == KEPT or self.is_anonymised

    def kept_as(self, code_version: str, word: str, records: int) -> "Load":
        """A load of some of its records, which are anonymised and stand in no file any more."""
        return replace(
            self,
            file=f"{anonymised_of(self.file)}{word}",
            code_version=code_version,
            lines=records,
            records=records,
            parsed=records,
            rejected=0,
            passed_over=0,
            erased=0,
            expired=0,
        )

    @property
    def is_anonymised(self) -> bool:
        """Whether what is kept is anonymised: of people who were erased, or of old charges."""
        return self.code_version in (ANONYMISED, CHARGES)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a warehouse.

    Attributes:
        materializations: The materialization records by name.
        loads: The loads by (source, file).
        relations: `table` or `view` by relation.
        is_masked: Whether its personal data is masked; None where it holds none yet.
        owner: The folder of the project that it belongs to; None where no run says so yet.
        retentions: How far retentions are enforced, by source.
        of_parent: The tables that a branch reads in its parent's warehouse, by views.
        hash_key: The digest of the key of its pseudonyms, where machines share it and have one.
    """

    materializations: Mapping[str, Materialization]
    loads: Mapping[tuple[str, str], Load]
    relations: Mapping[str, str]
    is_masked: bool | None
    owner: Path | None = None
    retentions: Mapping[str, Enforced] = field(default_factory=dict)
    of_parent: frozenset[str] = frozenset()
    hash_key: str | None = None

    @property
    def is_prepared(self) -> bool:
        """Whether a run has nothing to add to schema meta before it writes into it."""
        needed = {table.fullname for table in METADATA.sorted_tables}
        return self.is_masked is not None and self.relations.keys() >= needed

    def kind_of(self, relation: str) -> str | None:
        """Whether a relation is a table or a view, wherever it is; None where it is nowhere."""
        return "table" if relation in self.of_parent else self.relations.get(relation)

    def loads_of(self, source: str) -> dict[str, Load]:
        """The loads of one source by file."""
        return {load.file: load for load in self.loads.values() if load.source == source}

    def with_records(
        self, records: Mapping[str, Materialization], void: Collection[str] = ()
    ) -> "Snapshot":
        """The state after void records were forgotten and others written, without reading it."""
        left = {name: it for name, it in self.materializations.items() if name not in void}
        made = {**left, **records}
        return replace(self, materializations=made, of_parent=self.of_parent - records.keys())

    def records_of(self, kind: Kind) -> set[str]:
        """The names of the nodes of a kind that have a record."""
        return {name for name, it in self.materializations.items() if it.kind == kind}

    def undeclared(self, declared: Collection[str]) -> dict[str, str | None]:
        """What was built once and is declared no more: relations, with what there is of them."""
        return {
            name: self.relations.get(name)
            for name in self.records_of("relation")
            if name not in declared
        }


INTERRUPTED = ""
"""The code version of a load that the next one of its file has begun to replace."""

KEPT = "kept"
"""The code version that stands for the records which a census keeps of an earlier file."""

ANONYMISED = "anonymised"
"""The code version that stands for what was left of people who were erased, of an earlier file."""

CHARGES = "anonymised charges"
"""The code version that stands for the charges of a file that were anonymised in time."""


def anonymised_of(file: str) -> str:
    """How the names begin under which raw keeps what is anonymised of a file."""
    return f"(erased) {file}~"


EMPTY = Snapshot({}, {}, {}, None)


def read_snapshot(warehouse: Warehouse) -> Snapshot:
    """Read the state of the warehouse, all of it at once; an absent file has an empty one."""
    if not warehouse.exists():
        return EMPTY
    with warehouse.read() as connection:
        return snapshot_of(connection)


def snapshot_of(connection: Connection) -> Snapshot:
    """Read the state of the warehouse through an open session."""
    present = present_tables(connection)
    return Snapshot(
        {record.name: record for record in read_all(connection, MARKERS, Materialization)},
        {(load.source, load.file): load for load in read_all(connection, LOADS, Load)},
        _relations(connection) | {f"{SCHEMA}.{name}": "table" for name in present},
        _is_masked(connection),
        owner_of(connection),
        enforced_retentions(connection),
        inherited_tables(connection) if INHERITED.name in present else frozenset(),
        property_of(connection, HASH_KEY),
    )


def _relations(connection: Connection) -> dict[str, str]:
    """The tables and views, without those that keep what steps have touched."""
    found = engine_of(connection).relations()
    return {name: kind for name, kind in found.items() if not name.startswith("changes.")}


def write_materializations(connection: Connection, records: Collection[Materialization]) -> None:
    """Put records in place of earlier ones of their names."""
    if records:
        names = [record.name for record in records]
        forget_materializations(connection, names)
        if is_branch(connection):
            # What it has made itself, it does not have of its parent any more.
            state_of(connection).execute(delete(INHERITED).where(INHERITED.c.name.in_(names)))
        state_of(connection).execute(insert(MARKERS), [asdict(record) for record in records])


def inherited_tables(connection: Connection) -> frozenset[str]:
    """The tables that a branch reads in its parent's warehouse."""
    names = select(INHERITED.c.name).where(INHERITED.c.is_table)
    return frozenset(state_of(connection).execute(names).scalars())


def forget_materializations(connection: Connection, names: Collection[str]) -> None:
    """Remove what vouches for some relations."""
    if names:
        state_of(connection).execute(delete(MARKERS).where(MARKERS.c.name.in_(names)))


def write_loads(connection: Connection, loads: Mapping[Load, Iterable[str]]) -> None:
    """Put loads, each of a file with its columns, in place of earlier ones of these files."""
    for source in {load.source for load in loads}:
        forget_loads(connection, source, [it.file for it in loads if it.source == source])
    state_of(connection).execute(insert(LOADS), [asdict(load) for load in loads])
    rows = [
        {"source": load.source, "file": load.file, "column_name": name}
        for load, columns in loads.items()
        for name in columns
    ]
    state_of(connection).execute(insert(LOADED_COLUMNS), rows)


def loaded_columns(connection: Connection, source: str) -> frozenset[str]:
    """The columns that the files of a source have which raw holds the rows of."""
    of = LOADED_COLUMNS.c
    found = state_of(connection).execute(
        select(of.column_name).where(of.source == source).distinct()
    )
    return frozenset(found.scalars())


def columns_of_load(connection: Connection, source: str, file: str) -> list[str]:
    """The columns that a file had when it was loaded."""
    of = LOADED_COLUMNS.c
    found = select(of.column_name).where(of.source == source, of.file == file)
    return list(state_of(connection).execute(found).scalars())


def recount_kept(connection: Connection, source: str, relation: str) -> int:
    """Count the records anew that a raw table keeps of earlier files of a source.

    Returns:
        How many there are.
    """
    total, of = 0, LOADS.c
    kept = select(of.file).where(of.source == source, of.code_version == KEPT)
    for file in state_of(connection).execute(kept).scalars().all():
        rows = connection.exec_driver_sql(
            f"select count(*) from {quote_relation(relation)} where _source_file = ?",  # noqa: S608
            (file,),
        ).scalar_one()
        counts = dict.fromkeys(("lines", "records", "parsed"), rows)
        counts |= dict.fromkeys(("rejected", "passed_over", "erased", "expired"), 0)
        of_file = of.source == source, of.file == file
        state_of(connection).execute(update(LOADS).where(*of_file).values(**counts))
        total += rows
        if not rows:
            forget_loads(connection, source, [file])
    return total


def forget_loads(connection: Connection, source: str, files: Collection[str] | None = None) -> None:
    """Remove what vouches for some files of a source, or for all of them."""
    for table in (LOADS, LOADED_COLUMNS):
        statement = delete(table).where(table.c.source == source)
        state_of(connection).execute(
            statement if files is None else statement.where(table.c.file.in_(files))
        )


def interrupt_loads(connection: Connection, source: str, files: Collection[str]) -> None:
    """Withdraw the word for the rows of some files, and keep what they were."""
    of_them = LOADS.c.source == source, LOADS.c.file.in_(files)
    state_of(connection).execute(update(LOADS).where(*of_them).values(code_version=INTERRUPTED))


def forget_all_loads(connection: Connection) -> None:
    """Remove what vouches for any file."""
    for table in (LOADS, LOADED_COLUMNS):
        state_of(connection).execute(delete(table))


def now() -> datetime:
    """The present instant in UTC."""
    return datetime.now(UTC)


def _is_masked(connection: Connection) -> bool | None:
    found = property_of(connection, MASKING)
    return None if found is None else found == "true"
