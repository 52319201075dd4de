"""The series that are judged, as the history of the runs has them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeAlias

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.config.project import Project
from benepass_tasks.engine.failures import explain
from benepass_tasks.quality.monitors.anomalies import Observation, Series

Key: TypeAlias = tuple[str, str, str | None]
"""The monitor, the dataset, and what of it."""

REPORT = "reports/monitored_figures.sql"


@dataclass(frozen=True, slots=True)
class Days:
    """The spend of the newest run by day.

    Attributes:
        amounts: USD by day.
        as_of: The as-of date of the run.
        seen: The newest day that was complete in a run before, if there is one.
    """

    amounts: Mapping[date, float]
    as_of: date
    seen: date | None


@dataclass(slots=True)
class Figures:
    """All that is judged by what was before.

    Attributes:
        series: The figures of tables and sources, run by run.
        spend: The spend by day, by table.
    """

    series: dict[Key, Series] = field(default_factory=dict)
    spend: dict[str, Days] = field(default_factory=dict)


def read_figures(connection: Connection, project: Project, window: int) -> Figures:
    """Read the figures of the last runs, in one query.

    Args:
        connection: A session.
        project: Where `sql/reports/monitored_figures.sql` is.
        window: How many figures to compare each with.

    Raises:
        WarehouseError: DuckDB refuses the query.
    """
    sql = (project.sql / REPORT).read_text(encoding="utf-8")
    try:
        rows = connection.exec_driver_sql(
            f"select * from ({sql}) as figures qualify row_number() over ("  # noqa: S608
            "partition by kind, dataset, subject order by ordinal desc) <= ? "
            "order by ordinal, kind, dataset, subject",
            (window + 1,),
        ).all()
    except DBAPIError as error:
        raise WarehouseError(f"sql/{REPORT}: {explain(error)}") from None
    runs = sum(int(row.total) for row in rows if row.kind == "runs")
    found: dict[Key, list[Observation]] = {}
    amounts: dict[str, dict[date, float]] = {}
    seen: dict[str, date] = {}
    as_of: dict[str, date] = {}
    for row in rows:
        if row.kind == "spend_per_day":
            amounts.setdefault(row.dataset, {})[date.fromisoformat(row.subject)] = row.total
            as_of[row.dataset] = row.as_of
        elif row.kind == "day_seen":
            seen[row.dataset] = date.fromisoformat(row.subject)
        elif row.kind != "runs":
            observation = Observation(row.ordinal, row.as_of, row.total, row.found)
            found.setdefault((row.kind, row.dataset, row.subject), []).append(observation)
    return Figures(
        {key: Series(observations, runs, window) for key, observations in found.items()},
        {
            table: Days(days, as_of[table], seen.get(table))
            for table, days in amounts.items()
            if as_of[table]
        },
    )
