"""The run that is going on: this process and those forked from it."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class ThisRun:
    """What tells a run from all others, and when it began (UTC)."""

    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))


def this_run() -> ThisRun:
    """The run that is going on."""
    return _runs[-1]


def run_id() -> str:
    """The id of the run that is going on."""
    return this_run().id


def begin_run() -> ThisRun:
    """Begin another run; only a process that makes several has to say so."""
    _runs[:] = [ThisRun()]
    return this_run()


_runs = [ThisRun()]
