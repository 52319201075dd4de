"""Keeping what is known of a table's columns up to date by the rows that came and went.

Values that are filled in are counted, and numbers added up, over these rows alone. The least and
the greatest value are looked for again where one of these rows reaches them. How many values differ
cannot be told from them: it is estimated anew once a hundredth of the rows were touched, less than
what the estimate is wrong by.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from benepass_tasks.engine.measure import (
    FLOATING,
    ColumnProfile,
    Measure,
    Profiling,
    Touched,
    is_number,
    measure_table,
)
from benepass_tasks.engine.quoting import quote_name, quote_text

ESTIMATED_AGAIN = 0.01
"""The part of a table's rows that are touched before its distinct values are estimated anew."""


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
    stale = [it for it, change in found.items() if change.is_stale]
    anew = measure_table(connection, relation, columns, Profiling(stale, profiling.shown), tally)
    scanned = {it.column_name: it for it in anew.profiles}
    profiles = (
        scanned.get(it) or _updated(known[it], change, tally.rows) for it, change in found.items()
    )
    return replace(anew, profiles=tuple(replace(it, touched_rows=count) for it in profiles))


@dataclass(frozen=True, slots=True)
class _Change:
    """How much more values are filled in of a column, and what more they come to.

    Attributes:
        filled: The values.
        total: Their sum; None of what is no number.
        is_stale: Whether the column has to be looked at as a whole: a row that came or went is, or
            is beyond, the least or greatest value, or its numbers are floating, infinite perhaps.
    """

    filled: int
    total: float | None
    is_stale: bool


def _changes(
    connection: Connection,
    profiling: Profiling,
    known: Mapping[str, ColumnProfile],
    touched: Touched,
) -> dict[str, _Change]:
    figures = [
        figure
        for name in profiling.columns
        for figure in _counted(known[name], touched.columns[name], name in profiling.shown)
    ]
    if not figures:
        return {}
    come = f"select 1 as {SIGN}, * from ({touched.that_came})"  # noqa: S608
    rows = f"{come} union all select -1 as {SIGN}, * from ({touched.that_went})"  # noqa: S608
    (found,) = connection.exec_driver_sql(f"select {', '.join(figures)} from ({rows})")  # noqa: S608
    thirds = zip(found[::3], found[1::3], found[2::3], strict=True)
    return {
        name: _Change(filled or 0, total, bool(is_stale))
        for name, (filled, total, is_stale) in zip(profiling.columns, thirds, strict=True)
    }


SIGN = "changes_sign"
"""The column that says whether a row came (1) or went (-1)."""


def _counted(known: ColumnProfile, kind: str, is_shown: bool) -> Iterator[str]:  # noqa: FBT001
    """What a column has more of than before, as SQL."""
    column = quote_name(known.column_name)
    yield f"sum({SIGN}) filter ({column} is not null)"
    yield f"sum({SIGN} * cast({column} as double))" if is_number(kind) else "null"
    if kind in FLOATING:
        yield f"count({column}) > 0"
    elif not is_shown:
        yield "false"
    else:
        least, greatest = (_value(it, kind) for it in (known.minimum, known.maximum))
        is_inside = f"{column} > {least} and {column} < {greatest}"
        yield f"bool_or(not coalesce({is_inside}, false)) filter ({column} is not null)"


def _value(shown: str | None, kind: str) -> str:
    return "null" if shown is None else f"try_cast({quote_text(shown)} as {kind})"


def _updated(before: ColumnProfile, change: _Change, rows: int) -> ColumnProfile:
    was = before.row_count - before.null_count
    filled, mean = was + change.filled, before.mean
    if change.total is not None:
        mean = ((before.mean or 0) * was + change.total) / filled if filled else None
    return replace(
        before,
        row_count=rows,
        null_count=rows - filled,
        distinct_estimate=min(before.distinct_estimate, filled),
        mean=mean,
    )
