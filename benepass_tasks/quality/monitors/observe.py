"""All monitors of a run."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import cast, get_args

from sqlalchemy import Connection, func, select

from benepass_tasks.catalog import Catalog
from benepass_tasks.config.digests import digest
from benepass_tasks.config.project import Project
from benepass_tasks.quality.monitors import wording
from benepass_tasks.quality.monitors.anomalies import (
    Series,
    Verdict,
    judge_days,
    judge_issues,
    judge_rows,
    judge_share,
)
from benepass_tasks.quality.monitors.census import judge_census
from benepass_tasks.quality.monitors.clean import judge_clean
from benepass_tasks.quality.monitors.figures import Key, read_figures
from benepass_tasks.quality.monitors.freshness import instant_of, judge_freshness
from benepass_tasks.quality.monitors.results import Monitor, Result, results_on
from benepass_tasks.quality.monitors.statistics import NEEDED
from benepass_tasks.quality.monitors.unread import judge_unread
from benepass_tasks.quality.monitors.volume import (
    judge_cut_off_files,
    judge_empty_files,
    judge_volume,
)
from benepass_tasks.state.history.read import newest_figures
from benepass_tasks.state.markers import now
from benepass_tasks.state.meta import MATERIALIZATIONS
from benepass_tasks.state.store import state_of

JUDGE = "1"
"""Version of how figures are judged; a change of it judges them anew."""

PERIODS = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
"""The types of a key that has a table grow by the calendar, in steps."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a monitor judges a series, and words what it finds."""

    judge: Callable[[Series, Series | None], Verdict]
    unit: Callable[[float], str]
    all: str
    new: str


_KINDS: dict[str, _Kind] = {
    "row_count": _Kind(lambda it, _: judge_rows(it), wording.rows, "rows", "new rows"),
    "null_rate": _Kind(
        lambda it, _: judge_share(it, "both"),
        wording.share,
        "of the rows have no {name}",
        "of the new rows have no {name}",
    ),
    "quarantine_rate": _Kind(
        judge_issues,
        wording.share,
        "of the records are quarantined as {name}",
        "of the new records are quarantined as {name}",
    ),
    "flag_rate": _Kind(
        judge_issues,
        wording.share,
        "of the records are flagged as {name}",
        "of the new records are flagged as {name}",
    ),
    "rejected_rate": _Kind(
        lambda it, _: judge_share(it, "more"),
        wording.share,
        "of the records cannot be parsed",
        "of the new records cannot be parsed",
    ),
}


def observe(
    connection: Connection, project: Project, catalog: Catalog, as_of: date, window: int
) -> list[Result]:
    """Judge the state of the warehouse.

    Reads `meta.loads`, `meta.markers`, `meta.runs`, `meta.materializations`,
    `meta.column_profiles` and `meta.quality_figures`; writes
    `meta.watermarks`. What is found, `keep_results` keeps.

    Args:
        connection: A session that writes, at the end of a run.
        project: Where the SQL is.
        catalog: What is declared.
        as_of: The as-of date of the run; one that is past is judged as of its end.
        window: How many figures to compare each with.

    Returns:
        What every monitor says, the worst first.

    Raises:
        WarehouseError: DuckDB refuses a query.
    """
    results = [
        *judge_freshness(connection, catalog, instant_of(as_of, now())),
        *judge_volume(connection, catalog),
        *judge_empty_files(connection, catalog),
        *judge_cut_off_files(connection, catalog),
        *judge_unread(connection, catalog),
        *judge_clean(newest_figures(connection), catalog),
        *judge_census(connection),
        *_unlike_before(connection, project, catalog, window),
    ]
    results.sort(key=_worst_first)
    return results


def _unlike_before(
    connection: Connection, project: Project, catalog: Catalog, window: int
) -> list[Result]:
    """What is judged by the history: worked out again only when there is more of it."""
    basis = _basis(connection, project, window)
    return results_on(connection, basis) or [
        replace(it, basis=basis) for it in _judge_history(connection, project, catalog, window)
    ]


def _basis(connection: Connection, project: Project, window: int) -> str:
    of = MATERIALIZATIONS.c
    built = select(func.max(of.recorded_at)).where(of.outcome == "built")
    newest = state_of(connection).execute(built).scalar()
    return digest(JUDGE, str(newest), str(window), repr(project.state))


def _worst_first(result: Result) -> tuple[int, str, str, str]:
    worst = ("fail", "warn", "ok").index(result.status)
    return worst, result.dataset, result.monitor, result.name or ""


def _judge_history(
    connection: Connection, project: Project, catalog: Catalog, window: int
) -> Iterator[Result]:
    figures = read_figures(connection, project, window)
    for key, series in figures.series.items():
        monitor, dataset, name = key
        if is_watched(catalog, monitor, dataset, name):
            kind = _KINDS[monitor]
            verdict = kind.judge(series, figures.series.get((f"new_{monitor}", dataset, name)))
            words = kind.new if verdict.what == "new" else kind.all
            found = f"{kind.unit(verdict.value)} {words.format(name=name)}"
            yield _result(key, verdict, found, kind.unit)
    for dataset, spend in figures.spend.items():
        spent = judge_days(spend.amounts, spend.as_of, spend.seen)
        if spent and is_watched(catalog, "spend_per_day", dataset, None):
            found = f"{wording.usd(spent.value)} spent on {spent.day:%A, %Y-%m-%d}"
            yield _result(("spend_per_day", dataset, None), spent, found, wording.usd)


def is_watched(catalog: Catalog, monitor: str, dataset: str, name: str | None) -> bool:
    """Whether a monitor watches a dataset of the catalog, or a part of it.

    Args:
        catalog: What is declared.
        monitor: The monitor.
        dataset: The source or table.
        name: A column, an issue or a flag; None where it is the dataset as a whole.
    """
    source, table = catalog.sources.get(dataset), catalog.tables.get(dataset)
    if monitor in ("freshness", "volume"):
        return any(getattr(it, monitor) for it in (source, table) if it)
    if monitor == "spend_per_day":
        return table is not None
    if monitor not in ("row_count", "null_rate"):
        return source is not None and monitor in get_args(Monitor)
    if table is None or table.layer not in ("raw", "marts"):
        return False
    if monitor == "null_rate":
        return name in table.columns
    # A table of months has no new rows for a month, and then all at once.
    return not any(table.columns[column].type in PERIODS for column in table.key)


def _result(key: Key, verdict: Verdict, found: str, unit: Callable[[float], str]) -> Result:
    monitor, dataset, name = key
    return Result(
        cast("Monitor", monitor),
        dataset,
        verdict.status,
        f"{found}; {_wanted(verdict, unit)}",
        _compared_with(verdict, unit),
        name,
        verdict.value,
        verdict.lower,
        verdict.upper,
    )


def _wanted(verdict: Verdict, unit: Callable[[float], str]) -> str:
    bounds = {"at least": verdict.lower, "at most": verdict.upper}
    limits = [f"{word} {unit(bound)}" for word, bound in bounds.items() if bound is not None]
    if not limits:
        return "too early to tell" if verdict.expected is None else "any number is fine"
    normal = f"normal is {' and '.join(limits)}"
    return f"{normal}; but so it has been for long" if verdict.has_stood else normal


def _compared_with(verdict: Verdict, unit: Callable[[float], str]) -> str:
    expected = verdict.expected
    if expected is None:
        return f"nothing: needs {NEEDED} figures, has {verdict.known}"
    if expected.weekday:
        what = f"{expected.weekday}s"
    else:
        what = "days" if verdict.what == "day" else "runs"
    first = min((it.day for it in expected.figures if it.day), default=None)
    since = f" since {first}" if first else ""
    return f"median {unit(expected.center)} of {len(expected.figures)} {what}{since}"
