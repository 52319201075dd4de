"""What somebody decided about the data against a guard; table `meta.decisions`."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select

from benepass_tasks.state.markers import now
from benepass_tasks.state.meta import DECISIONS
from benepass_tasks.state.store import state_of

MONEY_GUARD = "max_quarantined_money"
"""The guard that stands before what is published, and is about no single file."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A row of `meta.decisions`.

    Attributes:
        decision: Whether a guard may let something pass, or a file's rows were removed.
        source: The source.
        file: Its file; None where the decision is about the money of the source.
        detail: The figures, in words.
        guard: The guard that lets it pass.
        sha256: Digest of the file, or of all files, in whose bytes alone it may pass.
        run_id: The run in which it passed; None until then, and where rows were removed.
        decided_at: When, UTC.
    """

    decision: Literal["accepted", "forgotten"]
    source: str
    file: str | None
    detail: str
    guard: str | None = None
    sha256: str | None = None
    run_id: str | None = None
    decided_at: datetime = field(default_factory=now)

    @property
    def subject(self) -> tuple[str, str | None, str | None, str | None]:
        """What it is about."""
        return self.source, self.file, self.guard, self.sha256


def record_decision(connection: Connection, decision: Decision) -> None:
    """Write a decision."""
    state_of(connection).execute(insert(DECISIONS), asdict(decision))


def pending_decisions(connection: Connection) -> list[Decision]:
    """The acceptances that nothing has made use of yet."""
    c = DECISIONS.c
    return _read(connection, c.decision == "accepted", c.run_id.is_(None))


def use_decisions(connection: Connection, used: Iterable[Decision]) -> None:
    """Write which acceptances a run has made use of: each may be used once."""
    c = DECISIONS.c
    for it in used:
        about = (c.source == it.source, c.guard == it.guard, c.run_id.is_(None))
        of_file = c.file.is_(None) if it.file is None else c.file == it.file
        state_of(connection).execute(delete(DECISIONS).where(*about, of_file))
        record_decision(connection, it)


def decisions_of(
    connection: Connection, run_id: str, since: datetime | None = None
) -> list[Decision]:
    """The decisions that a run made use of, and those from an instant on, the oldest first."""
    of_run = DECISIONS.c.run_id == run_id
    return _read(connection, or_(of_run, DECISIONS.c.decided_at >= since) if since else of_run)


def _read(connection: Connection, *conditions: ColumnElement[bool]) -> list[Decision]:
    columns = [DECISIONS.c[it.name] for it in fields(Decision)]
    found = select(*columns).where(*conditions).order_by(DECISIONS.c.decided_at)
    return [Decision(*row) for row in state_of(connection).execute(found)]
