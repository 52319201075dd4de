"""Building months of tables anew, one after the other; one that was killed goes on where it was."""

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from benepass_tasks.catalog import Months
from benepass_tasks.config.errors import ProjectError, WarehouseError
from benepass_tasks.engine.quoting import quote_name
from benepass_tasks.pipeline.build import Builder
from benepass_tasks.pipeline.making import make
from benepass_tasks.pipeline.nodes.model import FORCED, MISSING, SQL_CHANGED, ModelNode, table_nodes
from benepass_tasks.state.backfills import DoneMonth, done_months, forget_months, note_month
from benepass_tasks.state.history.materializations import forget_built, record_built
from benepass_tasks.state.markers import write_materializations
from benepass_tasks.state.plan import How
from benepass_tasks.state.run import Run

NO_MONTH = "none"
"""What stands for the month of the rows that have none."""


@dataclass(frozen=True, slots=True)
class Span:
    """A range of months, by their first days."""

    first: date
    last: date

    def __str__(self) -> str:
        """As it is asked for."""
        return f"{self.first:%Y-%m} to {self.last:%Y-%m}"

    def covers(self, month: date | None) -> bool:
        """Whether a month is in it."""
        return month is not None and self.first <= month <= self.last


@dataclass(frozen=True, slots=True)
class Progress:
    """That a month of a table is built anew, or all of it.

    Attributes:
        relation: The table.
        month: The month; None where the table was built in full.
        touched_rows: The rows that went or came; None where it was done before a kill, or in full.
        number: Which of the months it is, from 1.
        count: How many there are.
    """

    relation: str
    month: str | None = None
    touched_rows: int | None = None
    number: int = 1
    count: int = 1


def tables_with_months(run: Run, wanted: Collection[str]) -> list[ModelNode]:
    """The tables to build months of, each after those that it reads.

    Args:
        run: The run that builds them.
        wanted: Those that are asked for; none for all that have months.

    Raises:
        ProjectError: one of them is not a table that SQL makes, or has no months.
    """
    nodes = table_nodes(run)
    unknown = sorted(set(wanted) - {it.name for it in nodes})
    if unknown:
        raise ProjectError(
            f"{', '.join(unknown)}: no table that SQL of the project makes; "
            "`benepass catalog` lists them"
        )
    without = [it.name for it in nodes if it.name in wanted and it.table.months is None]
    if without:
        raise ProjectError(
            f"{', '.join(without)}: catalog.yaml does not say by which column its rows fall into "
            "months. Declare months: {column: ...}, or build all of it: "
            f"`benepass run --benepass-force {','.join(without)}`"
        )
    return [it for it in nodes if it.table.months and (not wanted or it.name in wanted)]


def backfill(run: Run, tables: Sequence[ModelNode], span: Span) -> Iterator[Progress]:
    """Build the months of a range anew; what the tables read is brought up to date before.

    Yields:
        Each month, once it is done and recorded.

    Raises:
        BenepassError: it cannot be built. What was done before stays, and is not done again.
    """
    names = [it.name for it in tables]
    run.asked.update(names)
    for name in run.upstream_of(names):
        node = run.nodes()[name]
        if name in names and isinstance(node, ModelNode):
            yield from _months_of(run, node, span)
        elif not run.plan()[name].is_current:
            make(run, name)
    with run.warehouse.write() as connection:
        forget_months(connection, names)


def _months_of(run: Run, node: ModelNode, span: Span) -> Iterator[Progress]:
    reason, work = run.plan()[node.name].reason, _Work(run, node, span)
    if reason in (node.never_made, MISSING) or (
        work.is_of_other_code() and not work.is_in_months()
    ):
        # Its other months would else stay as the other code made them.
        make(run, node.name)
        yield Progress(node.name)
        return
    if reason is not None and not work.is_of_other_code():
        make(run, node.name)
    months = work.months()
    for number, month in enumerate(months, 1):
        touched = work.build(month, is_last=number == len(months))
        yield Progress(node.name, _named(month), touched, number, len(months))
    if not run.plan()[node.name].is_current:
        # It has no row, and so no month.
        make(run, node.name)


class _Work:
    """The work on the months of one table."""

    def __init__(self, run: Run, node: ModelNode, span: Span) -> None:
        self._run, self._node, self._span = run, node, span
        self._started, self._touched = time.perf_counter(), 0
        self._fingerprint: str | None = None

    @property
    def _declared(self) -> Months:
        assert self._node.table.months is not None  # noqa: S101 - the tables were chosen by that
        return self._node.table.months

    def is_of_other_code(self) -> bool:
        """Whether the table was made by other SQL or settings than there are now."""
        if self._run.plan()[self._node.name].reason in (SQL_CHANGED, FORCED):
            return True
        with self._run.warehouse.read() as connection:
            return self._node.builder(self._run)(connection).reads_other_code

    def is_in_months(self) -> bool:
        """Whether months can be built one by one: its columns stay, and all are asked for."""
        there = self._there()
        return there is not None and self._covers(there)

    def months(self) -> list[date | None]:
        """The months to build; the rows without one are among them where these are all months."""
        self._fingerprint = self._run.plan()[self._node.name].fingerprint
        there = self._there() or []
        return there if self._covers(there) else [it for it in there if self._span.covers(it)]

    def _covers(self, there: Iterable[date | None]) -> bool:
        return all(it is None or self._span.covers(it) for it in there)

    def _there(self) -> list[date | None] | None:
        """The months of the table and of what its SQL makes; None where that has other columns."""
        builder = self._node.builder(self._run)
        with self._run.warehouse.write() as connection:
            return builder(connection).months(self._declared.column)

    def build(self, month: date | None, *, is_last: bool) -> int | None:
        """Build a month anew, unless that was done before.

        Returns:
            How many rows went or came; None where it was done before.

        Raises:
            WarehouseError: what the table is made of has changed meanwhile.
        """
        run, name = self._run, self._node.name
        with run.write_lock(name) as warehouse:
            if run.plan()[name].fingerprint != self._fingerprint:
                raise WarehouseError(
                    f"{name}: what it is made of has changed meanwhile; run the same again"
                )
            builder = self._node.builder(run)
            with warehouse.write() as connection:
                touched = self._build(builder(connection), month, is_last=is_last)
            run.remember(None)
        return touched

    def _build(self, builder: Builder, month: date | None, *, is_last: bool) -> int | None:
        run, node, fingerprint = self._run, self._node, str(self._fingerprint)
        connection, record = builder.connection, builder.known.materializations[node.name]
        if _named(month) in done_months(connection, node.name, fingerprint, record.data_hash):
            return None
        measure, touched = builder.part_anew(self._condition(month), is_last=is_last)
        self._touched += touched
        record = replace(
            record.holding(measure),
            run_id=run.id,
            built_at=run.now(),
            seconds=time.perf_counter() - self._started,
        )
        if is_last:
            record = replace(record, fingerprint=fingerprint, code_version=node.code_version)
            builder.note_inputs()
        write_materializations(connection, [record])
        forget_built(connection, run.id, node.name)
        how = How("months", self._touched)
        record_built(connection, record, f"backfill {self._span}", measure.profiles, how)
        done = (_named(month), fingerprint, measure.data_hash, run.id, run.now())
        note_month(connection, DoneMonth(node.name, *done))
        return touched

    def _condition(self, month: date | None) -> str:
        """Which rows are of a month, as SQL."""
        column = quote_name(self._declared.column)
        if month is None:
            return f"{column} is null"
        after = date(month.year + month.month // 12, month.month % 12 + 1, 1)
        return f"{column} >= date '{month}' and {column} < date '{after}'"


def _named(month: date | None) -> str:
    return f"{month:%Y-%m}" if month else NO_MONTH
