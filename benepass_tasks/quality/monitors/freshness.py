"""How old the newest load or the newest row of a dataset is."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.exc import DBAPIError

from benepass_tasks.catalog import Catalog, Freshness
from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.engine.failures import explain
from benepass_tasks.engine.quoting import quote_name, quote_relation
from benepass_tasks.quality.monitors.results import Result
from benepass_tasks.quality.monitors.wording import span
from benepass_tasks.state.meta import LOADS, MARKERS, WATERMARKS
from benepass_tasks.state.store import state_of

if TYPE_CHECKING:
    from benepass_tasks.quality.monitors.anomalies import Status

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


def instant_of(as_of: date, now: datetime) -> datetime:
    """The instant that ages are counted to: now, or the end of an as-of day that is past."""
    if as_of >= now.date():
        return now
    return datetime.combine(as_of + _DAY, time(), UTC)


def judge_freshness(
    connection: Connection, catalog: Catalog, instant: datetime
) -> Iterator[Result]:
    """Judge every dataset whose freshness is declared, once it has been loaded or built.

    Reads `meta.loads`, `meta.markers` and the columns that are watched, each only where its table
    has other rows than at the last time: `meta.watermarks` remembers what was found.

    Args:
        connection: A session that writes.
        catalog: What is declared.
        instant: What ages are counted to, UTC.

    Raises:
        WarehouseError: DuckDB cannot read a column.
    """
    by_load = {name: it.freshness for name, it in catalog.sources.items() if it.freshness}
    by_column: dict[str, Freshness] = {}
    sources = {name: name for name in by_load}
    for relation, table in catalog.tables.items():
        if table.freshness and table.freshness.column:
            by_column[relation] = table.freshness
        elif table.freshness and table.source:
            by_load[relation], sources[relation] = table.freshness, table.source
    loads = _newest_loads(connection) if by_load else {}
    for name, freshness in by_load.items():
        if sources[name] in loads:
            yield judge_age(name, freshness, loads[sources[name]], instant)
    contents = _contents(connection, by_column) if by_column else {}
    for relation, content in contents.items():
        freshness = by_column[relation]
        newest = _newest_row(connection, relation, str(freshness.column), content, instant)
        yield judge_age(relation, freshness, newest, instant)


def judge_age(
    dataset: str, freshness: Freshness, newest: datetime | None, instant: datetime
) -> Result:
    """Judge how old the newest load or row is.

    Args:
        dataset: The source or table.
        freshness: What is declared for it.
        newest: When that was, UTC; None where there is nothing that old or older.
        instant: What the age is counted to, UTC.
    """
    limits = {"warn": freshness.warn_after, "fail": freshness.fail_after}
    known = [f"{status} after {span(limit)}" for status, limit in limits.items() if limit]
    compared_with = f"the catalog: {', '.join(known)}"
    what = f"newest {freshness.column}" if freshness.column else "newest load"
    if newest is None:
        message = f"no {freshness.column} up to now: the table has no rows to go by"
        return Result("freshness", dataset, "fail", message, compared_with)
    age = max(instant - newest, timedelta())
    status: Status = "ok"
    if freshness.warn_after and age > freshness.warn_after:
        status = "warn"
    if freshness.fail_after and age > freshness.fail_after:
        status = "fail"
    return Result(
        "freshness",
        dataset,
        status,
        f"{what} {span(age)} ago, {newest:%Y-%m-%d %H:%M} UTC",
        compared_with,
        value=age / _HOUR,
        upper=(freshness.warn_after or freshness.fail_after or age) / _HOUR,
    )


def _newest_loads(connection: Connection) -> dict[str, datetime]:
    """When a file of each source brought something else than before for the last time."""
    newest = select(LOADS.c.source, func.max(LOADS.c.loaded_at).label("newest")).group_by(
        LOADS.c.source
    )
    return {row.source: row.newest for row in state_of(connection).execute(newest)}


def _contents(connection: Connection, relations: Mapping[str, object]) -> dict[str, str]:
    """The content of each table that has been built."""
    built = select(MARKERS.c.name, MARKERS.c.data_hash).where(MARKERS.c.name.in_(list(relations)))
    return {row.name: row.data_hash for row in state_of(connection).execute(built)}


def _newest_row(
    connection: Connection, relation: str, column: str, content: str, instant: datetime
) -> datetime | None:
    """The last value of a column that is not after an instant, UTC; None where there is none."""
    here = (WATERMARKS.c.relation == relation, WATERMARKS.c.column_name == column)
    at = instant.astimezone(UTC).replace(tzinfo=None)
    known = (
        state_of(connection)
        .execute(
            select(WATERMARKS.c.newest, WATERMARKS.c.following).where(
                *here, WATERMARKS.c.content == content
            )
        )
        .first()
    )
    if known is None or not _holds_at(at, known.newest, known.following):
        newest, following = _scan(connection, relation, column, at)
        state_of(connection).execute(delete(WATERMARKS).where(*here))
        state_of(connection).execute(
            insert(WATERMARKS),
            {
                "relation": relation,
                "column_name": column,
                "content": content,
                "newest": newest,
                "following": following,
            },
        )
    else:
        newest = known.newest
    return newest.replace(tzinfo=UTC) if newest else None


def _holds_at(at: datetime, newest: datetime | None, following: datetime | None) -> bool:
    """Whether no value of a column lies between what was known and another instant."""
    return (newest is None or newest <= at) and (following is None or at < following)


def _scan(
    connection: Connection, relation: str, column: str, at: datetime
) -> tuple[datetime | None, datetime | None]:
    value = f"cast({quote_name(column)} as timestamp)"
    try:
        newest, following = connection.exec_driver_sql(
            f"select max({value}) filter (where {value} <= $1), "  # noqa: S608
            f"min({value}) filter (where {value} > $1) "
            f"from {quote_relation(relation)} where isfinite({value})",
            (at,),
        ).one()
    except DBAPIError as error:
        # Without the cause: its text may quote a value of the data.
        raise WarehouseError(f"{relation}.{column} cannot be read: {explain(error)}") from None
    return newest, following
