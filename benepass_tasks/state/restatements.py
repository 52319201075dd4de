"""Old months whose money a run has changed, found by what the months came to before it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from benepass_tasks.catalog import Months
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
    """Looks in a run for old months whose money changes.

    Attributes:
        run_id: The run.
        at: The present instant, UTC.
        limit: The change from which on somebody is to be told; None where nobody is.
        first_kept: The first day of which all is kept: what begins before may well be another.
    """

    run_id: str
    at: datetime
    limit: Decimal | None
    first_kept: date = date.min

    def look(self, connection: Connection, relation: str, months: Months) -> None:
        """Compare the months of a table with what they came to before, in its transaction.

        A month is old that is before the last one which the table had then.
        """
        if months.money is None:
            return
        before, after = _kept_totals(connection, relation), _totals(connection, relation, months)
        if before == after:
            return
        _keep_totals(connection, relation, after)
        mine = {it.month: it for it in restatements_of(connection, [self.run_id], relation)}
        # A run may make a table more than once: what counts is what it held before the first time.
        before = before | {month: it.money_before for month, it in mine.items()}
        last = max(before, default=date.min)
        found = [
            self._restated(relation, month, before.get(month), after.get(month))
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

    def _restated(
        self, relation: str, month: date, before: Decimal | None, after: Decimal | None
    ) -> Restatement:
        was, is_now = before or Decimal(0), after or Decimal(0)
        is_news = self.limit is not None and abs(is_now - was) >= self.limit
        return Restatement(self.run_id, relation, month, was, is_now, is_news, self.at)


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


def _totals(connection: Connection, relation: str, months: Months) -> dict[date, Decimal]:
    """What each month of a table comes to."""
    month = month_of(months.column)
    money = f"coalesce(sum({quote_name(str(months.money))}), 0)"
    query = f"select {month} as month, {money} from {quote_relation(relation)} group by month"  # noqa: S608
    found = connection.exec_driver_sql(query)
    return {at: Decimal(total) for at, total in found if at is not None}


def _kept_totals(connection: Connection, relation: str) -> dict[date, Decimal]:
    of = MONTH_TOTALS.c
    found = select(of.month, of.money).where(of.relation == relation)
    return {month: Decimal(money) for month, money in state_of(connection).execute(found)}


def _keep_totals(connection: Connection, relation: str, totals: Mapping[date, Decimal]) -> None:
    state = state_of(connection)
    state.execute(delete(MONTH_TOTALS).where(MONTH_TOTALS.c.relation == relation))
    rows = [{"relation": relation, "month": at, "money": str(it)} for at, it in totals.items()]
    if rows:
        state.execute(insert(MONTH_TOTALS), rows)
