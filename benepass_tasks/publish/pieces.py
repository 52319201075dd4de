"""The pieces that a table is written in: one, or one for each month where it is large.

A piece has a digest of its rows: where those of a month are there already, they are not written
again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from benepass_tasks.catalog.audiences import YEARS
from benepass_tasks.config.digests import digest
from benepass_tasks.engine.quoting import month_of, quote_text
from benepass_tasks.engine.session import Run
from benepass_tasks.state.publication import PublishedTable

LARGE: Final = 1_000_000
"""Rows from which on a table is in months, those that the catalog declares for it."""

NO_MONTH: Final = "no-month"
"""What the piece is called of the rows that are of no month."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of a table that are written together.

    Attributes:
        month: Their month, such as `2026-01`, or `NO_MONTH`; empty where the table is whole.
        source: The rows, as SQL reads them from the table that was written aside.
        count: How many.
        rows: Digest of these, whatever their order.
    """

    month: str
    source: str
    count: int
    rows: str


def month_column(run: Run, table: PublishedTable, *, is_in_months: bool) -> str | None:
    """The column by whose month a table is in pieces; None where it is in one.

    A table that once was large stays in months while it has rows: who reads it has learnt so.

    Args:
        run: A session that has what was written aside.
        table: The table, which was written.
        is_in_months: Whether the place that it is for has it in months by now.
    """
    months = table.table.months
    types = {it.name: it.type for it in table.columns}
    if months is None or types.get(months.column) not in YEARS:
        return None
    rows = run(f"select count(*) from {table.written}")[0][0]  # noqa: S608 - a quoted name
    return months.column if rows >= (1 if is_in_months else LARGE) else None


def pieces_of(run: Run, table: PublishedTable, column: str | None) -> Iterator[Piece]:
    """The rows of a table that was written aside, in its months by a column, or as a whole."""
    measured = "count(*), sum(hash(it))"
    if column is None:
        ((count, rows),) = run(f"select {measured} from {table.written} as it")  # noqa: S608 - as above
        yield Piece("", table.written, count, _digest_of("", count, rows))
        return
    month = month_of(column)
    found = run(
        f"select cast({month} as varchar) as month, {measured} "  # noqa: S608 - as above
        f"from {table.written} as it group by {month} order by month"
    )
    for first_day, count, rows in found:
        is_of_it = "is null" if first_day is None else f"= cast({quote_text(first_day)} as date)"
        name = NO_MONTH if first_day is None else first_day.removesuffix("-01")
        source = f"{table.written} where {month} {is_of_it}"
        yield Piece(name, source, count, _digest_of(str(first_day), count, rows))


def _digest_of(first_day: str, count: int, rows: int | None) -> str:
    return digest(first_day, f"{count} {rows}")[:32]
