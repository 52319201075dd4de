"""Measuring a table in one scan: its rows, a digest that changes with them, and its columns."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from benepass_tasks.catalog import Table
from benepass_tasks.config.digests import digest
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
        distinct_estimate: About how many values differ, within some 2 %.
        minimum: The least value as text, and only of columns whose extremes may be shown.
        maximum: The greatest, likewise.
        mean: Of numbers only.
    """

    column_name: str
    row_count: int
    null_count: int
    distinct_estimate: int
    minimum: str | None
    maximum: str | None
    mean: float | None

    @property
    def null_rate(self) -> float | None:
        """The part of the rows that have no value; None where there are no rows."""
        return self.null_count / self.row_count if self.row_count else None


@dataclass(frozen=True, slots=True)
class Measure:
    """The rows of a table (None for a view), and a digest of its columns and rows in any order."""

    row_count: int | None
    data_hash: str
    profiles: tuple[ColumnProfile, ...] = ()


def columns_of(connection: Connection, relation: str) -> dict[str, str]:
    """The columns of a table or view with their types, in its order."""
    described = connection.exec_driver_sql(f"describe {quote_relation(relation)}")
    return {column: kind for column, kind, *_ in described}


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
) -> Measure:
    """Count, digest and profile the rows of a table in one scan, whatever their order.

    Row hashes are added up, so that a repeated row counts each time.

    Args:
        connection: A session.
        relation: `layer.table`.
        columns: The columns that the data hash covers, with their types.
        profiling: What else is to be known of them.
    """
    hashed = ", ".join(map(quote_name, columns))
    figures = [
        figure
        for name in profiling.columns
        for figure in _figures(name, columns[name], name in profiling.shown)
    ]
    count, total, *found = connection.exec_driver_sql(
        f"select {', '.join(['count(*)', f'sum(hash({hashed}))', *figures])} "  # noqa: S608
        f"from {quote_relation(relation)}"
    ).one()
    shape = (f"{column} {kind}" for column, kind in columns.items())
    data_hash = digest(*shape, str(count), str(total))
    return Measure(count, data_hash, tuple(_profiles(count, profiling.columns, found)))


def _figures(name: str, kind: str, is_shown: bool) -> Iterator[str]:  # noqa: FBT001
    """The values filled in, the estimate, the extremes and the mean of a column, as SQL."""
    column = quote_name(name)
    yield f"count({column})"
    yield f"approx_count_distinct({column})"
    for extreme in ("min", "max"):
        text = f"left(cast({extreme}({column}) as varchar), {LONGEST_EXTREME})"
        yield text if is_shown else "null"
    yield _mean(column, kind)


def _mean(column: str, kind: str) -> str:
    if kind in ("DOUBLE", "FLOAT"):
        return f"avg({column}) filter (where isfinite({column}))"
    is_number = kind.startswith("DECIMAL") or kind.endswith("INT") or kind == "INTEGER"
    return f"avg({column})" if is_number else "null"


FIGURES = 5
"""How many figures a column has."""


def _profiles(
    row_count: int, columns: Iterable[str], found: Sequence[Any]
) -> Iterator[ColumnProfile]:
    for index, name in enumerate(columns):
        filled, distinct, least, greatest, mean = found[index * FIGURES :][:FIGURES]
        yield ColumnProfile(name, row_count, row_count - filled, distinct, least, greatest, mean)
