"""Whether all is well: the last run, what is wrong, and what became of the records."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from benepass_tasks.engine.session import Warehouse
from benepass_tasks.quality.alerts import Incident, read_incidents
from benepass_tasks.state.decisions import Decision, decisions_of
from benepass_tasks.state.history.read import (
    Outcome,
    PastRun,
    SourceFigures,
    last_runs,
    newest_figures,
    outcomes_of,
)

RECENT = 20
"""Runs that may go on at the same time, at most, to find the last one that is over."""


@dataclass(frozen=True, slots=True)
class Health:
    """How things stand.

    Attributes:
        last: The last run that is over; None where there is none yet.
        running: The runs that go on.
        outcomes: What became of each node in the last run.
        incidents: What is wrong, the oldest first.
        changes: What the last run saw change about the columns of the files.
        figures: What became of the records of each source.
        decisions: What somebody decided about the data in the last run and since.
    """

    last: PastRun | None
    running: Sequence[PastRun]
    outcomes: Sequence[Outcome]
    incidents: Sequence[Incident]
    changes: Sequence[Incident]
    figures: Sequence[SourceFigures]
    decisions: Sequence[Decision] = ()

    @property
    def is_well(self) -> bool:
        """Whether the last run succeeded and nothing is wrong."""
        return self.last is not None and self.last.status == "succeeded" and not self.incidents

    def count(self, outcome: str) -> int:
        """How many nodes were `built`, `skipped` or `failed` in the last run."""
        return sum(it.outcome == outcome for it in self.outcomes)


def read_health(warehouse: Warehouse, connection: Connection) -> Health:
    """Read how things stand.

    Args:
        warehouse: The warehouse.
        connection: A session on it.
    """
    runs = last_runs(warehouse, connection, RECENT)
    last = next((run for run in runs if run.status != "running"), None)
    told = read_incidents(connection, since=last.started_at if last else None)
    return Health(
        last=last,
        running=[run for run in runs if run.status == "running"],
        outcomes=outcomes_of(connection, last.run_id) if last else (),
        incidents=[it for it in told if it.is_open],
        changes=[it for it in told if it.is_event and last and it.opened_run_id == last.run_id],
        figures=newest_figures(connection),
        decisions=decisions_of(connection, last.run_id, last.started_at) if last else (),
    )
