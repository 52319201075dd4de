"""What a file may not come to, so that bad data does not take the place of good.

A guard is a rate, and stands from the first load on. Somebody may let a file pass it once, in the
run or beforehand, and that is kept in `meta.decisions`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from benepass_tasks.catalog import Source
from benepass_tasks.catalog.wording import printable
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.readers.records import Accounting
from benepass_tasks.state.decisions import Decision, pending_decisions
from benepass_tasks.state.markers import Load
from benepass_tasks.state.source_files import SourceFile

SMALL = 4
"""Rows of which the fall of a file to less than half says something: of fewer, two are many."""


@dataclass(frozen=True, slots=True)
class Trip:
    """A guard that a file has come up against, and the figures; they quote nothing of the file."""

    guard: Literal["max_rejected", "max_shrink", "max_factor", "max_level", "moves_on"]
    figures: str


@dataclass(frozen=True, slots=True)
class Guarded:
    """A file that is about to take the place of its earlier load, if there is one.

    Attributes:
        source: Its source, with the guards.
        file: The file.
        accounting: What it consists of.
        earlier: The last load of it, whether or not that was interrupted since.
        left_out: How many of its records are left out, which it has not lost.
    """

    source: Source
    file: SourceFile
    accounting: Accounting
    earlier: Load | None
    left_out: int = 0

    @property
    def trips(self) -> Iterator[Trip]:
        """The guards that it comes up against."""
        guards, found, before = self.source.guards, self.accounting, self.earlier
        if found.rejected > guards.max_rejected * found.records:
            share = f"{found.rejected / found.records:.0%}"
            yield Trip(
                "max_rejected",
                f"{found.rejected:,} of its {found.records:,} records ({share}) are rejected, and "
                f"max_rejected is {guards.max_rejected:.0%}",
            )
        held = before.parsed if before else 0
        # What was left out or gone before is not among the rows that it held.
        newly = max(0, self.left_out - (before.gone if before else 0))
        lost = held - found.parsed - newly
        holds = f"{found.parsed:,}" if found.parsed else "no"
        change = f"{holds} rows where its last load held {held:,}"
        if found.is_cut_off and lost > 0 and guards.max_shrink < 1:
            yield Trip("max_shrink", f"it ends within a record, and holds {change}")
        elif lost > guards.max_shrink * held and (held >= SMALL or not found.parsed):
            limit = f"{guards.max_shrink:.0%}"
            yield Trip("max_shrink", f"it holds {change}, and max_shrink is {limit}")

    def acceptances(self, run_id: str | None = None) -> list[Decision]:
        """What it says that the file may pass, once: in a run, or in the next one."""
        return [
            Decision(
                "accepted",
                self.source.name,
                printable(self.file.name),
                trip.figures,
                trip.guard,
                self.accounting.sha256,
                run_id,
            )
            for trip in self.trips
        ]


def let_pass(
    connection: Connection, guarded: Guarded, run_id: str, *, is_accepted: bool
) -> Sequence[Decision]:
    """Let a file pass that no guard stands against, or that somebody accepted.

    Args:
        connection: A session; reads `meta.decisions`.
        guarded: The file.
        run_id: The run that loads it.
        is_accepted: Whether this run was told to accept its source.

    Returns:
        The acceptances that are used up by it.

    Raises:
        SourceError: a guard stands; says which, with the figures, and the ways out.
    """
    needed = guarded.acceptances(run_id)
    if not needed or is_accepted:
        return needed
    pending = {it.subject for it in pending_decisions(connection)}
    if pending >= {it.subject for it in needed}:
        return needed
    source, before = guarded.source.name, guarded.earlier
    stays = f"the {before.parsed:,} rows of its last load stay" if before else "there were none"
    raise SourceError(
        f"{source}: {guarded.file.name} is refused: {'; '.join(it.detail for it in needed)}. "
        f"Nothing of it was loaded; {stays}. Correct the file, or let it pass once with "
        f"--benepass-accept {source} or with: benepass schema accept {source}",
        reason=f"refused: {'; '.join(it.detail for it in needed)}",
    )
