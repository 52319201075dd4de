"""Rows that are added up for what a page shows first; `authored.js` does it for its filters."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from math import fsum
from typing import Any

from benepass_tasks.site.authored.blocks import Measure
from benepass_tasks.site.page import Kind, Row

OTHER = "other"
"""What the values are called that have no colour of their own."""

MOST_SERIES = 5
"""Values that have one."""


def total(
    rows: Sequence[Mapping[str, Any]], measure: Measure, kind: Kind, whole: float | None = None
) -> Any:  # noqa: ANN401 - a number or None
    """What a measure is over some rows; None where no row has a value, but nothing of none is 0.

    Args:
        rows: The rows.
        measure: What is added up.
        kind: How it is written: money is rounded to cents.
        whole: What a share is of.
    """
    columns = measure.columns
    known = [row for row in rows if all(row[it] is not None for it in columns)]
    if not known:
        is_sum = not (rows or measure.per or measure.is_share)
        return 0 if is_sum and kind in ("count", "money") else None
    sums = [fsum(row[it] for row in known) for it in columns]
    if measure.per:
        return sums[0] / sums[1] if sums[1] else None
    if measure.is_share:
        return sums[0] / whole if whole else None
    if kind == "money":
        return round(sums[0], 2)
    return int(sums[0]) if kind == "count" else sums[0]


def grouped(
    rows: Sequence[Row],
    dimensions: Sequence[str],
    measures: Sequence[Measure],
    kinds: Mapping[str, Kind],
) -> list[dict[str, Any]]:
    """The sums for each combination of values of some columns, in the order of the rows.

    Args:
        rows: The rows.
        dimensions: The columns.
        measures: What is added up; each is a key of the result.
        kinds: How measures are written, by key.
    """
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[it] for it in dimensions), []).append(row)
    wholes = {it.key: total(rows, Measure(it.column), "number") for it in measures if it.is_share}
    return [
        dict(zip(dimensions, values, strict=True))
        | {it.key: total(of, it, kinds[it.key], wholes.get(it.key)) for it in measures}
        for values, of in groups.items()
    ]


def in_order(
    rows: Sequence[dict[str, Any]], dimension: str, by: str | None
) -> list[dict[str, Any]]:
    """Rows with the most of a measure first, or by a column's values; those without come last.

    Args:
        rows: The rows.
        dimension: The column.
        by: The measure; None for the column's own order.
    """
    if by is None:
        return sorted(rows, key=lambda it: (it[dimension] is None, it[dimension] or ""))
    return sorted(rows, key=lambda it: (it[by] is None, -(it[by] or 0), str(it[dimension] or "")))


def offered_values(values: Iterable[object], kind: Kind, as_of: date) -> list[str]:
    """The values that a filter offers; of time only those up to the as-of date."""
    last = as_of.isoformat() if is_time(kind) else None
    texts = {str(it) for it in values if it is not None}
    return sorted(it for it in texts if last is None or it <= last[: len(it)])


def default_range(offered: Sequence[str], as_of: date) -> tuple[str, str] | None:
    """What a filter of time begins with: up to the last month that is over.

    Args:
        offered: What it offers, in order.
        as_of: The day up to which data is counted.

    Returns:
        The first and the last value; None where there is none.
    """
    if not offered:
        return None
    begun = (as_of + timedelta(days=1)).isoformat()[:7]
    over = [it for it in offered if it[:7] < begun] or offered
    return over[0], over[-1]


def is_time(kind: Kind) -> bool:
    """Whether values are of time, and so have a range."""
    return kind in ("month", "date")


def within(rows: Iterable[Row], ranges: Mapping[str, tuple[str, str] | None]) -> list[Row]:
    """The rows whose columns are within the ranges, as far as they have them."""
    spans = {column: span for column, span in ranges.items() if span is not None}
    return [
        row
        for row in rows
        if all(_is_within(row[it], *span) for it, span in spans.items() if it in row)
    ]


def _is_within(value: object, first: str, last: str) -> bool:
    return value is not None and first <= str(value) <= last
