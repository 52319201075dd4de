"""The extracts of a place: written aside, and moved to where they are loaded from as wholes.

An extract is a Parquet file whose values are all text. It says in its own metadata how far the
cursor had come, so that nothing else has to be kept in step with it.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from benepass_tasks.catalog import Source
from benepass_tasks.catalog.extracts import SUFFIX, ApiExtract, BucketExtract, TableExtract
from benepass_tasks.config.errors import SourceError

CURSOR: Final = b"benepass.cursor"
"""The key of the metadata that has the last value of the cursor."""

ROWS: Final = 10_000
"""Rows that are written at once."""

_DAY: Final = len("2026-01-31")
_SECONDS: Final = 10**8
"""Numbers above it are seconds since 1970, and above a thousand times that milliseconds."""

Row: TypeAlias = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Extracts:
    """The extracts of one source.

    Attributes:
        source: The source.
        extract: What its entry says of it.
        folder: The folder of all extracts.
        aside: Where new ones are written.
        at: The instant of the reading, UTC.
    """

    source: Source
    extract: TableExtract | ApiExtract | BucketExtract
    folder: Path
    aside: Path
    at: datetime

    @property
    def standing(self) -> list[Path]:
        """Those that there are, from the first to the last."""
        if self.extract.is_whole:
            whole = self.folder / f"{self.source.name}{SUFFIX}"
            return [whole] if whole.exists() else []
        return sorted((self.folder / self.source.name).glob(f"*{SUFFIX}"))

    @property
    def new(self) -> Path:
        """The one that is being written."""
        name = self.source.name
        if not self.extract.is_whole:
            name = f"{name}/{self.at:%Y-%m-%dT%H.%M.%S.%fZ}"
        path = self.aside / f"{name}{SUFFIX}"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    @property
    def cursor(self) -> str | None:
        """How far the cursor has come; None where nothing was read, or without one."""
        found = [cursor for it in self.standing if (cursor := cursor_of(it)) is not None]
        return max(found, key=rank, default=None)

    def rows_since(self, cursor: str, columns: Sequence[str]) -> Iterator[Row]:
        """The rows of the extracts that went as far as a value of the cursor, or farther."""
        for it in self.standing:
            if rank(cursor_of(it) or cursor) >= rank(cursor):
                yield from _rows(pq.read_table(it), columns)


class Known:
    """What was read before, by the key of each row; without a key, a row is its own."""

    def __init__(self, places: Sequence[int] = (), rows: Iterable[Row] = ()) -> None:
        """Take rows, of which a later one with the same key counts."""
        self._places = places
        self._rows = {self._key(row): row for row in rows}

    def lacks(self, row: Row) -> bool:
        """Whether a row is not there as it is now."""
        return self._rows.get(self._key(row)) != row

    def _key(self, row: Row) -> Row:
        return tuple(row[it] for it in self._places) or row


@contextmanager
def writing(path: Path, columns: Sequence[str], cursor: str | None = None) -> Iterator["Writer"]:
    """Open a new extract, which only its owner can read."""
    schema = pa.schema([(name, pa.string()) for name in columns])
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with (
        os.fdopen(descriptor, "wb") as file,
        pq.ParquetWriter(file, schema, compression="zstd") as parquet,
    ):
        writer = Writer(parquet, schema, cursor)
        yield writer
        if writer.cursor is not None:
            parquet.add_key_value_metadata({CURSOR: writer.cursor.encode()})


@dataclass(slots=True)
class Writer:
    """Writes rows of text; `cursor` is the farthest value that was seen."""

    parquet: pq.ParquetWriter
    schema: pa.Schema
    cursor: str | None
    rows: int = 0

    def write(self, rows: Sequence[Row], cursors: Iterable[str | None] = ()) -> None:
        """Write some rows, and note the values of the cursor that were read with them."""
        if rows:
            columns = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]
            self.write_table(pa.table(columns, schema=self.schema))
        far = [it for it in (self.cursor, *cursors) if it is not None]
        self.cursor = max(far, key=rank, default=None)

    def write_table(self, table: pa.Table) -> None:
        """Write rows that are a table already."""
        self.parquet.write_table(table)
        self.rows += len(table)


def cursor_of(path: Path) -> str | None:
    """How far the cursor had come when an extract was written."""
    found = (pq.read_metadata(path).metadata or {}).get(CURSOR)
    return found.decode() if found is not None else None


def _rows(table: pa.Table, columns: Sequence[str]) -> Iterator[Row]:
    """The rows as if the table had these columns; what else is in one makes it another row."""
    nothing = pa.nulls(len(table), pa.string())
    others = [it for it in table.column_names if it not in columns]
    names = [*columns, *others]
    values = (table.column(it) if it in table.column_names else nothing for it in names)
    for row in zip(*(it.to_pylist() for it in values), strict=True):
        yield row[: len(columns)] + tuple(it for it in row[len(columns) :] if it is not None)


def rank(cursor: str) -> tuple[int, Decimal | datetime | str]:
    """What values of a cursor are compared by: numbers, instants, or texts."""
    if cursor.removeprefix("-").replace(".", "", 1).isdecimal():
        return 0, Decimal(cursor)
    try:
        return (1 if (instant := datetime.fromisoformat(cursor)).tzinfo else 2), instant
    except ValueError:
        return 3, cursor


def earlier(cursor: str, lag: timedelta) -> str:
    """A value of a cursor a time span before one; numbers are seconds or milliseconds since 1970.

    Raises:
        SourceError: the cursor is not an instant, so no time span leads back from it.
    """
    _, value = rank(cursor)
    if not lag:
        return cursor
    if isinstance(value, datetime):
        if len(cursor) == _DAY:
            return (value - lag).date().isoformat()
        return (value - lag).isoformat(sep=cursor[_DAY]).replace("+00:00", "Z")
    if isinstance(value, Decimal) and value > _SECONDS:
        unit = 1_000 if value > _SECONDS * 1_000 else 1
        return f"{value - int(lag.total_seconds()) * unit:f}"
    raise SourceError("lag is a time span, and the cursor is not an instant: leave lag out")


def keeping(table: pa.Table, keys: Sequence[str], kept: Collection[Row]) -> pa.Table:
    """The rows of a table whose keys are among some."""
    found = zip(*(table.column(it).to_pylist() for it in keys), strict=True)
    return table.filter(pa.array([key in kept for key in found], pa.bool_()))
