"""What is or was wrong, each from when it began until it ended; table `meta.incidents`."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, insert, or_, select, update

from benepass_tasks.catalog.datasets import Severity
from benepass_tasks.quality.alerts.problems import Problem
from benepass_tasks.state.meta import INCIDENTS
from benepass_tasks.state.store import state_of

GONE = "it is no longer part of the project"
"""The last word on an incident of what does not exist any more."""


@dataclass(frozen=True, slots=True)
class Incident:
    """A problem over time; a row of `meta.incidents`.

    Attributes:
        id: Its own, since what ended and comes again is another incident.
        key: That of the problem.
        title: What is wrong.
        detail: Why, by what a run found that looked last, and where there is more about it.
        severity: `fail` or `warn`, as it was then.
        opened_at: When a run saw it first, UTC.
        opened_run_id: That run.
        resolved_at: When a run saw that it is over, UTC; None while it is open.
        resolved_run_id: That run.
    """

    id: str
    key: str
    title: str
    detail: str
    severity: Severity
    opened_at: datetime
    opened_run_id: str
    resolved_at: datetime | None = None
    resolved_run_id: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is still wrong."""
        return self.resolved_at is None

    @property
    def is_event(self) -> bool:
        """Whether it merely happened, and was over at once."""
        return self.resolved_at == self.opened_at


@dataclass(frozen=True, slots=True)
class Changes:
    """What has to be written so that the incidents say what is wrong now."""

    opened: Sequence[Incident]
    altered: Sequence[Incident]
    resolved: Sequence[Incident]

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.opened or self.altered or self.resolved)


def compare(
    problems: Iterable[Problem], incidents: Collection[Incident], run_id: str, now: datetime
) -> Changes:
    """Compare what is wrong now with the incidents that there are.

    What does not exist any more ends its incident and never opens one; where it is not known
    whether it exists, an incident goes on and none is opened.

    Args:
        problems: What is wrong now; of two with the same key the first counts.
        incidents: Those that are open, and those of events already known.
        run_id: The run that looks.
        now: When, UTC.
    """
    wrong: dict[str, Problem] = {}
    for problem in problems:
        wrong.setdefault(problem.key, problem)
    gone = {key for key, problem in wrong.items() if problem.standing == "gone"}
    known = {incident.key: incident for incident in incidents}
    still_open = {key: incident for key, incident in known.items() if incident.is_open}
    return Changes(
        opened=[
            _opened(problem, run_id, now)
            for key, problem in wrong.items()
            if key not in known and problem.standing == "there"
        ],
        altered=[
            _as_now(incident, wrong[key])
            for key, incident in still_open.items()
            if key in wrong and key not in gone and _as_now(incident, wrong[key]) != incident
        ],
        resolved=[
            _resolved(incident, run_id, now, is_gone=key in gone)
            for key, incident in still_open.items()
            if key not in wrong or key in gone
        ],
    )


def read_incidents(
    connection: Connection, keys: Collection[str] = (), since: datetime | None = None
) -> list[Incident]:
    """The incidents that are open, have one of some keys, or were resolved since an instant."""
    wanted: list[ColumnElement[bool]] = [INCIDENTS.c.resolved_at.is_(None)]
    if keys:
        wanted.append(INCIDENTS.c.key.in_(keys))
    if since:
        wanted.append(INCIDENTS.c.resolved_at >= since)
    columns = [INCIDENTS.c[field.name] for field in fields(Incident)]
    found = select(*columns).where(or_(*wanted)).order_by(INCIDENTS.c.opened_at, INCIDENTS.c.key)
    return [Incident(*row) for row in state_of(connection).execute(found)]


def write_changes(connection: Connection, changes: Changes) -> None:
    """Write what has changed."""
    state = state_of(connection)
    if changes.opened:
        state.execute(insert(INCIDENTS), [asdict(incident) for incident in changes.opened])
    for incident in (*changes.altered, *changes.resolved):
        written = {name: it for name, it in asdict(incident).items() if name != "id"}
        state.execute(update(INCIDENTS).where(INCIDENTS.c.id == incident.id).values(written))


def _opened(problem: Problem, run_id: str, now: datetime) -> Incident:
    return Incident(
        id=uuid.uuid4().hex,
        key=problem.key,
        title=problem.title,
        detail=problem.detail,
        severity=problem.severity,
        opened_at=now,
        opened_run_id=run_id,
        resolved_at=now if problem.is_event else None,
        resolved_run_id=run_id if problem.is_event else None,
    )


def _resolved(incident: Incident, run_id: str, now: datetime, *, is_gone: bool) -> Incident:
    detail = GONE if is_gone else incident.detail
    return replace(incident, detail=detail, resolved_at=now, resolved_run_id=run_id)


def _as_now(incident: Incident, problem: Problem) -> Incident:
    return replace(incident, title=problem.title, detail=problem.detail, severity=problem.severity)
