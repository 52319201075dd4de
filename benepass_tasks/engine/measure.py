"""Measuring a table in one scan: its rows, a digest that changes with them, and its columns."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from benepass_tasks.catalog import Table
from benepass_tasks.config.digests import digest
from benepass_tasks.engine.key_hashes import MARK
from benepass_tasks.engine.quoting import quote_name, quote_relation

LONGEST_EXTREME = 60
"""Letters that are kept of a column's least and greatest value."""


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """What a column holds.

    Attributes:
        column_name: The column.
        row_count: The table's rows.
        null_count: How many of them have no value.
        distinct_estimate: About how many values differ, within some 4 %.
        minimum: The least value as text, and only of columns whose extremes may be shown.
        maximum: The greatest, likewise.
        mean: Of numbers only.
        touched_rows: The rows that came or went since its distinct values were estimated.
    """

    column_name: str
    row_count: int
    null_count: int
    distinct_estimate: int
    minimum: str | None
    maximum: str | None
    mean: float | None
    touched_rows: int = 0

    @property
    def null_rate(self) -> float | None:
        """The part of the rows that have no value; None where there are no rows."""
        return self.null_count / self.row_count if self.row_count else None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows there are and the sum of their hashes, whatever their order.

    Where some rows go and others come, both are what they were, less and more.
    """

    rows: int
    hashes: int

    def __sub__(self, gone: "Tally") -> "Tally":
        """What is left once some rows are gone."""
        return Tally(self.rows - gone.rows, self.hashes - gone.hashes)

    def __add__(self, come: "Tally") -> "Tally":
        """What there is once others have come."""
        return Tally(self.rows + come.rows, self.hashes + come.hashes)


SIGN = "changes_sign"
"""The column that says whether a row came (1) or went (-1)."""


def signed(went: str, came: str) -> str:
    """A query of the rows of two queries, those that went and those that came, with their signs."""
    both = ((-1, went), (1, came))
    return " union all ".join(
        f"select cast({sign} as tinyint) as {SIGN}, * from ({rows})"  # noqa: S608
        for sign, rows in both
    )


@dataclass(frozen=True, slots=True)
class Touched:
    """Some rows that went from a table, and others that came.

    Attributes:
        columns: Their columns with the types.
        gone: Those that went.
        come: Those that came.
        that_went: A query of those that went.
        that_came: One of those that came.
    """

    columns: Mapping[str, str]
    gone: Tally
    come: Tally
    that_went: str
    that_came: str

    @property
    def rows(self) -> int:
        """How many rows they are together."""
        return self.gone.rows + self.come.rows

    @property
    def both(self) -> str:
        """A query of both, with their signs."""
        return signed(self.that_went, self.that_came)


@dataclass(frozen=True, slots=True)
class Measure:
    """The rows of a table (None for a view), and a digest of its columns and rows in any order.

    The tally is what the digest is made of.
    """

    row_count: int | None
    data_hash: str
    profiles: tuple[ColumnProfile, ...] = ()
    tally: Tally | None = None


def columns_of(connection: Connection, relation: str) -> dict[str, str]:
    """The columns of a table or view with their types, in its order, without stored hashes."""
    described = connection.exec_driver_sql(f"describe {quote_relation(relation)}")
    return {column: kind for column, kind, *_ in described if not column.startswith(MARK)}


@dataclass(frozen=True, slots=True)
class Profiling:
    """Which columns of a table are profiled, and of which of them the extremes may be shown."""

    columns: Collection[str] = ()
    shown: Collection[str] = ()

    @classmethod
    def of(cls, table: Table, columns: Iterable[str]) -> "Profiling":
        """What is profiled of a table.

        Not of the intermediate layer, which is as large as all others and which nobody opens, nor
        the columns that say where a row came from.
        """
        if table.layer == "intermediate":
            return cls()
        return cls([it for it in columns if not it.startswith("_")], table.impersonal)


NOTHING_ELSE = Profiling()
"""No column is profiled."""


def measure_table(
    connection: Connection,
    relation: str,
    columns: Mapping[str, str],
    profiling: Profiling = NOTHING_ELSE,
    known: Tally | None = None,
) -> Measure:
    """Count, digest and profile the rows of a table in one scan, whatever their order.

    Row hashes are added up, so that a repeated row counts each time.

    Args:
        connection: A session.
        relation: `layer.table`.
        columns: The columns that the data hash covers, with their types.
        profiling: What else is to be known of them.
        known: Its tally, where that need not be found out.
    """
    if known and not profiling.columns:
        return Measure(known.rows, data_hash_of(columns, known), (), known)
    tallied = "null, null" if known else f"count(*), sum({hash_of(columns)})"
    figures = [
        figure
        for name in profiling.columns
        for figure in _figures(name, columns[name], name in profiling.shown)
    ]
    count, total, *found = connection.exec_driver_sql(
        f"select {', '.join([tallied, *figures])} from {quote_relation(relation)}"  # noqa: S608
    ).one()
    tally = known or Tally(count, int(total or 0))
    profiles = tuple(_profiles(tally.rows, profiling.columns, found))
    return Measure(tally.rows, data_hash_of(columns, tally), profiles, tally)


def tally(connection: Connection, table: str, columns: Iterable[str]) -> Tally:
    """Count and add up the rows of a table, named as SQL names it, over some columns."""
    rows, hashes = connection.exec_driver_sql(
        f"select count(*), sum({hash_of(columns)}) from {table}"  # noqa: S608
    ).one()
    return Tally(rows, int(hashes or 0))


def hash_of(columns: Iterable[str]) -> str:
    """The hash of a row, as SQL."""
    return f"hash({', '.join(map(quote_name, columns))})"


def data_hash_of(columns: Mapping[str, str], tally: Tally) -> str:
    """The digest of a table that has these columns and rows."""
    shape = (f"{column} {kind}" for column, kind in columns.items())
    return digest(*shape, str(tally.rows), str(tally.hashes if tally.rows else None))


def _figures(name: str, kind: str, is_shown: bool) -> Iterator[str]:  # noqa: FBT001
    """The values filled in, the estimate, the extremes and the mean of a column, as SQL."""
    column = quote_name(name)
    yield f"count({column})"
    yield f"approx_count_distinct({column})"
    for extreme in ("min", "max"):
        text = f"left(cast({extreme}({column}) as varchar), {LONGEST_EXTREME})"
        yield text if is_shown and has_extremes(kind) else "null"
    yield _mean(column, kind)


def _mean(column: str, kind: str) -> str:
    if kind in FLOATING:
        return f"avg({column}) filter (where isfinite({column}))"
    return f"avg({column})" if is_number(kind) else "null"


def is_number(kind: str) -> bool:
    """Whether the values of a type are numbers that are exact."""
    return kind.startswith("DECIMAL") or kind.endswith("INT") or kind == "INTEGER"


def has_extremes(kind: str) -> bool:
    """Whether a least and a greatest value of a type say something; those of a list do not."""
    return (
        is_number(kind)
        or kind in ("VARCHAR", "DATE", "BOOLEAN", *FLOATING)
        or kind.startswith("TIMESTAMP")
    )


FLOATING = ("DOUBLE", "FLOAT")
"""The types of numbers that are not exact."""

FIGURES = 5
"""How many figures a column has."""


def _profiles(
    row_count: int, columns: Iterable[str], found: Sequence[Any]
) -> Iterator[ColumnProfile]:
    for index, name in enumerate(columns):
        filled, distinct, least, greatest, mean = found[index * FIGURES :][:FIGURES]
        yield ColumnProfile(name, row_count, row_count - filled, distinct, least, greatest, mean)
