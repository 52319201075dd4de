"""The type that the values of a text column would fit, seen over all rows.

The type is a hint for people and for tracking how a file evolves; raw itself stays text.
"""

from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

TEXT = "VARCHAR"

PROBE = 64
"""Values that are tried before all of a batch."""


def _is_bigint(values: pa.Array) -> bool:
    return _casts(values, pa.int64())


def _is_decimal(values: pa.Array) -> bool:
    if not _casts(values, pa.float64()):
        return False
    # NaN and infinity parse as floating point, and are no decimals.
    return bool(pc.all(pc.is_finite(values.cast(pa.float64()))).as_py())


def _is_boolean(values: pa.Array) -> bool:
    return bool(pc.all(pc.is_in(pc.utf8_lower(values), pa.array(["true", "false"]))).as_py())


def _is_date(values: pa.Array) -> bool:
    return _casts(values, pa.date32())


def _is_timestamp(values: pa.Array) -> bool:
    return _casts(values, pa.timestamp("us", "UTC")) or _casts(values, pa.timestamp("us"))


CANDIDATES: Mapping[str, Callable[[pa.Array], bool]] = {
    "BIGINT": _is_bigint,
    "DECIMAL": _is_decimal,
    "BOOLEAN": _is_boolean,
    "DATE": _is_date,
    "TIMESTAMP": _is_timestamp,
}
"""Types from the narrowest on, with what tells whether all values of an array fit."""


class TypeInference:
    """Narrows down the types that a file's columns fit, batch by batch."""

    def __init__(self) -> None:
        """Begin with every type possible."""
        self._candidates: dict[str, list[str]] = {}
        self._seen: set[str] = set()

    def observe(self, table: pa.Table) -> None:
        """Take the text columns of one batch into account; empty values fit any type."""
        for name in table.column_names:
            viable = self._candidates.setdefault(name, list(CANDIDATES))
            if not viable:
                continue
            values = _filled(table.column(name))
            if len(values):
                self._seen.add(name)
                self._candidates[name] = [kind for kind in viable if _fits(kind, values)]

    def type_of(self, column: str) -> str:
        """The narrowest type that every value seen fits; text where there was no value."""
        viable = self._candidates.get(column, [])
        return viable[0] if viable and column in self._seen else TEXT


def _fits(kind: str, values: pa.Array) -> bool:
    # A cast words an error for each value that does not fit: a few values rule most types out.
    return CANDIDATES[kind](values.slice(0, PROBE)) and CANDIDATES[kind](values)


def _filled(column: pa.ChunkedArray) -> pa.Array:
    chunk = column.combine_chunks()
    array = chunk if isinstance(chunk, pa.Array) else pa.concat_arrays(chunk.chunks)
    trimmed = array.drop_null()
    return trimmed.filter(pc.not_equal(trimmed, ""))


def _casts(values: pa.Array, kind: pa.DataType) -> bool:
    try:
        values.cast(kind)
    except pa.ArrowInvalid:
        return False
    return True
