"""Tables of a SQL database, read as they all are at one moment.

SQLAlchemy names the tables and writes the SQL; each value becomes the text that the same value has
in a workbook or a Parquet file.
"""

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import (
    URL,
    ColumnClause,
    Connection,
    CursorResult,
    Engine,
    Select,
    TableClause,
    bindparam,
    column,
    create_engine,
    inspect,
    or_,
    select,
    table,
)
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    NoSuchModuleError,
    NoSuchTableError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.types import NullType

from benepass_tasks.catalog.extracts import TableExtract
from benepass_tasks.catalog.header_names import header_key
from benepass_tasks.catalog.wording import listed, meant, nearest, printable
from benepass_tasks.config.database_address import database_address, unset_address
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.extracts.files import (
    ROWS,
    Extracts,
    Known,
    Row,
    Writer,
    earlier,
    keeping,
    rank,
    writing,
)
from benepass_tasks.ingestion.readers.values import text_of

_Writer: TypeAlias = Callable[[object], str | None]

CONNECTING: Final = 15
"""Seconds that a database may take to answer at all."""

_SNAPSHOT: Final[Mapping[str, Mapping[str, object]]] = MappingProxyType(
    {
        "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
        "mysql": {"isolation_level": "REPEATABLE READ"},
        "mariadb": {"isolation_level": "REPEATABLE READ"},
        "sqlite": {},
    }
)
"""What lets a transaction see one moment of a database, by its kind; no other kind is read."""

_MYSQL: Final = ("mysql", "mariadb")
_BEGIN: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        # Its driver would begin a transaction only where something is written.
        "sqlite": ("begin",),
        **dict.fromkeys(
            _MYSQL,
            (
                # A TIMESTAMP is handed out in the zone of the session.
                "set time_zone = '+00:00'",
                # Otherwise the moment would be that of the first row that is read.
                "start transaction with consistent snapshot, read only",
            ),
        ),
    }
)
"""What begins the transaction, where the driver does not."""

_TIMESTAMP: Final = 7
"""What the protocol of MySQL calls a column of instants; other moments are local."""

_SAYING_NO_VALUE: Final = frozenset(
    {1044, 1045, 1046, 1049, 1054, 1142, 1143, 1146, 1356, *range(2000, 2070)}
)
"""The errors of MySQL whose texts name users, tables and columns; those of others quote values."""


def read_tables(
    credentials: str, wanted: Sequence[tuple[Extracts, TableExtract]]
) -> dict[str, int]:
    """Write new extracts of tables of one database, all as of one moment.

    Returns:
        The rows that are new, by source.

    Raises:
        SourceError: the database cannot be reached or refuses, a table or column is missing, or
            its rows cannot be told apart though that is needed. Never says the address.
    """
    rows = {}
    with _snapshot(credentials) as connection:
        for extracts, extract in wanted:
            source = extracts.source.name
            with told(credentials, source):
                rows[source] = _read(connection, extracts, extract)
    return rows


def copy_table(extract: TableExtract, path: Path, most: int) -> None:
    """Write the first rows of a table that nobody has declared into a file, as an extract has them.

    Raises:
        SourceError: the database cannot be reached or refuses, or has no such table. Never says the
            address.
    """
    credentials = extract.credentials
    with _snapshot(credentials) as connection, told(credentials, str(extract)):
        found = TableRows.found(connection, extract, credentials)
        with writing(path, found.columns) as writer:
            for rows in texts(connection, found.query(None).limit(most)):
                writer.write(rows)


def url_of(credentials: str) -> URL:
    """The address of a database, which a variable of the environment holds.

    Raises:
        SourceError: the variable is not set, or holds no address of a database that can be read.
    """
    try:
        url = database_address(credentials)
    except ArgumentError as error:
        raise SourceError(str(error)) from None
    if url is None:
        raise SourceError(
            f"{unset_address(credentials)}. What was read before stays",
            reason=f"{credentials} is not set",
        )
    if url.get_backend_name() not in _SNAPSHOT:
        raise SourceError(
            f"{credentials}: {url.get_backend_name()} is not read, since nobody has tried whether "
            f"all tables are seen as of one moment (read: {', '.join(_SNAPSHOT)})"
        )
    return url


@contextmanager
def engine_of(credentials: str, **options: object) -> Iterator[Engine]:
    """What opens connections to a database, with some execution options.

    Raises:
        SourceError: there is no address, no driver, or no file.
    """
    url = url_of(credentials)
    kind = url.get_backend_name()
    timeout = {} if kind == "sqlite" else {"connect_timeout": CONNECTING}
    with told(credentials, credentials):
        if kind == "sqlite" and url.database and not os.path.isfile(url.database):  # noqa: PTH113
            raise SourceError(f"{credentials}: there is no file {url.database}")
        # JSON stays as it is written; otherwise its numbers would be rounded.
        as_written = {"json_deserializer": _decoded} if kind == "postgresql" else {}
        engine = create_engine(url, connect_args=timeout, execution_options=options, **as_written)
    try:
        yield engine
    finally:
        engine.dispose()


def read_only(kind: str) -> Mapping[str, Any]:
    """What lets a transaction see one moment of a database of a kind, and write nothing."""
    return _SNAPSHOT[kind]


@contextmanager
def _snapshot(credentials: str) -> Iterator[Connection]:
    """A transaction that sees the database as it is when it begins, and changes nothing."""
    options = read_only(url_of(credentials).get_backend_name())
    with engine_of(credentials, **options) as engine:
        with told(credentials, credentials):
            connection = engine.connect()
        with connection:
            with told(credentials, credentials):
                for it in _BEGIN.get(engine.dialect.name, ()):
                    connection.exec_driver_sql(it)
            yield connection


@contextmanager
def told(credentials: str, what: str) -> Iterator[None]:
    """Word what a database or its driver says, without a secret and without a value of the data."""
    try:
        yield
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise SourceError(
            f"{credentials}: the driver of this database is not installed ({error}): "
            "pip install 'benepass-tasks[sql]'"
        ) from None
    except DBAPIError as error:
        password = os.environ.get(credentials, "") and url_of(credentials).password
        raise SourceError(
            f"{what} cannot be read: {_worded(error, password)}. What was read before stays",
            reason=f"{what} cannot be read",
        ) from None


def _worded(error: DBAPIError, password: str | None) -> str:
    """What may be said: that something is not there or not allowed, but no value."""
    if not isinstance(error, OperationalError | ProgrammingError):
        return type(error.orig).__name__
    code = error.orig.args[0] if error.orig is not None and error.orig.args else None
    if isinstance(code, int) and code not in _SAYING_NO_VALUE:
        return f"{type(error.orig).__name__} {code}"
    lines = [it.strip() for it in str(error.orig).splitlines() if it.strip()] or ["no reason given"]
    said = printable(lines[0], 300)
    return said.replace(password, "****") if password else said


def _decoded(written: str | bytes) -> str:
    return written.decode() if isinstance(written, bytes) else written


def _read(connection: Connection, extracts: Extracts, extract: TableExtract) -> int:
    """Write the new extract of a table, if there is anything new; returns the new rows."""
    source = extracts.source
    found = TableRows.found(connection, extract, source.name, source.ignored)
    since = extracts.cursor
    if extract.is_whole and extracts.standing and since is not None:
        if pq.read_schema(extracts.standing[0]).names == found.columns:
            return _put_together(connection, extracts, found, since)
        since = None  # The columns are others now.
    known = Known()
    if since is not None:
        known = Known(found.places, extracts.rows_since(since, found.columns))
    with writing(extracts.new, found.columns, since) as writer:
        _write_new(connection, found, since, writer, known)
    if not writer.rows and not extract.is_whole and extracts.standing:
        extracts.new.unlink()
    return writer.rows


def _write_new(
    connection: Connection, found: "TableRows", since: str | None, writer: Writer, known: Known
) -> None:
    for rows in texts(connection, found.query(since)):
        writer.write([it for it in rows if known.lacks(it)], found.cursors(rows))


def _put_together(
    connection: Connection, extracts: Extracts, found: "TableRows", since: str
) -> int:
    """Put what has changed into the extract that there is, and leave out what is gone."""
    standing = pq.ParquetFile(extracts.standing[0])
    read = [row for rows in texts(connection, found.query(since)) for row in rows]
    before = Known(
        found.places,
        (row for part in _parts(standing, found, set(map(found.key, read))) for row in _rows(part)),
    )
    changed = [row for row in read if before.lacks(row)]
    there = {key for keys in texts(connection, found.all_keys) for key in keys}
    kept = there.difference(map(found.key, changed))
    with writing(extracts.new, found.columns, since) as whole:
        for part in _parts(standing, found, kept):
            whole.write_table(part)
        kept_rows = whole.rows
        whole.write(changed, found.cursors(read))
    if not changed and kept_rows == standing.metadata.num_rows:
        extracts.new.unlink()
    return len(changed)


def _parts(
    standing: pq.ParquetFile, found: "TableRows", keys: Collection[Row]
) -> Iterator[pa.Table]:
    """The rows of an extract whose keys are among some, a part at a time."""
    for part in standing.iter_batches():
        yield keeping(pa.Table.from_batches([part]), found.keys, keys)


def _rows(part: pa.Table) -> Iterator[Row]:
    return zip(*(values.to_pylist() for values in part.columns), strict=True)


class TableRows:
    """A table as the database has it, and what is asked of it."""

    def __init__(self, name: TableClause, columns: list[str], keys: list[str]) -> None:
        """Name the columns that are read; `keys` tell its rows apart."""
        self.columns, self.keys = columns, keys
        self.cursor: str | None = None
        self.lag = timedelta()
        self.kind = ""
        self._name = name

    @classmethod
    def found(
        cls,
        connection: Connection,
        extract: TableExtract,
        source: str,
        without: Collection[str] = (),
    ) -> "TableRows":
        """Look for a table and for what is needed of it.

        Args:
            connection: A session of its database.
            extract: The table.
            source: What messages call who reads it.
            without: The columns that are not read.

        Raises:
            SourceError: it is not there, lacks the column of the cursor, or has no key though rows
                are to leave.
        """
        about = inspect(connection)
        try:
            there = [it["name"] for it in about.get_columns(extract.table, extract.schema)]
            keys = about.get_pk_constraint(extract.table, extract.schema)["constrained_columns"]
        except NoSuchTableError:
            names = [*about.get_table_names(extract.schema), *about.get_view_names(extract.schema)]
            near = meant(nearest(extract.table, names)) or f" (there are {listed(names)})"
            raise SourceError(f"{source}: there is no {extract}{near}") from None
        ignored = {header_key(it) for it in without}
        columns = [it for it in there if header_key(it) not in ignored]
        found = cls(
            table(extract.table, *map(column, there), schema=extract.schema), columns, list(keys)
        )
        if extract.cursor is not None:
            _require(source, extract, extract.cursor, columns)
            found.cursor, found.lag = extract.cursor, extract.lag
            found.kind = connection.dialect.name
        if extract.deletes and not (keys and set(keys) <= set(columns)):
            raise SourceError(
                f"{source}: {extract} has no primary key among the columns that are read, and "
                f"deletes: {extract.deletes} needs one; give it one, or read all of it each time"
            )
        return found

    @cached_property
    def places(self) -> list[int]:
        """Where the keys are among the columns; none where not all of them are."""
        is_known = set(self.keys) <= set(self.columns)
        return [self.columns.index(it) for it in self.keys] if is_known else []

    def key(self, row: Row) -> Row:
        """The key of a row."""
        return tuple(row[it] for it in self.places)

    def cursors(self, rows: Iterable[Row]) -> list[str | None]:
        """The values of the cursor in rows; none where there is no cursor."""
        if self.cursor is None:
            return []
        place = self.columns.index(self.cursor)
        return [row[place] for row in rows]

    def query(self, since: str | None) -> Select[Any]:
        """The rows, in an order of their own; only those from a value of the cursor on."""
        of = self._name.c
        asked = select(*(of[it] for it in self.columns))
        if self.cursor is None:
            return asked.order_by(*(of[it] for it in self.keys))
        if since is not None:
            begin = _literal(earlier(since, self.lag), self.kind)
            asked = asked.where(_from(of[self.cursor], begin))
        return asked.order_by(*(of[it] for it in dict.fromkeys([self.cursor, *self.keys])))

    @property
    def all_keys(self) -> Select[Any]:
        """The keys of all rows."""
        return select(*(self._name.c[it] for it in self.keys))


def _require(source: str, extract: TableExtract, name: str, columns: Sequence[str]) -> None:
    if name not in columns:
        near = meant(nearest(name, columns)) or f" (columns: {listed(columns)})"
        raise SourceError(f"{source}: {extract} has no column {name}, its cursor{near}")


def _from(cursor: ColumnClause[Any], value: str) -> Any:  # noqa: ANN401 - SQLAlchemy's own
    """Rows from a value on, and those without one, of which nobody knows when they changed."""
    # Without a type, so that the database reads the text as it reads a literal.
    return or_(cursor >= bindparam("since", value, NullType()), cursor.is_(None))


def _literal(value: str, kind: str) -> str:
    """A value of a cursor as a database of a kind reads it: MySQL has instants without T and Z."""
    _, instant = rank(value)
    if kind not in _MYSQL or not isinstance(instant, datetime) or "T" not in value:
        return value
    return (instant.astimezone(UTC) if instant.tzinfo else instant).strftime("%Y-%m-%d %H:%M:%S.%f")


def texts(connection: Connection, query: Select[Any]) -> Iterator[list[Row]]:
    """The rows of a query as text, some at a time."""
    found = connection.execute(query, execution_options={"yield_per": ROWS})
    writers = _writers_of(connection, found)
    for rows in found.partitions():
        yield [tuple(write(it) for write, it in zip(writers, row, strict=True)) for row in rows]


def _writers_of(connection: Connection, found: CursorResult[Any]) -> list[_Writer]:
    """What writes the values of each column of a result."""
    about = found.cursor.description if found.cursor is not None else ()
    is_mysql = connection.dialect.name in _MYSQL
    return [
        _utc_text if is_mysql and code == _TIMESTAMP else text_of_value for _, code, *_ in about
    ]


def _utc_text(value: object) -> str | None:
    """A TIMESTAMP of a session whose zone is UTC; a zero date is a text already."""
    return text_of_value(value.replace(tzinfo=UTC) if isinstance(value, datetime) else value)


def text_of_value(value: object) -> str | None:
    """A value of a database as text: plain decimals, ISO dates, instants in UTC with Z, JSON."""
    if value is None or isinstance(value, str):
        return value
    write = next((write for kind, write in _WRITERS if isinstance(value, kind)), str)
    return write(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=text_of_value)


def _datetime(value: datetime) -> str | None:
    # The driver may give it in the zone of the session.
    return text_of(value.astimezone(UTC) if value.tzinfo else value)


_PLAIN: Final = (int, float, Decimal, date, time, timedelta)
_WRITERS: Final[Sequence[tuple[Any, Callable[[Any], str | None]]]] = (
    (bool, lambda value: str(value).lower()),
    (datetime, _datetime),
    (_PLAIN, text_of),
    ((dict, list), _json),
    ((bytes, memoryview), lambda value: bytes(value).hex()),
)
"""How values are written, by their kind; a kind stands above those that it belongs to as well."""
