"""The runs: how each began and ended."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, delete, func, insert, select, update

from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.state.history.about import git_commit, shown_settings, versions
from benepass_tasks.state.history.beacon import Beacon, put_out_dead
from benepass_tasks.state.markers import now
from benepass_tasks.state.meta import (
    CHECK_RESULTS,
    COLUMN_PROFILES,
    LOADS,
    MARKERS,
    MATERIALIZATIONS,
    MONITOR_RESULTS,
    QUALITY_FIGURES,
    RESTATEMENTS,
    RUNS,
)
from benepass_tasks.state.ownership import take_ownership
from benepass_tasks.state.store import state_of

RunStatus = Literal["running", "succeeded", "failed", "interrupted"]

KILLED = "the process was gone without a word"
"""What is said of a run that did not come to say how it ended."""

OF_A_RUN = (
    *(MATERIALIZATIONS, QUALITY_FIGURES, MONITOR_RESULTS, CHECK_RESULTS, COLUMN_PROFILES),
    RESTATEMENTS,
)
"""The tables that have a row or more for each run."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a run began: its name among all runs, when (UTC) and with what."""

    run_id: str
    started_at: datetime
    settings: Settings


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended.

    Attributes:
        status: `succeeded` or `failed`.
        error: Why it failed, where no task says so; quotes no value of the data.
    """

    status: RunStatus
    error: str | None = None


def go_on(of_run: Beacon) -> None:
    """Let it be seen that a run goes on, as soon as it has something to do."""
    # Where that cannot be, the work itself says so.
    with suppress(OSError):
        of_run.light()


def begin(warehouse: Warehouse, beginning: Beginning, of_run: Beacon) -> None:
    """Write that a run is on, unless that is known; the caller holds the write lock."""
    of_run.light()
    with warehouse.write() as connection:
        take_ownership(connection, beginning.settings)
        _ensure_known(connection, beginning)


def end(connection: Connection, beginning: Beginning, ending: Ending) -> None:
    """Write how a run ended; one that had nothing to do begins and ends here."""
    _ensure_known(connection, beginning)
    if ending.status == "succeeded":
        take_ownership(connection, beginning.settings)
    state_of(connection).execute(
        update(RUNS)
        .where(RUNS.c.run_id == beginning.run_id)
        .values(status=ending.status, error=ending.error, ended_at=now())
    )


def settle_interrupted(connection: Connection, warehouse: Warehouse) -> None:
    """Write of runs that were killed that they are over, as of their last sign of life."""
    alive = put_out_dead(warehouse)
    dead = select(RUNS.c.run_id).where(RUNS.c.status == "running", RUNS.c.run_id.not_in(alive))
    for lost in state_of(connection).execute(dead).scalars().all():
        seen = select(func.max(MATERIALIZATIONS.c.recorded_at)).where(
            MATERIALIZATIONS.c.run_id == lost
        )
        state_of(connection).execute(
            update(RUNS)
            .where(RUNS.c.run_id == lost)
            .values(
                status="interrupted",
                error=KILLED,
                ended_at=func.coalesce(seen.scalar_subquery(), RUNS.c.started_at),
            )
        )


def old_runs(connection: Connection, keep_runs: int) -> Sequence[str]:
    """All but the last runs; one that made something which is still there is none of them."""
    last = select(RUNS.c.run_id).order_by(RUNS.c.started_at.desc()).limit(keep_runs)
    gone = select(RUNS.c.run_id).where(
        RUNS.c.run_id.not_in(last),
        RUNS.c.run_id.not_in(select(MARKERS.c.run_id)),
        RUNS.c.run_id.not_in(select(LOADS.c.run_id)),
    )
    return state_of(connection).execute(gone).scalars().all()


def forget_old(connection: Connection, keep_runs: int) -> None:
    """Remove all but the last runs, and all that is known of them."""
    old = old_runs(connection, keep_runs)
    if old:
        for table in (RUNS, *OF_A_RUN):
            state_of(connection).execute(delete(table).where(table.c.run_id.in_(old)))


def _ensure_known(connection: Connection, beginning: Beginning) -> None:
    known = select(RUNS.c.run_id).where(RUNS.c.run_id == beginning.run_id)
    if state_of(connection).execute(known).first() is not None:
        return
    settings = beginning.settings
    state_of(connection).execute(
        insert(RUNS),
        {
            "run_id": beginning.run_id,
            "started_at": beginning.started_at,
            "status": "running",
            "as_of": settings.as_of,
            "versions": versions(),
            "settings": shown_settings(settings),
            "git_commit": git_commit(settings.project_dir),
        },
    )
