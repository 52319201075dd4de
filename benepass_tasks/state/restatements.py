"""Old months whose money a run has changed, found by what the months came to before it.

What the months come to follows from the rows that came and went, where these are known.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from benepass_tasks.catalog import Months
from benepass_tasks.config.digests import digest
from benepass_tasks.engine.measure import SIGN, Touched, is_number
from benepass_tasks.engine.quoting import month_of, quote_name, quote_relation
from benepass_tasks.state.meta import MONTH_TOTALS, RESTATEMENTS
from benepass_tasks.state.store import state_of


@dataclass(frozen=True, slots=True)
class Restatement:
    """That the money of an old month is another one; a row of `meta.restatements`.

    Attributes:
        run_id: The run that changed it.
        relation: The table.
        month: The first day of the month.
        money_before: What it came to before the run.
        money_after: What it came to after it.
        is_news: Whether it changed by so much that somebody is to be told.
        found_at: When, UTC.
    """

    run_id: str
    relation: str
    month: date
    money_before: Decimal
    money_after: Decimal
    is_news: bool
    found_at: datetime

    @property
    def change(self) -> Decimal:
        """How much more it is now."""
        return self.money_after - self.money_before

    def __str__(self) -> str:
        """The month and the change."""
        return f"{self.month:%Y-%m} {self.change:+,.2f}"


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks in a run for old months of a table whose money changes, in the table's transaction.

    A month is old that is before the last one which the table had before the run.

    Attributes:
        relation: The table.
        months: Its months; `money` is declared.
        run_id: The run.
        at: The present instant, UTC.
        limit: The change from which on somebody is to be told; None where nobody is.
        first_kept: The first day of which all is kept: what begins before may well be another.
    """

    relation: str
    months: Months
    run_id: str
    at: datetime
    limit: Decimal | None
    first_kept: date = date.min

    def look(self, connection: Connection, content: str) -> None:
        """Add up the months of all rows, and compare them with what they came to before.

        Args:
            connection: The session that has written the table.
            content: The data hash of the table.
        """
        rows = f"select 1 as {SIGN}, * from {quote_relation(self.relation)}"  # noqa: S608
        kept = _kept_totals(connection, self.relation)
        self._compare(connection, content, kept, self._added_up(connection, rows))

    def follow(self, connection: Connection, before: str, content: str, touched: Touched) -> None:
        """Tell the months from what they came to before and the rows that came and went.

        Args:
            connection: The session that has written the table.
            before: The data hash of the table before it did.
            content: That of the table now.
            touched: The rows.
        """
        kept = _kept_totals(connection, self.relation)
        # Sums of floating numbers would drift.
        is_exact = is_number(touched.columns[str(self.months.money)])
        if kept.content != self._state(before) or not is_exact:
            self.look(connection, content)
            return
        moved, none = self._added_up(connection, touched.both), _Total(0, Decimal(0))
        after = {
            it: kept.months.get(it, none) + moved.get(it, none) for it in {**kept.months, **moved}
        }
        totals = {it: total for it, total in after.items() if total.rows}
        self._compare(connection, content, kept, totals)

    def _state(self, content: str) -> str:
        """What months are the totals of: of a state of the table, and of two of its columns."""
        return digest(content, self.months.column, str(self.months.money))

    def _added_up(self, connection: Connection, rows: str) -> dict[date, "_Total"]:
        """What the months of rows with signs come to, without those of no month."""
        month, money = month_of(self.months.column), quote_name(str(self.months.money))
        came, went = (f"coalesce(sum({money}) filter ({SIGN} = {it}), 0)" for it in (1, -1))
        found = connection.exec_driver_sql(
            f"select {month} as month, sum({SIGN}), {came} - {went} from ({rows}) group by month"  # noqa: S608
        )
        return {it: _Total(int(n), Decimal(total)) for it, n, total in found if it is not None}

    def _compare(
        self, connection: Connection, content: str, kept: "_Totals", totals: Mapping[date, "_Total"]
    ) -> None:
        relation = self.relation
        _keep_totals(connection, relation, _Totals(totals, self._state(content)))
        before, after = (
            {month: it.money for month, it in they.items()} for they in (kept.months, totals)
        )
        if before == after:
            return
        mine = {it.month: it for it in restatements_of(connection, [self.run_id], relation)}
        # A run may make a table more than once: what counts is what it held before the first time.
        before = before | {month: it.money_before for month, it in mine.items()}
        last = max(before, default=date.min)
        found = [
            self._restated(month, before.get(month), after.get(month))
            for month in sorted(before | after)
            if self.first_kept <= month < last and before.get(month) != after.get(month)
        ]
        of, state = RESTATEMENTS.c, state_of(connection)
        state.execute(delete(RESTATEMENTS).where(of.run_id == self.run_id, of.relation == relation))
        rows = [
            asdict(it) | {"money_before": str(it.money_before), "money_after": str(it.money_after)}
            for it in found
        ]
        if rows:
            state.execute(insert(RESTATEMENTS), rows)

    def _restated(self, month: date, before: Decimal | None, after: Decimal | None) -> Restatement:
        was, is_now = before or Decimal(0), after or Decimal(0)
        is_news = self.limit is not None and abs(is_now - was) >= self.limit
        return Restatement(self.run_id, self.relation, month, was, is_now, is_news, self.at)


def restatements_of(
    connection: Connection, run_ids: Collection[str], relation: str | None = None
) -> list[Restatement]:
    """What runs have restated, in all tables or in one, in the order of tables and months."""
    of = RESTATEMENTS.c
    wanted = of.run_id.in_(run_ids)
    return _read(connection, and_(wanted, of.relation == relation) if relation else wanted)


def restatements_that_are_news(connection: Connection, since: datetime) -> list[Restatement]:
    """What somebody is to be told of that was found since an instant, run by run."""
    of = RESTATEMENTS.c
    found = _read(connection, and_(of.is_news, of.found_at > since))
    return sorted(found, key=lambda it: it.run_id)


def _read(connection: Connection, wanted: ColumnElement[bool]) -> list[Restatement]:
    of = RESTATEMENTS.c
    columns = select(*(of[it.name] for it in fields(Restatement)))
    found = state_of(connection).execute(columns.where(wanted).order_by(of.relation, of.month))
    return [
        Restatement(run, name, month, Decimal(before), Decimal(after), is_news, at)
        for run, name, month, before, after, is_news, at in found
    ]


SHOWN = 6
"""Months that a summary names; of the others there is the number."""


def summary_of(relation: str, months: Sequence[Restatement]) -> str:
    """What was restated in a table, in a line."""
    more = f", and {len(months) - SHOWN:,} more" if len(months) > SHOWN else ""
    named = ", ".join(map(str, months[:SHOWN]))
    return f"{relation}: the money of old months changed: {named}{more}"


@dataclass(frozen=True, slots=True)
class _Total:
    """The rows of a month and their money."""

    rows: int
    money: Decimal

    def __add__(self, moved: "_Total") -> "_Total":
        return _Total(self.rows + moved.rows, self.money + moved.money)


@dataclass(frozen=True, slots=True)
class _Totals:
    """What each month of a table comes to, and the state of the table that this is said of."""

    months: Mapping[date, _Total] = field(default_factory=dict)
    content: str | None = None


def _kept_totals(connection: Connection, relation: str) -> _Totals:
    of = MONTH_TOTALS.c
    columns = select(of.month, of.row_count, of.money, of.content).where(of.relation == relation)
    found = state_of(connection).execute(columns).all()
    months = {month: _Total(rows or 0, Decimal(money)) for month, rows, money, _ in found}
    return _Totals(months, found[0].content if found else None)


def _keep_totals(connection: Connection, relation: str, totals: _Totals) -> None:
    state, content = state_of(connection), totals.content
    state.execute(delete(MONTH_TOTALS).where(MONTH_TOTALS.c.relation == relation))
    rows = [
        {"relation": relation, "month": month, "money": str(it.money)}
        | {"row_count": it.rows, "content": content}
        for month, it in totals.months.items()
    ]
    if rows:
        state.execute(insert(MONTH_TOTALS), rows)
