"""The type that the values of a text column would fit, seen over all rows."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from benepass_tasks.ingestion.readers.records import ROW_NUMBER
from benepass_tasks.ingestion.schema_evolution import file_schema as types
from benepass_tasks.ingestion.schema_evolution.changes import FIRST_ROWS, TypeViolations, Violations

PROBE = 64
"""Values that are tried before all of a batch."""


def _is_bigint(values: pa.Array) -> bool:
    # pyarrow reads hexadecimal numbers too, which nobody else here does.
    hexadecimal = pc.match_substring(values, "x", ignore_case=True)
    return _casts(values, pa.int64()) and not pc.any(hexadecimal).as_py()


def _is_decimal(values: pa.Array) -> bool:
    try:
        numbers = values.cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    # NaN and infinity parse as floating point, and are no decimals.
    return bool(pc.all(pc.is_finite(numbers)).as_py())


def _is_boolean(values: pa.Array) -> bool:
    return bool(pc.all(pc.is_in(pc.utf8_lower(values), pa.array(["true", "false"]))).as_py())


def _casts_to(kind: pa.DataType) -> Callable[[pa.Array], bool]:
    return lambda values: _casts(values, kind)


class Candidate(NamedTuple):
    """Whether all values of an array fit a type, and what each that fits matches at the least."""

    fits: Callable[[pa.Array], bool]
    form: str

    def may_fit(self, value: str) -> bool:
        """Whether a value has the form."""
        return re.match(self.form.replace(r"\z", r"\Z"), value) is not None


_DATE_FIRST = r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}"

CANDIDATES: Mapping[str, Candidate] = {
    types.BIGINT: Candidate(_is_bigint, r"\A-?[0-9]+\z"),
    types.DECIMAL: Candidate(_is_decimal, r"\A[-+]?[0-9.][-+0-9.eE]*\z"),
    types.BOOLEAN: Candidate(_is_boolean, r"(?i)\A(true|false)\z"),
    types.DATE: Candidate(_casts_to(pa.date32()), r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\z"),
    types.TIMESTAMP: Candidate(_casts_to(pa.timestamp("us")), _DATE_FIRST),
    types.ZONED_TIMESTAMP: Candidate(_casts_to(pa.timestamp("us", "UTC")), _DATE_FIRST),
}
"""Types from the narrowest on, with what tells whether values fit."""


class TypeInference:
    """Narrows down the types that a file's columns fit, batch by batch.

    Of the types that columns are expected to have it notes every value that does not fit.
    """

    def __init__(self, expected: Mapping[str, frozenset[str]] | None = None) -> None:
        """Begin with every type possible; some may be expected of each column."""
        self._expected = expected or {}
        self._candidates: dict[str, list[str]] = {}
        self._seen: set[str] = set()
        self._violations: dict[tuple[str, str], Violations] = {}

    @property
    def violations(self) -> TypeViolations:
        """The values seen that do not fit what was expected, by column and type."""
        return self._violations

    def observe(self, table: pa.Table) -> None:
        """Take one batch into account: text columns, of which empty values fit any type.

        Where types are expected, it has the numbers of the rows too.
        """
        for name in table.column_names:
            if name != ROW_NUMBER:
                self._observe(name, table)

    def type_of(self, column: str) -> str:
        """The narrowest type that every value seen fits; unknown where there was no value."""
        if column not in self._seen:
            return types.UNKNOWN
        return next(iter(self._candidates[column]), types.TEXT)

    def _observe(self, name: str, table: pa.Table) -> None:
        viable = self._candidates.setdefault(name, list(CANDIDATES))
        expected = self._expected.get(name, frozenset()) & CANDIDATES.keys()
        if not viable and not expected and name in self._seen:
            return
        column = _array(table.column(name))
        values = _filled(column)
        if not len(values):
            return
        self._seen.add(name)
        viable[:] = _fitting(viable, values)
        for kind in expected.difference(viable):
            rows = _array(table.column(ROW_NUMBER)).filter(_has_value(column))
            self._note(name, kind, values, rows)

    def _note(self, name: str, kind: str, values: pa.Array, rows: pa.Array) -> None:
        places = violations(kind, values)
        if places:
            before = self._violations.get((name, kind), Violations())
            first = rows.take(pa.array(places[:FIRST_ROWS])).to_pylist()
            self._violations[name, kind] = Violations(
                before.count + len(places), (*before.rows, *first)[:FIRST_ROWS]
            )


def violations(kind: str, values: pa.Array) -> list[int]:
    """The places of the values that do not fit a type, in order."""
    formed = pc.match_substring_regex(values, CANDIDATES[kind].form)
    places = pc.indices_nonzero(formed)
    found = _violations_among(kind, values.take(places), 0)
    wrong = places.take(pa.array(found, pa.int64())).to_pylist()
    return sorted([*pc.indices_nonzero(pc.invert(formed)).to_pylist(), *wrong])


def _violations_among(kind: str, values: pa.Array, start: int) -> list[int]:
    """Halve the values until the halves fit; few values have the form of a type and do not fit."""
    if not len(values) or CANDIDATES[kind].fits(values):
        return []
    if len(values) == 1:
        return [start]
    half = len(values) // 2
    return [
        *_violations_among(kind, values.slice(0, half), start),
        *_violations_among(kind, values.slice(half), start + half),
    ]


def _fitting(kinds: Iterable[str], values: pa.Array) -> list[str]:
    """Those types, narrower ones first, that all values fit; what fits one fits a wider one too."""
    fitting: list[str] = []
    first = values[0].as_py()
    for kind in kinds:
        is_wider = any(kind in types.WIDER.get(it, ()) for it in fitting)
        if is_wider or (CANDIDATES[kind].may_fit(first) and _fits(CANDIDATES[kind].fits, values)):
            fitting.append(kind)
    return fitting


def _fits(fits: Callable[[pa.Array], bool], values: pa.Array) -> bool:
    # A cast words an error for each value that does not fit: a few values rule most types out.
    return (len(values) <= PROBE or fits(values.slice(0, PROBE))) and fits(values)


def _array(column: pa.ChunkedArray) -> pa.Array:
    chunk = column.combine_chunks()
    return chunk if isinstance(chunk, pa.Array) else pa.concat_arrays(chunk.chunks)


def _has_value(column: pa.Array) -> pa.Array:
    return pc.fill_null(pc.not_equal(column, ""), fill_value=False)


def _filled(column: pa.Array) -> pa.Array:
    trimmed = column.drop_null()
    return trimmed.filter(pc.not_equal(trimmed, ""))


def _casts(values: pa.Array, kind: pa.DataType) -> bool:
    try:
        values.cast(kind)
    except pa.ArrowInvalid:
        return False
    return True
