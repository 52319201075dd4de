"""Keeping what is known of a table's columns up to date by the rows that came and went.

Values that are filled in are counted, and numbers added up, over these rows alone. The least and
the greatest value are looked for again where the last row went that had them. How many values
differ cannot be told from them: it is estimated anew once a tenth of the rows were touched, and up
to then grows with the rows where nearly all values differ. A profile says how many were touched.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from sqlalchemy import Connection

from benepass_tasks.engine.measure import (
    FLOATING,
    LONGEST_EXTREME,
    SIGN,
    ColumnProfile,
    Measure,
    Profiling,
    Touched,
    has_extremes,
    is_number,
    measure_table,
)
from benepass_tasks.engine.quoting import quote_name, quote_relation, quote_text

ESTIMATED_AGAIN = 0.1
"""The part of a table's rows that are touched before its distinct values are estimated anew."""

NEARLY_ALL = 0.9
"""The part of a column's values from which on they all differ, as far as an estimate can say."""


def measure_touched(
    connection: Connection,
    relation: str,
    profiling: Profiling,
    before: Measure,
    touched: Touched,
) -> Measure:
    """Measure a table of which it is known what it was, and which rows came and went.

    Args:
        connection: A session.
        relation: `layer.table`.
        profiling: What is to be known of its columns, beside the digest.
        before: What it was, with the tally.
        touched: The rows that came and went since then.
    """
    if before.tally is None:
        return measure_table(connection, relation, touched.columns, profiling)
    columns, tally = touched.columns, before.tally - touched.gone + touched.come
    known = {it.column_name: it for it in before.profiles}
    count = touched.rows + max((it.touched_rows for it in before.profiles), default=0)
    if set(known) != set(profiling.columns) or count > ESTIMATED_AGAIN * tally.rows:
        return measure_table(connection, relation, columns, profiling, tally)
    found = _changes(connection, profiling, known, touched)
    profiles = {
        name: _updated(known[name], change, tally.rows, count) for name, change in found.items()
    }
    gone = [profiles[name] for name, change in found.items() if change.took_extremes]
    stale = {name for name, change in found.items() if change.is_stale}
    stale |= set(_without_extremes(connection, relation, gone, columns))
    shown = [name for name in profiling.shown if name in stale]
    anew = measure_table(connection, relation, columns, Profiling(sorted(stale), shown), tally)
    scanned = {it.column_name: replace(it, touched_rows=count) for it in anew.profiles}
    return replace(anew, profiles=tuple((profiles | scanned).values()))


@dataclass(frozen=True, slots=True)
class _Change:
    """What the rows that came and went say of a column.

    Attributes:
        filled: How many more values are filled in.
        total: What more they come to; None of what is not a number.
        is_stale: Whether the column has to be looked at as a whole, since its values are floating,
            infinite perhaps.
        minimum: The least value that came, where it is less than all before.
        maximum: The greatest, likewise.
        took_extremes: Whether a least or greatest value went, of which there may be others.
    """

    filled: int | None = 0
    total: float | None = None
    is_stale: bool | None = False
    minimum: str | None = None
    maximum: str | None = None
    took_extremes: bool | None = False


FIGURES = len(fields(_Change))


def _changes(
    connection: Connection,
    profiling: Profiling,
    known: Mapping[str, ColumnProfile],
    touched: Touched,
) -> dict[str, _Change]:
    figures = [
        figure
        for name in profiling.columns
        for figure in _figures(known[name], touched.columns[name], name in profiling.shown)
    ]
    if not figures:
        return {}
    query = f"select {', '.join(figures)} from ({touched.both})"  # noqa: S608
    (found,) = connection.exec_driver_sql(query)
    return {
        name: _Change(*found[at * FIGURES : (at + 1) * FIGURES])
        for at, name in enumerate(profiling.columns)
    }


def _figures(known: ColumnProfile, kind: str, is_shown: bool) -> tuple[str, ...]:  # noqa: FBT001
    """What there is to know of a column, in the order of `_Change`, as SQL."""
    column = quote_name(known.column_name)
    filled = f"sum({SIGN}) filter ({column} is not null)"
    total = f"sum({SIGN} * cast({column} as double))" if is_number(kind) else "null"
    if kind in FLOATING:
        return filled, total, f"count({column}) > 0", "null", "null", "false"
    if not (is_shown and has_extremes(kind)):
        return filled, total, "false", "null", "null", "false"
    value, least, greatest = _value(known.column_name, kind), *_extremes(known, kind)
    less, more = f"coalesce({value} < {least}, true)", f"coalesce({value} > {greatest}, true)"
    return (
        filled,
        total,
        "false",
        f"left(cast(min({value}) filter ({SIGN} = 1 and {less}) as varchar), {LONGEST_EXTREME})",
        f"left(cast(max({value}) filter ({SIGN} = 1 and {more}) as varchar), {LONGEST_EXTREME})",
        f"bool_or({value} <= {least} or {value} >= {greatest}) filter ({SIGN} = -1)",
    )


def _without_extremes(
    connection: Connection,
    relation: str,
    profiles: Sequence[ColumnProfile],
    columns: Mapping[str, str],
) -> Iterator[str]:
    """The columns that have no value any more that is as small or as great as these say."""
    if not profiles:
        return
    conditions = [
        f"exists(select 1 from {quote_relation(relation)} where {value} {comparison} {extreme})"  # noqa: S608
        for it in profiles
        for value in (_value(it.column_name, columns[it.column_name]),)
        for comparison, extreme in zip(
            ("<=", ">="), _extremes(it, columns[it.column_name]), strict=True
        )
    ]
    (found,) = connection.exec_driver_sql(f"select {', '.join(conditions)}")
    for it, has_least, has_greatest in zip(profiles, found[::2], found[1::2], strict=True):
        if not (has_least and has_greatest):
            yield it.column_name


def _value(name: str, kind: str) -> str:
    """A value of a column, as far as it is shown."""
    column = quote_name(name)
    return f"left({column}, {LONGEST_EXTREME})" if kind == "VARCHAR" else column


def _extremes(known: ColumnProfile, kind: str) -> tuple[str, str]:
    shown = (known.minimum, known.maximum)
    least, greatest = (
        "null" if it is None else f"cast({quote_text(it)} as {kind})" for it in shown
    )
    return least, greatest


def _updated(before: ColumnProfile, change: _Change, rows: int, count: int) -> ColumnProfile:
    was = before.row_count - before.null_count
    filled, mean = was + (change.filled or 0), before.mean
    if change.total is not None:
        mean = ((before.mean or 0) * was + change.total) / filled if filled else None
    distinct = before.distinct_estimate
    if was and distinct >= NEARLY_ALL * was:
        distinct = round(distinct * filled / was)
    return replace(
        before,
        row_count=rows,
        null_count=rows - filled,
        distinct_estimate=min(distinct, filled),
        minimum=change.minimum if change.minimum is not None else before.minimum,
        maximum=change.maximum if change.maximum is not None else before.maximum,
        mean=mean,
        touched_rows=count,
    )
