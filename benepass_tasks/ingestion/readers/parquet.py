"""Reads the records of a Parquet file, each a row, as text."""

import io
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.readers.records import Batch
from benepass_tasks.ingestion.readers.rows import RowReader, text_schema
from benepass_tasks.ingestion.readers.scanning import INVALID_UTF8, Rejected, is_utf8
from benepass_tasks.ingestion.readers.values import text_of

ROWS: Final = 65_536
"""Rows of a batch."""


class ParquetReader(RowReader):
    """Reads the records of one Parquet file, whose lines are the rows that it says it has."""

    def __init__(self, file: io.BufferedReader) -> None:
        """Read the schema.

        Raises:
            SourceError: the file is no Parquet file, is damaged, or is encrypted.
        """
        super().__init__(file)
        with _damage_told():
            self._parquet = pq.ParquetFile(file, pre_buffer=False)
        self.header = tuple(_flat(self._parquet.schema_arrow.empty_table()).column_names)

    def batches(
        self,
        columns: Sequence[str],
        required: Collection[str] = (),  # noqa: ARG002 - each row has a value for every column
    ) -> Iterator[Batch]:
        """Read the records, once only, under names for the columns of the header.

        Raises:
            SourceError: the file is damaged.
        """
        schema = text_schema(columns)
        for rows in self._rows():
            yield self._batch(rows, schema)
            self.bytes_read = self._file.tell()
        self._account_as_read(self._parquet.metadata.num_rows)

    def _rows(self) -> Iterator[pa.RecordBatch]:
        with _damage_told():
            for rows in self._parquet.iter_batches(ROWS):
                yield from _flat(pa.Table.from_batches([rows])).to_batches()

    def _batch(self, rows: pa.RecordBatch, schema: pa.Schema) -> Batch:
        first = self._tally.records + 1
        numbers = pa.array(range(first, first + len(rows)), pa.int64())
        undecoded: dict[int, bytes] = {}
        for column in rows.columns:
            undecoded |= _undecoded(column)
        rejected = tuple(self._reject(undecoded, len(rows)))
        if rejected:
            kept = pa.array([it for it in range(len(rows)) if it not in undecoded], pa.int64())
            rows, numbers = rows.take(kept), numbers.take(kept)
        texts = [as_text(column) for column in rows.columns]
        return Batch(pa.table([*texts, numbers], schema=schema), rejected)

    def _reject(self, undecoded: Mapping[int, bytes], rows: int) -> Iterator[Rejected]:
        """Count some rows, and reject those in some places, in which a value is not text."""
        done = 0
        for place in sorted(undecoded):
            self._tally.parsed += place - done
            yield self._tally.reject(INVALID_UTF8, undecoded[place])
            done = place + 1
        self._tally.parsed += rows - done


@contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise SourceError(
            "The file is declared as Parquet, and is not such a file, is damaged, or is encrypted. "
            "Write it anew, and try again."
        ) from error


def _flat(table: pa.Table) -> pa.Table:
    """A table with a column for each field of a struct, `merchant.name`."""
    while any(pa.types.is_struct(it) for it in table.schema.types):
        table = table.flatten()
    return table


def _is_text(kind: pa.DataType) -> bool:
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(it(kind) for it in texts) or _is_binary(kind)


def _is_binary(kind: pa.DataType) -> bool:
    binaries = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    return any(it(kind) for it in binaries)


def _undecoded(column: pa.Array) -> Mapping[int, bytes]:
    """The values of a column of text that are not valid UTF-8, by their places."""
    if not _is_text(column.type):
        return {}
    values = column.cast(pa.large_binary())
    try:
        values.cast(pa.large_string())
    except pa.ArrowInvalid:
        return {place: it for place, it in enumerate(values.to_pylist()) if not is_utf8(it or b"")}
    return {}


def as_text(column: pa.Array) -> pa.Array:
    """The values of a column as text, in the canonical form of their type.

    Numbers are plain decimals, dates and times are ISO, instants are in UTC with Z; lists and maps
    are JSON.
    """
    if isinstance(column, pa.ExtensionArray):
        return as_text(column.storage) if _is_text(column.storage.type) else _by_value(column, str)
    write = next((write for is_kind, write in _WRITERS if is_kind(column.type)), None)
    return write(column) if write else _by_value(column, text_of)


def _by_value(column: pa.Array, write: Callable[[Any], str | None]) -> pa.Array:
    values = ((None if it is None else write(it)) for it in column.to_pylist())
    return pa.array(values, pa.string())


def _cast(column: pa.Array) -> pa.Array:
    return column.cast(pa.string())


def _decoded(column: pa.Array) -> pa.Array:
    # By way of bytes, so that it is checked whether they are text.
    return column.cast(pa.large_binary()).cast(pa.string())


def _floats(column: pa.Array) -> pa.Array:
    # By way of its own shortest text: a single-precision 12.1 is 12.1000003814697 in double.
    return _by_value(_cast(column).cast(pa.float64()), text_of)


def _durations(column: pa.Array) -> pa.Array:
    return _by_value(column.cast(pa.duration("us"), safe=False), text_of)


def _timestamps(column: pa.Array) -> pa.Array:
    """ISO; a whole day without a zone is a date, as in a sheet."""
    kind = column.type
    if kind.tz:
        column = column.cast(pa.timestamp(kind.unit, "UTC"))
    text = pc.replace_substring(_cast(column), " ", "T")
    text = _without_zeros(text) if kind.unit != "s" else text
    return text if kind.tz else pc.replace_substring_regex(text, "T00:00:00$", "")


def _times(column: pa.Array) -> pa.Array:
    return _cast(column) if column.type == pa.time32("s") else _without_zeros(_cast(column))


def _without_zeros(text: pa.Array) -> pa.Array:
    """Times that have decimals of a second, without the zeros at their end."""
    text = pc.replace_substring_regex(text, r"(\.[0-9]*[1-9])0+(Z?)$", r"\1\2")
    return pc.replace_substring_regex(text, r"\.0+(Z?)$", r"\1")


def _nested(column: pa.Array) -> pa.Array:
    return _by_value(column, _json)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_json_text)


def _json_text(value: object) -> str | None:
    return value.decode(errors="replace") if isinstance(value, bytes) else text_of(value)


_Writer: TypeAlias = Callable[[pa.Array], pa.Array]
_WRITERS: Final[Sequence[tuple[Callable[[pa.DataType], bool], _Writer]]] = (
    (_is_text, _decoded),
    (pa.types.is_dictionary, lambda column: as_text(column.dictionary_decode())),
    (pa.types.is_nested, _nested),
    (pa.types.is_timestamp, _timestamps),
    (pa.types.is_time, _times),
    (pa.types.is_duration, _durations),
    (pa.types.is_floating, _floats),
    (pa.types.is_integer, _cast),
    (pa.types.is_boolean, _cast),
    (pa.types.is_null, _cast),
    (pa.types.is_date, lambda column: _cast(column.cast(pa.date32()))),
)
"""How columns are written; decimals value by value."""
