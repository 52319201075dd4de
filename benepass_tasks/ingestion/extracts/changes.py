"""Tables of Postgres whose changes are followed, by logical replication.

Postgres keeps its log for a slot until somebody says how far it was read. Each reading looks at the
changes since then without taking them, and puts them into the extracts; the next one, which finds
these in their places, tells Postgres. So a change may be read twice, and is applied once: an
extract says itself how far it goes. Where that does not fit what the slot still has, or the table
is another one now, all of the table is read anew, as of a moment whose transactions are not
applied again.
"""

import json
import logging
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Connection, Engine, column, inspect, table, text
from sqlalchemy.exc import ProgrammingError

from benepass_tasks.catalog.extracts import TableExtract
from benepass_tasks.catalog.header_names import header_key
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.extracts import pgoutput
from benepass_tasks.ingestion.extracts.database import (
    TableRows,
    engine_of,
    read_only,
    text_of_value,
    texts,
    told,
)
from benepass_tasks.ingestion.extracts.files import ROWS, Extracts, Row, writing
from benepass_tasks.ingestion.extracts.pgoutput import Unsaid, place, placed
from benepass_tasks.state.slots import Position

log = logging.getLogger(__name__)

_STAMP: Final = b"benepass.changes"
"""The key of an extract's metadata that says of which slot it is, how far it goes, and of what."""

_TABLE: Final = text("""
select c.oid, n.nspname, c.relname, c.relkind, c.relreplident
from pg_class as c inner join pg_namespace as n on c.relnamespace = n.oid
where c.oid = to_regclass(coalesce(quote_ident(:schema) || '.', '') || quote_ident(:name))
""")
_COLUMNS: Final = text("""
select attname, atttypid, atttypmod from pg_attribute
where attrelid = :oid and attnum > 0 and not attisdropped and attgenerated = '' order by attnum
""")
_PUBLISHED: Final = text("""
select schemaname, tablename, to_jsonb(it) ->> 'rowfilter'
from pg_publication_tables as it where pubname = :name
""")
_PUBLICATION: Final = text("""
select pubinsert and pubupdate and pubdelete and pubtruncate from pg_publication
where pubname = :name
""")
_SLOT: Final = text("""
select confirmed_flush_lsn::text, coalesce(to_jsonb(it) ->> 'wal_status', '') = 'lost',
  pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint
from pg_replication_slots as it where slot_name = :name and plugin = 'pgoutput'
""")
_PEEK: Final = text("""
select data from pg_logical_slot_peek_binary_changes(
  :slot, cast(:until as pg_lsn), null, 'proto_version', '1', 'publication_names', :publications)
""")
_CREATE: Final = text("select pg_create_logical_replication_slot(:slot, 'pgoutput')")
_ADVANCE: Final = text("select pg_replication_slot_advance(:slot, cast(:until as pg_lsn))")
_DROP: Final = text(
    "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = :slot"
)
# Its commit is on disk before it returns, and with it all that a snapshot saw as committed.
_FLUSH: Final = text("select pg_logical_emit_message(true, 'benepass', '')")

_Column: TypeAlias = tuple[str, int, int]
_Cell: TypeAlias = "str | _Kept | None"


@dataclass(frozen=True, slots=True)
class _Kept:
    """A large value that did not change: that of the row with a key in the extract before."""

    key: Row
    at: int


class _MisfitError(Exception):
    """A change does not fit the rows that are known."""


@dataclass
class _Followed:
    """A table, and what became of its rows since the last reading.

    Attributes:
        columns: Those of the table, with their types.
        keys: Those of its primary key.
        since: How far its extract goes; None where all of it has to be read.
        seen: The transactions that were seen where all of it was read.
        base: The extract that the changes are put into.
    """

    extracts: Extracts
    extract: TableExtract
    path: tuple[str, str]
    columns: tuple[_Column, ...]
    keys: list[str]
    since: int | None = None
    seen: pgoutput.Seen | None = None
    base: Path | None = None
    is_misfit: bool = False
    _is_emptied: bool = False
    _rows: dict[Row, tuple[_Cell, ...] | None] = field(default_factory=dict)
    _loaders: list[Callable[[bytes], Any]] = field(default_factory=list)

    @property
    def source(self) -> str:
        return self.extracts.source.name

    @cached_property
    def places(self) -> list[int]:
        """Where the columns are that are read."""
        ignored = {header_key(it) for it in self.extracts.source.ignored}
        return [at for at, it in enumerate(self.columns) if header_key(it[0]) not in ignored]

    @cached_property
    def names(self) -> list[str]:
        return [self.columns[it][0] for it in self.places]

    @cached_property
    def key_places(self) -> list[int]:
        return [self.names.index(it) for it in self.keys]

    @property
    def is_changed(self) -> bool:
        return self._is_emptied or bool(self._rows) or self.seen is not None

    def read_with(self, connection: Connection) -> None:
        """Read values as the driver of a connection reads those of a query."""
        from psycopg.adapt import Transformer  # noqa: PLC0415 - an extra
        from psycopg.pq import Format  # noqa: PLC0415

        transformer = Transformer(connection.connection.driver_connection)
        types = (self.columns[it][1] for it in self.places)
        self._loaders = [transformer.get_loader(it, Format.TEXT).load for it in types]

    def applies(self, xid: int, end: int) -> bool:
        """Whether a transaction is new to it."""
        if self.is_misfit or self.since is None or end <= self.since:
            return False
        return self.seen is None or not self.seen.has(xid)

    def apply(self, change: pgoutput.Message) -> None:
        """Note what became of a row, or of all."""
        if isinstance(change, pgoutput.Insert):
            self._put(self._row(change.new), None)
        elif isinstance(change, pgoutput.Update):
            old = self._row(change.old) if change.old is not None else None
            self._put(self._row(change.new), old)
        elif isinstance(change, pgoutput.Delete):
            self._rows[self._key(self._row(change.old))] = None
        elif isinstance(change, pgoutput.Truncate):
            self._rows.clear()
            self._is_emptied = True

    def _row(self, said: pgoutput.Tuple) -> tuple[str | Unsaid | None, ...]:
        if len(said) != len(self.columns):
            raise _MisfitError
        values = (said[it] for it in self.places)
        return tuple(
            text_of_value(load(it)) if isinstance(it, bytes) else it
            for it, load in zip(values, self._loaders, strict=True)
        )

    def _key(self, row: Sequence[object]) -> Row:
        found = tuple(row[it] for it in self.key_places)
        if not all(isinstance(it, str) for it in found):
            raise _MisfitError
        return tuple(map(str, found))

    def _put(
        self,
        new: tuple[str | Unsaid | None, ...],
        old: tuple[str | Unsaid | None, ...] | None,
    ) -> None:
        if old is not None:
            # What is not said of a key is what it was.
            new = tuple(
                old[at] if it is Unsaid.UNCHANGED and at in self.key_places else it
                for at, it in enumerate(new)
            )
        before = self._key(new if old is None else old)
        row = tuple(
            self._unchanged(before, at) if isinstance(it, Unsaid) else it
            for at, it in enumerate(new)
        )
        self._rows[before] = None
        self._rows[self._key(row)] = row

    def _unchanged(self, key: Row, at: int) -> _Cell:
        if key not in self._rows and not self._is_emptied:
            return _Kept(key, at)
        row = self._rows.get(key)
        if row is None:
            raise _MisfitError
        return row[at]

    def write(self, slot: str, read: int) -> int:
        """Write the extract anew; returns how many rows are others."""
        stamp = {"slot": slot, "read": read, "columns": self.columns}
        path = self.extracts.new
        with writing(path, self.names) as writer:
            writer.parquet.add_key_value_metadata({_STAMP: json.dumps(stamp).encode()})
            kept: dict[Row, Row] = {}
            for part in self._standing():
                keys = zip(*(part.column(it).to_pylist() for it in self.keys), strict=True)
                is_touched = pa.array([it in self._rows for it in keys], pa.bool_())
                writer.write_table(part.filter(pc.invert(is_touched)))
                touched = part.filter(is_touched)
                rows = zip(*(it.to_pylist() for it in touched.columns), strict=True)
                kept |= {self._key(row): row for row in rows}
            whole = writer.rows
            writer.write([self._filled(row, kept) for row in self._rows.values() if row])
        return whole if self.seen is not None else len(self._rows)

    def _standing(self) -> Iterator[pa.Table]:
        if self.base is not None and not self._is_emptied:
            with pq.ParquetFile(self.base) as file:
                for part in file.iter_batches():
                    yield pa.Table.from_batches([part])

    def _filled(self, row: tuple[_Cell, ...], kept: Mapping[Row, Row]) -> Row:
        try:
            return tuple(kept[it.key][it.at] if isinstance(it, _Kept) else it for it in row)
        except KeyError:
            raise _MisfitError from None


def follow_changes(
    credentials: str, wanted: Sequence[tuple[Extracts, TableExtract]]
) -> dict[str, int]:
    """Put what has changed in tables of one database into their extracts.

    Returns:
        How many rows are others, by source.

    Raises:
        SourceError: the database cannot be reached or does not let its changes be followed. Never
            says the address.
    """
    with engine_of(credentials, isolation_level="AUTOCOMMIT") as engine:
        if engine.dialect.name != "postgresql":
            raise SourceError(
                f"{credentials}: mode: cdc is for Postgres, and not for {engine.dialect.name}"
            )
        with (
            told(credentials, credentials),
            _readable(credentials),
            engine.connect() as connection,
        ):
            return _Following(credentials, engine, connection, wanted).read()


@contextmanager
def _readable(credentials: str) -> Iterator[None]:
    """Word what cannot be read of a change, without the value."""
    from psycopg import Error  # noqa: PLC0415 - an extra

    try:
        yield
    except (pgoutput.UnreadableMessageError, Error) as error:
        raise SourceError(
            f"{credentials}: its changes cannot be read ({type(error).__name__}). Nothing of them "
            "was taken over; what was read before stays",
            reason=f"{credentials}: its changes cannot be read",
        ) from None


def drop_slot(credentials: str, folder: Path) -> str | None:
    """Remove the slot of a database, so that it keeps nothing of its log for us any more.

    Returns:
        The slot; None where there is none. What is read next begins anew.
    """
    position = Position.of(folder, credentials)
    if position is None:
        return None
    with (
        engine_of(credentials, isolation_level="AUTOCOMMIT") as engine,
        told(credentials, credentials),
        engine.connect() as connection,
    ):
        found = connection.execute(_DROP, {"slot": position.slot}).first()
    Position.forget(folder, credentials)
    return position.slot if found else None


class _Following:
    """One reading of the changes of a database."""

    def __init__(
        self,
        credentials: str,
        engine: Engine,
        connection: Connection,
        wanted: Sequence[tuple[Extracts, TableExtract]],
    ) -> None:
        self._credentials, self._engine, self._connection = credentials, engine, connection
        self._folder, self._aside = wanted[0][0].folder, wanted[0][0].aside
        self._tables = [_found(connection, *it) for it in wanted]
        self._publications = sorted({it.publication for _, it in wanted})
        self._position = Position.of(self._folder, credentials)
        self._lag = 0

    def read(self) -> dict[str, int]:
        for name in self._publications:
            self._publish(name, [it for it in self._tables if it.extract.publication == name])
        position = self._begin()
        for it in self._tables:
            it.since, it.base = _since(it, position), next(iter(it.extracts.standing), None)
        if anew := [it for it in self._tables if it.since is None]:
            read = {it.path: it for it in self._read_anew(anew)}
            self._tables = [read.get(it.path, it) for it in self._tables]
        until = place(str(self._scalar("select pg_current_wal_flush_lsn()::text")))
        with self._engine.connect().execution_options(
            isolation_level="READ COMMITTED"
        ) as connection:
            self._apply(connection, position.slot, until)
        return self._write(position, until)

    def _scalar(self, query: str) -> object:
        return self._connection.exec_driver_sql(query).scalar()

    def _publish(self, name: str, tables: Sequence[_Followed]) -> None:
        """Let the changes of tables be told, if they are not yet."""
        quote = self._engine.dialect.identifier_preparer.quote
        is_whole = self._connection.execute(_PUBLICATION, {"name": name}).scalar()
        if is_whole is False:
            raise SourceError(
                f"{self._credentials}: the publication {name} leaves out inserts, updates, deletes "
                "or truncates; let it publish all four, or name another with publication"
            )
        found = self._connection.execute(_PUBLISHED, {"name": name})
        there = {(schema, table): rowfilter for schema, table, rowfilter in found}
        if filtered := [it.source for it in tables if there.get(it.path)]:
            raise SourceError(
                f"{filtered[0]}: the publication {name} leaves out rows of {tables[0].extract}; "
                "name one without a filter with publication"
            )
        missing = [it for it in tables if it.path not in there]
        if not missing:
            return
        listed = ", ".join(".".join(map(quote, it.path)) for it in missing)
        change = f"create publication {quote(name)} for table {listed}"
        change += " with (publish_via_partition_root = true)"
        if is_whole:
            change = f"alter publication {quote(name)} add table {listed}"
        try:
            with self._engine.connect().execution_options(
                isolation_level="READ COMMITTED"
            ) as connection:
                # Changes of transactions that had begun before would be lost.
                connection.exec_driver_sql("set local lock_timeout = '15s'")
                connection.exec_driver_sql(f"lock table {listed} in share mode")
                connection.exec_driver_sql(change)
                connection.commit()
        except ProgrammingError as error:
            raise SourceError(
                f"{self._credentials}: its user may not publish {listed}; let the owner run: "
                f"{change}",
                reason=f"{self._credentials}: a publication is missing",
            ) from error

    def _begin(self) -> Position:
        """Find the slot, and tell it how far it was read; make one where there is none."""
        position, slot = self._position, None
        if position is not None:
            slot = self._connection.execute(_SLOT, {"name": position.slot}).first()
        if position is None or slot is None or slot[1]:
            if position is not None and slot is not None:
                self._connection.execute(_DROP, {"slot": position.slot})
            position = Position(f"benepass_{secrets.token_hex(8)}")
            # Known before it is there: nobody would remove it otherwise.
            position.write(self._folder, self._credentials)
            # It waits for all transactions that had begun before.
            self._connection.exec_driver_sql("set statement_timeout = '10min'")
            self._connection.execute(_CREATE, {"slot": position.slot})
            self._connection.exec_driver_sql("reset statement_timeout")
            return position
        confirmed, _, lag = slot
        self._lag = int(lag)
        if place(confirmed) > position.read:
            # Somebody else has read from it.
            return Position(position.slot, place(confirmed))
        if position.read > place(confirmed):
            until = {"slot": position.slot, "until": placed(position.read)}
            self._connection.execute(_ADVANCE, until)
        return position

    def _read_anew(self, tables: Sequence[_Followed]) -> list[_Followed]:
        """Read all rows of tables, as of one moment; returns these as they are then."""
        quote = self._engine.dialect.identifier_preparer.quote
        with self._engine.connect().execution_options(**read_only("postgresql")) as connection:
            for it in tables:
                # Before the moment, so that nobody makes another table of it meanwhile.
                name = ".".join(map(quote, it.path))
                connection.exec_driver_sql(f"lock table {name} in access share mode")
            query = "select txid_current_snapshot()::text"
            seen = pgoutput.Seen.of(str(connection.exec_driver_sql(query).scalar()))
            found = [_found(connection, it.extracts, it.extract) for it in tables]
            for it in found:
                it.since, it.seen = 0, seen
                it.base = it.extracts.new.with_suffix(".whole")
                _write_whole(connection, it, it.base)
        self._connection.execute(_FLUSH)
        return found

    def _apply(self, connection: Connection, slot: str, until: int) -> None:
        """Note all changes up to a place in the log, a transaction after the other."""
        by_path = {it.path: it for it in self._tables}
        for it in self._tables:
            it.read_with(connection)
        quote = self._engine.dialect.identifier_preparer.quote_identifier
        asked = {
            "slot": slot,
            "until": placed(until),
            "publications": ",".join(map(quote, self._publications)),
        }
        known: dict[int, tuple[_Followed, bool]] = {}
        with connection.execute(_PEEK, asked, execution_options={"yield_per": ROWS}) as found:
            for xid, end, changes in _transactions(bytes(data) for (data,) in found):
                for change in changes:
                    if not isinstance(change, pgoutput.Relation):
                        _note(change, known, (xid, end))
                    elif is_of := by_path.get((change.schema, change.name)):
                        known[change.id] = is_of, change.columns == is_of.columns

    def _write(self, position: Position, until: int) -> dict[str, int]:
        rows, stamps = dict[str, int](), dict[str, int]()
        for it in self._tables:
            rows[it.source] = 0
            try:
                if it.is_changed and not it.is_misfit:
                    rows[it.source] = it.write(position.slot, until)
                    stamps[it.source] = until
            except _MisfitError:
                it.is_misfit = True
            if it.is_misfit:
                it.extracts.new.unlink(missing_ok=True)
                log.warning(
                    "%s: %s is another table now, and is read anew by the next run",
                    it.source,
                    it.extract,
                )
            elif it.source not in stamps:
                stamps[it.source] = _stamp_of(it)["read"]
        Position(position.slot, until, stamps, self._lag).write(self._aside, self._credentials)
        return rows


def _write_whole(connection: Connection, found: _Followed, path: Path) -> None:
    """Write all rows of a table into a file."""
    schema, name = found.path
    of = table(name, *(column(it) for it, *_ in found.columns), schema=schema)
    with writing(path, found.names) as writer:
        for rows in texts(connection, TableRows(of, found.names, found.keys).query(None)):
            writer.write(rows)


def _note(
    change: pgoutput.Message,
    known: Mapping[int, tuple[_Followed, bool]],
    transaction: tuple[int, int],
) -> None:
    """Let the tables that a change is of note it, as far as it is new to them."""
    of: Sequence[int] = ()
    if isinstance(change, pgoutput.Truncate):
        of = change.relations
    elif isinstance(change, pgoutput.Insert | pgoutput.Update | pgoutput.Delete):
        of = (change.relation,)
    for found, is_same in (known[it] for it in of if it in known):
        if not found.applies(*transaction):
            continue
        try:
            found.apply(change)
        except _MisfitError:
            found.is_misfit = True
        found.is_misfit = found.is_misfit or not is_same


def _transactions(
    messages: Iterator[bytes],
) -> Iterator[tuple[int, int, Sequence[pgoutput.Message]]]:
    """The committed transactions: number, place in the log where each ends, and its changes."""
    xid, changes = 0, list[pgoutput.Message]()
    for data in messages:
        message = pgoutput.decode(data)
        if isinstance(message, pgoutput.Begin):
            xid, changes = message.xid, []
        elif isinstance(message, pgoutput.Commit):
            yield xid, message.end, changes
        elif message is not None:
            changes.append(message)


def _found(connection: Connection, extracts: Extracts, extract: TableExtract) -> _Followed:
    """Look for a table, and for what is needed to follow it.

    Raises:
        SourceError: it is not there, is no table, or its rows cannot be told apart.
    """
    source = extracts.source.name
    named = {"schema": extract.schema, "name": extract.table}
    found = connection.execute(_TABLE, named).first()
    if found is None:
        raise SourceError(f"{source}: there is no {extract}")
    oid, schema, name, kind, identity = found
    if kind not in ("r", "p"):
        raise SourceError(f"{source}: {extract} is not a table, and only tables have changes")
    columns = tuple(
        (str(it), int(of), int(by)) for it, of, by in connection.execute(_COLUMNS, {"oid": oid})
    )
    keys = list(inspect(connection).get_pk_constraint(name, schema)["constrained_columns"])
    made = _Followed(extracts, extract, (schema, name), columns, keys)
    if not keys or not set(keys) <= set(made.names):
        raise SourceError(
            f"{source}: {extract} has no primary key among the columns that are read, and mode: "
            "cdc needs one; give it one, or read all of it each time"
        )
    if identity not in ("d", "f"):
        raise SourceError(
            f"{source}: {extract} does not say by its primary key which rows change; let its owner "
            f"run: alter table {schema}.{name} replica identity default"
        )
    return made


def _since(found: _Followed, position: Position) -> int | None:
    """How far an extract goes; None where it is of another slot or table, or there is none."""
    stamp = _stamp_of(found)
    if stamp is None or stamp["slot"] != position.slot:
        return None
    if tuple(map(tuple, stamp["columns"])) != found.columns:
        return None
    read = int(stamp["read"])
    if position.stamps.get(found.source) == read:
        return max(read, position.read)
    # Its reading ended before it was written down, or it is of a time before.
    return read if read >= position.read else None


def _stamp_of(found: _Followed) -> Any:  # noqa: ANN401 - JSON
    for it in found.extracts.standing:
        stamp = (pq.read_metadata(it).metadata or {}).get(_STAMP)
        return json.loads(stamp) if stamp else None
    return None
