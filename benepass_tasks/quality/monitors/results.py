"""What the monitors say, and how it is kept."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, delete, insert, select

from benepass_tasks.quality.monitors.anomalies import Status
from benepass_tasks.state.markers import now
from benepass_tasks.state.meta import MONITOR_RESULTS
from benepass_tasks.state.store import state_of

Monitor = Literal[
    "freshness",
    "volume",
    "clean_share",
    "flagged_share",
    "restarted_ids",
    "split_charges",
    "near_names",
    "slot_lag",
    "empty_file",
    "cut_off_file",
    "missing_employees",
    "row_count",
    "null_rate",
    "quarantine_rate",
    "flag_rate",
    "rejected_rate",
    "spend_per_day",
    "undeclared_column",
]


@dataclass(frozen=True, slots=True)
class Result:
    """What one monitor said in a run; a row of `meta.monitor_results`.

    Attributes:
        monitor: Which one.
        dataset: The source or table in the catalog.
        status: Whether all is well.
        message: What was found and what is expected, for people; holds no personal value.
        compared_with: What is expected on what grounds, in words.
        name: A column, a reason or a flag; None where it is the dataset as a whole.
        value: What was found: hours, rows, a part of 1, or USD; None where there is nothing.
        lower: The least that is expected, in the same unit; None where anything less is fine.
        upper: The most that is expected; None where anything more is fine.
        checked_at: When, UTC.
        basis: Digest of what the verdict follows from, where it stands while that is the same.
    """

    monitor: Monitor
    dataset: str
    status: Status
    message: str
    compared_with: str
    name: str | None = None
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    checked_at: datetime = field(default_factory=now)
    basis: str | None = None

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.dataset}: {self.message}"


def results_on(connection: Connection, basis: str) -> list[Result]:
    """What the last run said on a basis, as said by this one; none where no run has."""
    of = MONITOR_RESULTS.c
    names = [field.name for field in fields(Result) if field.name != "checked_at"]
    last = select(of.run_id).where(of.basis == basis).order_by(of.checked_at.desc()).limit(1)
    said = select(*(of[name] for name in names)).where(
        of.basis == basis, of.run_id == last.scalar_subquery()
    )
    return [Result(**row) for row in state_of(connection).execute(said).mappings()]


def keep_results(connection: Connection, run_id: str, results: Sequence[Result]) -> None:
    """Write what the monitors said, in place of what the same run wrote before."""
    if not results:
        return
    state = state_of(connection)
    state.execute(delete(MONITOR_RESULTS).where(MONITOR_RESULTS.c.run_id == run_id))
    state.execute(insert(MONITOR_RESULTS), [{"run_id": run_id, **asdict(it)} for it in results])
