"""What the warehouse remembers of schemas: which counted, and what has changed between them.

The schema of each load is in dlt's own tables, `raw._dlt_loads` and `raw._dlt_version`. A load that
was killed has left its schema there too; `meta.accepted_schemas` says which ones count, and holds
what was accepted by hand. `meta.schema_changes` is the history for people.
"""

import json
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, Select, Table, insert, select

from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.engine.quoting import quote_name, quote_relation
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.ingestion.schema_evolution.changes import Change, Violations
from benepass_tasks.ingestion.schema_evolution.file_schema import FILE, FileSchema
from benepass_tasks.ingestion.schema_evolution.renames import LETTERS, NO_SAMPLE, ROWS, Sample
from benepass_tasks.state.markers import Load, now
from benepass_tasks.state.meta import ACCEPTED_SCHEMAS, SCHEMA_CHANGES
from benepass_tasks.state.store import present_tables, state_of

if TYPE_CHECKING:
    from benepass_tasks.ingestion.inspection import Findings

STORED = """
select v.schema
from raw._dlt_loads as l
join raw._dlt_version as v
    on v.version_hash = l.schema_version_hash and v.schema_name = l.schema_name
where l.load_id = ?
"""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a file's schema before it is read.

    Attributes:
        loaded: The schema of its last load, or else of the last load of its source.
        accepted: The schema that counts for its contract: that, or one accepted by hand since.
        seen: The columns that any load of the source had.
        load_id: The load of the first of these schemas.
        load_file: The file of that load.
        is_new: Whether no file of the source was ever accepted.
    """

    loaded: FileSchema | None = None
    accepted: FileSchema | None = None
    seen: frozenset[str] = frozenset()
    load_id: str | None = None
    load_file: str | None = None
    is_new: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the history: a change, and the load that brought it."""

    load_id: str
    changed_at: datetime
    source: str
    file: str
    relation: str
    change: Change


class Recalled:
    """What the warehouse knows of the schemas of some files of a source.

    It is told of those that are loaded together, so that each is compared with the one before it.
    """

    def __init__(self, warehouse: Warehouse, source: str, files: Collection[str]) -> None:
        """Read what `meta` and dlt's tables know."""
        self._last, self._of_files, self._seen = Known(), dict[str, Known](), set[str]()
        if not warehouse.exists():
            return
        with warehouse.read() as connection:
            if not _has(connection, ACCEPTED_SCHEMAS):
                return
            of, state = SCHEMA_CHANGES.c, state_of(connection)
            seen = select(of.column_name).where(of.source == source).distinct()
            self._seen.update(state.execute(seen).scalars())
            counted = _Counted(connection, source)
            self._last, self._of_files = counted.last, counted.of_files(files)

    def known_of(self, file: str) -> Known:
        """What a file is compared with: with itself, or else with the last file of its source."""
        return replace(self._of_files.get(file, self._last), seen=frozenset(self._seen))

    def add(self, file: str, schema: FileSchema, changes: Iterable[Change]) -> None:
        """Take a file into account that is about to be loaded."""
        self._last = Known(schema, schema, load_file=file, is_new=False)
        self._seen.update(change.column for change in changes)


class _Counted:
    """Reads the schemas that counted for the files of a source."""

    def __init__(self, connection: Connection, source: str) -> None:
        of = ACCEPTED_SCHEMAS.c
        self._connection, self._loaded = connection, dict[str, FileSchema | None]()
        columns = of.load_id, of.schema, of.file, of.accepted_at
        self._rows = select(*columns).where(of.source == source).order_by(of.accepted_at.desc())

    @property
    def last(self) -> Known:
        """What counts for the source, whichever of its files it came with."""
        newest, load = self._read(self._rows.limit(1)), self._last_load
        return self._known(newest[0], load) if newest else Known()

    def of_files(self, files: Collection[str]) -> dict[str, Known]:
        """The same of each of some files, if anything of it ever counted."""
        rows: dict[str, list[Row[Any]]] = {}
        for row in self._read(self._rows.where(ACCEPTED_SCHEMAS.c.file.in_(files))):
            rows.setdefault(row.file, []).append(row)
        loads = {name: next(filter(_is_load, found), None) for name, found in rows.items()}
        return {
            name: self._known(found[0], loads[name] or self._last_load)
            for name, found in rows.items()
        }

    @cached_property
    def _last_load(self) -> Row[Any] | None:
        is_load = ACCEPTED_SCHEMAS.c.load_id.is_not(None)
        return next(iter(self._read(self._rows.where(is_load).limit(1))), None)

    def _read(self, rows: Select[Any]) -> Sequence[Row[Any]]:
        return state_of(self._connection).execute(rows).all()

    def _known(self, newest: Row[Any], load: Row[Any] | None) -> Known:
        loaded = self._schema_of(load) if load else None
        return Known(
            loaded,
            loaded if _is_load(newest) else _from_json(newest.schema),
            load_id=load.load_id if load else None,
            load_file=load.file if load else None,
            is_new=False,
        )

    def _schema_of(self, load: Row[Any]) -> FileSchema | None:
        if load.schema:
            return _from_json(load.schema)
        if load.load_id not in self._loaded:
            self._loaded[load.load_id] = _stored(self._connection, load.load_id)
        return self._loaded[load.load_id]


def _is_load(row: Row[Any]) -> bool:
    return row.load_id is not None


def _from_json(schema: str) -> FileSchema:
    return FileSchema.from_hints(json.loads(schema))


def _as_json(schema: FileSchema) -> str:
    return json.dumps(schema.as_hints())


def _has(connection: Connection, table: Table) -> bool:
    return table.name in present_tables(connection)


def read_sample(
    warehouse: Warehouse, relation: str, known: Known, columns: Sequence[str]
) -> Sample:
    """Read the first values of the load that a file is compared with, as far as raw has them."""
    with warehouse.read() as connection:
        if relation not in engine_of(connection).relations():
            return NO_SAMPLE
        present = engine_of(connection).columns(relation)
        names = [name for name in columns if name in present]
        values = "".join(f", left({quote_name(name)}, {LETTERS})" for name in names)
        found = connection.exec_driver_sql(
            f"select _row_number{values} from {quote_relation(relation)} "  # noqa: S608
            f"where _source_file = ? and _dlt_load_id = ? and _row_number <= {ROWS} order by 1",
            (known.load_file, known.load_id),
        ).fetchall()
    if not found:
        return NO_SAMPLE
    rows, *columns_found = zip(*found, strict=True)
    return Sample(rows, dict(zip(names, columns_found, strict=True)))


def write_schemas(
    connection: Connection, relation: str, package: Mapping[Load, "Findings"]
) -> None:
    """Write that the schemas of loads count from now on, and what has changed with each.

    Args:
        connection: A session in a transaction.
        relation: The raw table.
        package: The loads of one package of dlt, with what was found in each file.
    """
    # Of a single file, dlt's schema of the package is that of the file.
    is_shared = len(package) > 1
    accepted = [
        {
            "source": load.source,
            "file": load.file,
            "accepted_at": load.loaded_at,
            "run_id": load.run_id,
            "load_id": load.load_id,
            "schema": _as_json(findings.schema) if is_shared else None,
        }
        for load, findings in package.items()
    ]
    state_of(connection).execute(insert(ACCEPTED_SCHEMAS), accepted)
    entries = [
        {
            "load_id": load.load_id,
            "run_id": load.run_id,
            "changed_at": load.loaded_at,
            "source": load.source,
            "file": load.file,
            "relation": relation,
            "entry": number,
            "column_name": change.column,
            **change.facts,
        }
        for load, findings in package.items()
        for number, change in enumerate(findings.changes, 1)
    ]
    if entries:
        state_of(connection).execute(insert(SCHEMA_CHANGES), entries)


def accept_schema(connection: Connection, source: str, file: str, schema: FileSchema) -> None:
    """Write that a file may be loaded with a schema, whatever the contract says."""
    # No run does that: it has an id of its own.
    row = {
        "source": source,
        "file": file,
        "accepted_at": now(),
        "run_id": uuid.uuid4().hex,
        "schema": _as_json(schema),
    }
    state_of(connection).execute(insert(ACCEPTED_SCHEMAS), row)


def read_history(warehouse: Warehouse, source: str = "") -> list[Entry]:
    """Read the changes of a source, or of all, the oldest first.

    Raises:
        WarehouseError: there is no warehouse yet.
    """
    if not warehouse.exists():
        raise WarehouseError(
            f"{warehouse.path} does not exist yet: `benepass run` "
            "loads the files, and the history begins there"
        )
    with warehouse.read() as connection:
        return read_entries(connection, source)


def read_entries(connection: Connection, source: str = "") -> list[Entry]:
    """Read the same in a session that is open already."""
    if not _has(connection, SCHEMA_CHANGES):
        return []
    of = SCHEMA_CHANGES.c
    found = select(*of).order_by(of.changed_at, of.load_id, of.entry)
    chosen = found.where(of.source == source) if source else found
    return [_entry(row) for row in state_of(connection).execute(chosen)]


def _entry(row: Row[Any]) -> Entry:
    violations = None if row.misfits is None else Violations(row.misfits, tuple(row.misfit_rows))
    change = Change(
        row.column_name,
        row.change,
        row.before,
        row.after,
        row.severity,
        is_guess=row.is_guess,
        violations=violations,
        header=row.header,
    )
    return Entry(row.load_id, row.changed_at, row.source, row.file, row.relation, change)


def _stored(connection: Connection, load_id: str) -> FileSchema | None:
    """The schema of a load; None where somebody has dropped dlt's tables."""
    if "raw._dlt_loads" not in engine_of(connection).relations():
        return None
    found = connection.exec_driver_sql(STORED, (load_id,)).first()
    if found is None:
        return None
    schema = json.loads(found.schema)
    # The columns of a file are in the one table whose column says which file it was.
    tables = (table["columns"] for table in schema["tables"].values())
    columns: Mapping[str, Any] = next(
        (it for it in tables if FILE in it.get("_source_file", {})), {}
    )
    return FileSchema.from_hints(columns)
