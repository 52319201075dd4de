"""The run that is going on: this process and those forked from it."""

import os
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(slots=True)
class ThisRun:
    """What tells a run from all others.

    Attributes:
        id: Its name among them.
        started_at: When it began, UTC.
        asked: The nodes of the plan that it was asked for, as far as this process knows.
        broken: What went wrong outside of the work on a node; quotes no value of the data.
        waiting: The nodes of these that this process has yet to take its turn for.
        is_alone: Whether no other process works on the same nodes, told by a central scheduler.
        process: The process that it began in; those forked from it take one turn each.
    """

    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    asked: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    waiting: set[str] = field(default_factory=set)
    is_alone: bool = True
    process: int = field(default_factory=os.getpid)

    def goes_on_after(self, node: str) -> bool:
        """Strike off a node whose turn ends; returns whether another turn follows here."""
        self.waiting.discard(node)
        is_where_it_began = os.getpid() == self.process
        return bool(self.waiting) and not self.broken and self.is_alone and is_where_it_began


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
