"""Reading what is known of earlier runs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from typing import TypeAlias

from sqlalchemy import Connection, and_, func, select

from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.config.spark_server import EngineName
from benepass_tasks.engine.measure import ColumnProfile
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.state.history import beacon
from benepass_tasks.state.history.runs import KILLED, RunStatus
from benepass_tasks.state.markers import now
from benepass_tasks.state.meta import (
    COLUMN_PROFILES,
    MARKERS,
    MATERIALIZATIONS,
    QUALITY_FIGURES,
    RUNS,
)
from benepass_tasks.state.store import state_of

ALIKE = 4
"""How many times as many rows may have changed, or how many times as few, for a like duration."""


@dataclass(frozen=True, slots=True)
class PastRun:
    """A row of `meta.runs`; versions and settings are JSON."""

    run_id: str
    started_at: datetime
    ended_at: datetime | None
    status: RunStatus
    as_of: date
    versions: str
    settings: str
    git_commit: str | None
    error: str | None

    @property
    def seconds(self) -> float:
        """How long it took, or has taken until now."""
        return ((self.ended_at or now()) - self.started_at).total_seconds()

    @property
    def with_settings(self) -> Mapping[str, object]:
        """The settings that it had."""
        found: Mapping[str, object] = json.loads(self.settings)
        return found

    @property
    def with_versions(self) -> Mapping[str, str]:
        """The versions of Python and of the packages that it used."""
        found: Mapping[str, str] = json.loads(self.versions)
        return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a node in a run; a row of `meta.materializations`."""

    node: str
    outcome: str
    reason: str | None
    row_count: int | None
    bytes: int | None
    seconds: float | None
    error: str | None
    recorded_at: datetime
    how: str | None
    touched_rows: int | None
    why_full: str | None
    engine: EngineName | None


@dataclass(frozen=True, slots=True)
class SourceFigures:
    """What became of the records of a source, when the books were balanced last.

    Of the shares, `accepted_rate` and `accepted_money_rate` leave out what another record stands
    for; `flagged_rate` is of the accepted records, without flags for a column that the file lacks;
    `restarted` has, by file, the share of its ids that other files have for something else,
    where that is most of them; `lost` the share of a file's records that are rejected or
    quarantined without another that stands for them, where that is most of several; `doubtful`
    that of the accepted records of a file that have a flag, likewise. `split` is how many charges
    count twice, as a whole and in parts, and `split_amount` what they come to, USD.
    """

    source: str
    records: int
    clean: int
    flagged: int
    quarantined: int
    rejected: int
    clean_rate: float | None
    completeness: float | None
    by_reason: Mapping[str, int]
    by_flag: Mapping[str, int]
    accepted_rate: float | None = None
    accepted_money_rate: float | None = None
    restarted: Mapping[str, float] = field(default_factory=dict)
    uncounted: int = 0
    erased: int = 0
    expired: int = 0
    flagged_rate: float | None = None
    lost: Mapping[str, float] = field(default_factory=dict)
    doubtful: Mapping[str, float] = field(default_factory=dict)
    split: int = 0
    split_amount: float = 0


@dataclass(frozen=True, slots=True)
class RunFigures:
    """What became of the records, when a run balanced the books."""

    run_id: str
    started_at: datetime
    sources: Sequence[SourceFigures]


def last_runs(warehouse: Warehouse, connection: Connection, count: int) -> list[PastRun]:
    """The last runs, the newest first."""
    columns = [RUNS.c[it.name] for it in fields(PastRun)]
    newest = select(*columns).order_by(RUNS.c.started_at.desc()).limit(count)
    return [_as_it_is(warehouse, PastRun(*row)) for row in state_of(connection).execute(newest)]


def last_run(warehouse: Warehouse, connection: Connection) -> PastRun:
    """The last run.

    Raises:
        WarehouseError: there is none yet.
    """
    found = last_runs(warehouse, connection, 1)
    if not found:
        raise WarehouseError("no run is known yet")
    return found[0]


def find_run(warehouse: Warehouse, connection: Connection, beginning: str) -> PastRun:
    """The run whose id begins so.

    Raises:
        WarehouseError: there is none, or more than one.
    """
    columns = [RUNS.c[it.name] for it in fields(PastRun)]
    begins = RUNS.c.run_id.startswith(beginning, autoescape=True)
    found = [PastRun(*row) for row in state_of(connection).execute(select(*columns).where(begins))]
    if len(found) != 1:
        problem = "no run's id begins" if not found else f"the ids of {len(found)} runs begin"
        raise WarehouseError(f"{problem} with {beginning!r}; `runs` lists those that are known")
    return _as_it_is(warehouse, found[0])


def _as_it_is(warehouse: Warehouse, run: PastRun) -> PastRun:
    """A run that was killed has not come to say so."""
    if run.status == "running" and not beacon.is_lit(warehouse, run.run_id):
        return replace(run, status="interrupted", error=KILLED)
    return run


def outcomes_of(connection: Connection, run_id: str) -> list[Outcome]:
    """What became of the nodes in a run, in the order in which it came about."""
    columns = [MATERIALIZATIONS.c[it.name] for it in fields(Outcome)]
    ours = select(*columns).where(MATERIALIZATIONS.c.run_id == run_id)
    found = [Outcome(*row) for row in state_of(connection).execute(ours)]
    return sorted(found, key=lambda it: it.recorded_at)


def tally_of(connection: Connection, run_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """How many nodes were built, skipped and failed, by run."""
    tallies: dict[str, dict[str, int]] = {run_id: {} for run_id in run_ids}
    run, outcomes = MATERIALIZATIONS.c.run_id, MATERIALIZATIONS.c.outcome
    counted = select(run, outcomes, func.count()).where(run.in_(run_ids)).group_by(run, outcomes)
    for run_id, outcome, count in state_of(connection).execute(counted):
        tallies[run_id][outcome] = count
    return tallies


def profiles_of(connection: Connection, run_id: str, relation: str) -> tuple[ColumnProfile, ...]:
    """What the columns of a table held that a run built."""
    of = COLUMN_PROFILES.c
    columns = [of[it.name] for it in fields(ColumnProfile)]
    ours = select(*columns).where(of.run_id == run_id, of.relation == relation)
    return tuple(ColumnProfile(*row) for row in state_of(connection).execute(ours))


def seconds_by_how(connection: Connection, node: str) -> dict[str, float]:
    """How long a table took when it was last built in full, and by changes."""
    of = MATERIALIZATIONS.c
    built = select(of.how, of.seconds).where(of.node == node, of.how.is_not(None))
    # Of each kind, the last one stays.
    return {how: it for how, it in state_of(connection).execute(built.order_by(of.recorded_at))}  # noqa: C416 - no pairs to mypy


def seconds_by_changes(connection: Connection, node: str, rows: int) -> float | None:
    """How long a table took the last time by changes of about as many rows of what it reads."""
    of = MATERIALIZATIONS.c
    is_alike = of.changed_rows.between(rows // ALIKE, rows * ALIKE)
    last = select(of.seconds).where(of.node == node, is_alike).order_by(of.recorded_at.desc())
    return state_of(connection).execute(last.limit(1)).scalar()


def newest_profiles(connection: Connection) -> dict[str, dict[str, ColumnProfile]]:
    """What the columns of each table hold, as of the run that built it as it is, by relation."""
    of = COLUMN_PROFILES.c
    columns = [of[it.name] for it in fields(ColumnProfile)]
    built = and_(MARKERS.c.name == of.relation, MARKERS.c.run_id == of.run_id)
    ours = select(of.relation, *columns).join(MARKERS, built)
    found: dict[str, dict[str, ColumnProfile]] = {}
    for relation, *values in state_of(connection).execute(ours):
        profile = ColumnProfile(*values)
        found.setdefault(relation, {})[profile.column_name] = profile
    return found


def newest_figures(connection: Connection) -> list[SourceFigures]:
    """What became of the records of each source, as of the last run that balanced the books."""
    return figures_before(connection, now())


def figures_before(connection: Connection, instant: datetime) -> list[SourceFigures]:
    """The same, as of the last such run that had begun before an instant."""
    last = (
        select(RUNS.c.run_id)
        .where(RUNS.c.run_id.in_(select(QUALITY_FIGURES.c.run_id)), RUNS.c.started_at <= instant)
        .order_by(RUNS.c.started_at.desc())
        .limit(1)
    )
    run_id = state_of(connection).execute(last).scalar()
    return figures_of(connection, run_id) if run_id else []


def figures_over_runs(connection: Connection, count: int) -> list[RunFigures]:
    """What became of the records of each source in the last runs that balanced the books.

    The oldest of these runs is the first.
    """
    of, began = QUALITY_FIGURES.c, RUNS.c.started_at
    newest = (
        select(RUNS.c.run_id, began)
        .where(RUNS.c.run_id.in_(select(of.run_id)))
        .order_by(began.desc(), RUNS.c.run_id)
        .limit(count)
        .subquery()
    )
    columns = (newest.c.run_id, newest.c.started_at, of.dataset, of.figure, of.name, of.value)
    wanted = of.figure != "spend_by_day", ~of.figure.startswith("new_", autoescape=True)
    found = select(*columns).join(newest, newest.c.run_id == of.run_id).where(*wanted)
    runs: dict[tuple[datetime, str], Values] = {}
    for run_id, started_at, dataset, figure, name, value in state_of(connection).execute(found):
        runs.setdefault((started_at, run_id), {})[dataset, figure, name] = value
    return [
        RunFigures(run_id, started_at, _sources(runs[started_at, run_id]))
        for started_at, run_id in sorted(runs)
    ]


def figures_of(connection: Connection, run_id: str) -> list[SourceFigures]:
    """What became of the records of each source, as of a run that balanced the books.

    The source with the most records is the first.
    """
    columns = (
        QUALITY_FIGURES.c.dataset,
        QUALITY_FIGURES.c.figure,
        QUALITY_FIGURES.c.name,
        QUALITY_FIGURES.c.value,
    )
    rows = (
        state_of(connection)
        .execute(select(*columns).where(QUALITY_FIGURES.c.run_id == run_id))
        .all()
    )
    return _sources({(dataset, figure, name): value for dataset, figure, name, value in rows})


Values: TypeAlias = dict[tuple[str, str, str | None], float]
"""The figures of a run, by dataset, figure and name."""


def _sources(values: Values) -> list[SourceFigures]:
    sources = [dataset for dataset, figure, _ in values if figure == "records"]
    found = [_figures_of(source, values) for source in sources]
    return sorted(found, key=lambda it: (-it.records, it.source))


def _figures_of(source: str, values: Values) -> SourceFigures:
    counts = {
        name: int(values.get((source, name, None), 0))
        for name in ("records", "clean", "flagged", "quarantined", "rejected")
    }
    return SourceFigures(
        source,
        **counts,
        clean_rate=values.get((source, "clean_rate", None)),
        completeness=_completeness(source, values),
        by_reason=_named(values, source, "quarantined_by_reason"),
        by_flag=_named(values, source, "flagged_by_flag"),
        accepted_rate=values.get((source, "accepted_rate", None)),
        accepted_money_rate=values.get((source, "accepted_money_rate", None)),
        restarted=_by_name(values, source, "restarted_ids"),
        uncounted=int(values.get((source, "uncounted", None), 0)),
        erased=int(values.get((source, "erased", None), 0)),
        expired=int(values.get((source, "expired", None), 0)),
        flagged_rate=values.get((source, "flagged_rate", None)),
        lost=_by_name(values, source, "lost_rate"),
        doubtful=_by_name(values, source, "doubtful_rate"),
        split=int(values.get((source, "split_charges", None), 0)),
        split_amount=values.get((source, "split_amount", None), 0),
    )


def _completeness(source: str, values: Values) -> float | None:
    # Runs of older versions called it quality_score.
    found = (values.get((f"raw.{source}", it, None)) for it in ("completeness", "quality_score"))
    return next((value for value in found if value is not None), None)


def _named(values: Values, source: str, figure: str) -> dict[str, int]:
    found = [(name, int(value)) for name, value in _by_name(values, source, figure).items()]
    return dict(sorted(found, key=lambda it: (-it[1], it[0])))


def _by_name(values: Values, source: str, figure: str) -> dict[str, float]:
    return {
        str(name): value
        for (dataset, kind, name), value in values.items()
        if (dataset, kind) == (source, figure)
    }
