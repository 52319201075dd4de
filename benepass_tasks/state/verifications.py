"""When each table was last compared with a full build of it, and what came of that."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from benepass_tasks.state.meta import VERIFICATIONS
from benepass_tasks.state.store import state_of

ONE_A_DAY = timedelta(hours=20)
"""How long after a scheduled run has verified a table another one verifies the next.

A daily run may come a little early.
"""

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of comparing a table with a full build of it.

    Attributes:
        relation: The table.
        row_count: The rows of the full build.
        surplus: How many rows of the table are not in it.
        missing: How many of its rows are not in the table.
        is_digest_right: Whether the record of the table has the digest of the full build.
        sample_keys: The keys of some of these rows; never personal ones.
    """

    relation: str
    row_count: int
    surplus: int = 0
    missing: int = 0
    is_digest_right: bool = True
    sample_keys: Sequence[str] = ()

    @property
    def is_right(self) -> bool:
        """Whether the table is what a full build makes."""
        return not self.surplus and not self.missing and self.is_digest_right

    def __str__(self) -> str:
        """For people."""
        if not self.surplus and not self.missing:
            other = "" if self.is_digest_right else ", but another digest"
            return f"{self.row_count:,} rows, as in a full build{other}"
        where = f", such as {', '.join(self.sample_keys)}" if self.sample_keys else ""
        return f"{self.surplus:,} rows too many, {self.missing:,} missing{where}"


def write_verdict(
    connection: Connection, verdict: Verdict, run_id: str, at: datetime, *, is_scheduled: bool
) -> None:
    """Put a verdict in the place of the one before on the same table.

    Args:
        connection: A session that writes.
        verdict: What came of the comparison.
        run_id: The run that compared.
        at: When, UTC.
        is_scheduled: Whether it did so by itself, as `verify_every` asks.
    """
    state = state_of(connection)
    state.execute(delete(VERIFICATIONS).where(VERIFICATIONS.c.relation == verdict.relation))
    row = asdict(verdict) | {"sample_keys": list(verdict.sample_keys)}
    row |= {"run_id": run_id, "checked_at": at, "is_scheduled": is_scheduled}
    state.execute(insert(VERIFICATIONS), row)


def wrong_tables(connection: Connection) -> list[tuple[str, Verdict]]:
    """The runs and verdicts of the tables that differed when they were last verified."""
    of = VERIFICATIONS.c
    columns = [of[it.name] for it in fields(Verdict)]
    found = state_of(connection).execute(select(of.run_id, *columns).order_by(of.relation))
    verdicts = ((run_id, Verdict(*figures)) for run_id, *figures in found)
    return [(run_id, it) for run_id, it in verdicts if not it.is_right]


def due_table(
    connection: Connection, tables: Collection[str], every: timedelta, at: datetime
) -> str | None:
    """The table that a run is to verify by itself, at most one a day.

    It is one that differed the last time, or else the one whose last verification is the oldest,
    as long as that is older than is asked for.

    Args:
        connection: A session.
        tables: The tables that can be verified.
        every: How often each is to be verified.
        at: The present instant, UTC.
    """
    of = VERIFICATIONS.c
    found = state_of(connection).execute(select(of.relation, of.checked_at, of.is_scheduled)).all()
    if any(it.is_scheduled and at - it.checked_at < ONE_A_DAY for it in found):
        return None
    last = dict.fromkeys(tables, NEVER) | {it.relation: it.checked_at for it in found}
    last |= {it.relation: NEVER for _, it in wrong_tables(connection)}
    due = [(last[it], it) for it in tables if at - last[it] >= every]
    return min(due)[1] if due else None
