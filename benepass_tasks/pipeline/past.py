"""What tables held at an earlier time, and what changed since, by the changes that are kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from benepass_tasks.catalog import Catalog, Table
from benepass_tasks.config.errors import ProjectError, WarehouseError
from benepass_tasks.engine.quoting import month_of, quote_name
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.state.kept import Entry, UnknownPastError, net_rows, rows_before, steps_since
from benepass_tasks.state.markers import Materialization, snapshot_of

THEN = "changes_then"
"""The small table of what a table held."""


@dataclass(frozen=True, slots=True)
class MonthChange:
    """What changed in a month of a table.

    Attributes:
        month: The first day of the month; None of rows without one, and of tables without months.
        gone_rows: The rows that went.
        come_rows: The rows that came.
        money: The money that came less that which went; None of a table without money.
    """

    month: date | None
    gone_rows: int
    come_rows: int
    money: Decimal | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed in a table between two instants.

    Attributes:
        relation: The table.
        months: What changed, by month.
        unknown: Why that is not known; None where it is.
    """

    relation: str
    months: Sequence[MonthChange] = ()
    unknown: str | None = None


def kept_tables(catalog: Catalog) -> list[Table]:
    """The tables whose changes may be kept."""
    return [it for it in catalog.tables.values() if it.layer == "marts"]


def rows_as_of(
    connection: Connection, table: Table, at: datetime
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The rows that a table held at an instant, in order.

    Args:
        connection: A session.
        table: The table.
        at: The instant, UTC.

    Returns:
        The names of the columns, and the rows.

    Raises:
        ProjectError: the changes of the table are never kept.
        UnknownPastError: what it held then is not known.
        WarehouseError: it was never built, or somebody altered it.
    """
    if table.layer != "marts":
        raise ProjectError(
            f"{table.relation}: only of marts it is kept what they held; what is below them "
            "follows from the files"
        )
    record, engine = _record(connection, table.relation), engine_of(connection)
    steps = steps_since(connection, record, at)
    columns = engine.columns(table.relation)
    engine.make_small(THEN, rows_before(table.relation, columns, steps))
    try:
        expected = steps[0].before if steps else record.data_hash
        if engine.measure(THEN, columns).data_hash != expected:
            raise UnknownPastError(
                f"{table.relation}: the changes that are kept do not lead to what it held; "
                f"somebody altered it or them. `benepass verify {table.relation}` compares it "
                "with a full build"
            )
        found = connection.exec_driver_sql(f"select * from {THEN} order by all")  # noqa: S608
        return list(columns), [tuple(row) for row in found]
    finally:
        engine.drop_small([THEN])


def differences(
    connection: Connection, catalog: Catalog, since: datetime, until: datetime
) -> Iterator[Difference]:
    """What changed in the tables between two instants, by month.

    Args:
        connection: A session.
        catalog: What the tables are declared to be.
        since: The earlier instant, UTC.
        until: The later one.
    """
    for table in kept_tables(catalog):
        try:
            steps = steps_since(connection, _record(connection, table.relation), since)
        except WarehouseError as error:
            yield Difference(table.relation, unknown=str(error))
            continue
        yield Difference(
            table.relation,
            _by_month(connection, table, [it for it in steps if it.kept_at <= until]),
        )


def _record(connection: Connection, relation: str) -> Materialization:
    record = snapshot_of(connection).materializations.get(relation)
    if record is None:
        raise WarehouseError(f"{relation}: not built yet; `benepass run` builds it")
    return record


def _by_month(
    connection: Connection, table: Table, steps: Sequence[Entry]
) -> Sequence[MonthChange]:
    if not steps:
        return ()
    columns = engine_of(connection).columns(table.relation)
    went, came = (net_rows(columns, steps, came=it) for it in (False, True))
    return by_month(connection, table, went, came)


def by_month(connection: Connection, table: Table, went: str, came: str) -> Sequence[MonthChange]:
    """What rows that went from a table and came are, by month.

    Args:
        connection: A session.
        table: The table.
        went: A SELECT of the rows that went.
        came: One of those that came.
    """
    month, money = "null", "null"
    if table.months:
        month = month_of(table.months.column)
    if table.months and table.months.money:
        money = quote_name(table.months.money)
    rows = f"select *, 0 as came from ({went}) union all select *, 1 from ({came})"  # noqa: S608
    query = (
        f"select {month} as month, count(*) - sum(came), sum(came), "  # noqa: S608
        f"sum(if(came = 1, {money}, -{money})) from ({rows}) group by month "
        "order by month nulls last"
    )
    found = connection.exec_driver_sql(query)
    return [MonthChange(at, int(gone), int(come), total) for at, gone, come, total in found]
