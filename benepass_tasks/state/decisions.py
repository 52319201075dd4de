"""What somebody decided about the data against a guard; table `meta.decisions`."""

from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, insert, select

from benepass_tasks.engine.meta import DECISIONS
from benepass_tasks.state.markers import now


@dataclass(frozen=True, slots=True)
class Decision:
    """A row of `meta.decisions`.

    Attributes:
        decision: Whether a guard may let something pass, or a file's rows were removed.
        source: The source.
        file: Its file; None where the decision is about the money of the source.
        detail: The figures, in words.
        guard: The guard that lets it pass.
        sha256: Digest of the file, in whose bytes alone it may pass.
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


def record_decision(connection: Connection, decision: Decision) -> None:
    """Write a decision."""
    connection.execute(insert(DECISIONS), asdict(decision))


def decisions_since(connection: Connection, instant: datetime) -> list[Decision]:
    """The decisions from an instant on, the oldest first."""
    columns = [DECISIONS.c[it.name] for it in fields(Decision)]
    found = select(*columns).where(DECISIONS.c.decided_at >= instant)
    return [Decision(*row) for row in connection.execute(found.order_by(DECISIONS.c.decided_at))]
