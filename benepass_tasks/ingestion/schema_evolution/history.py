"""What the warehouse remembers of schemas: which counted, and what has changed between them.

The schema of each load is in dlt's own tables, `raw._dlt_loads` and `raw._dlt_version`. A load that
was killed has left its schema there too; `meta.accepted_schemas` says which ones count, and holds
what was accepted by hand. `meta.schema_changes` is the history for people.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, case, insert, select

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


def read_known(warehouse: Warehouse, source: str, file: str) -> Known:
    """Read what `meta` and dlt's tables know of the schema of a file."""
    if not warehouse.exists():
        return Known()
    with warehouse.read() as connection:
        if not _has(connection, ACCEPTED_SCHEMAS):
            return Known()
        state = state_of(connection)
        accepted = state.execute(_accepted(source, file)).all()
        if not accepted:
            return Known()
        last = next((it for it in accepted if it.load_id is not None), None)
        loaded = _stored(connection, last.load_id) if last else None
        of = SCHEMA_CHANGES.c
        seen = state.execute(select(of.column_name).where(of.source == source).distinct())
        columns = frozenset(seen.scalars())
    by_hand = accepted[0].schema
    return Known(
        loaded,
        FileSchema.from_hints(json.loads(by_hand)) if by_hand else loaded,
        columns,
        last.load_id if last else None,
        last.file if last else None,
        is_new=False,
    )


def _accepted(source: str, file: str) -> Select[Any]:
    """The schemas that counted for a source, those of a file first, and of these the newest."""
    of = ACCEPTED_SCHEMAS.c
    found = select(of.load_id, of.schema, of.file).where(of.source == source)
    return found.order_by(case((of.file == file, 0), else_=1), of.accepted_at.desc())


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


def write_changes(
    connection: Connection, load: Load, relation: str, changes: Sequence[Change]
) -> None:
    """Write that the schema of a load counts from now on, and what has changed with it."""
    accepted = {"run_id": load.run_id, "load_id": load.load_id}
    _write_accepted(connection, load.source, load.file, **accepted)
    of_load = {
        "load_id": load.load_id,
        "run_id": load.run_id,
        "changed_at": load.loaded_at,
        "source": load.source,
        "file": load.file,
        "relation": relation,
    }
    if changes:
        entries = [
            {
                **of_load,
                "entry": number,
                "column_name": change.column,
                "change": change.kind,
                "before": change.before,
                "after": change.after,
                "is_guess": change.is_guess,
                "misfits": change.violations.count if change.violations else None,
                "misfit_rows": list(change.violations.rows) if change.violations else [],
                "severity": change.severity,
                "header": change.header,
            }
            for number, change in enumerate(changes, 1)
        ]
        state_of(connection).execute(insert(SCHEMA_CHANGES), entries)


def accept_schema(connection: Connection, source: str, file: str, schema: FileSchema) -> None:
    """Write that a file may be loaded with a schema, whatever the contract says."""
    # No run does that: it has an id of its own.
    accepted = {"run_id": uuid.uuid4().hex, "schema": json.dumps(schema.as_hints())}
    _write_accepted(connection, source, file, **accepted)


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


def _write_accepted(connection: Connection, source: str, file: str, **accepted: str) -> None:
    row = {"source": source, "file": file, "accepted_at": now()}
    state_of(connection).execute(insert(ACCEPTED_SCHEMAS), {**row, **accepted})


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
