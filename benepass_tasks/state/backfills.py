"""Which months of tables a backfill has built anew, so that one that was killed goes on."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, or_, select, update

from benepass_tasks.state.meta import BACKFILLS
from benepass_tasks.state.store import state_of


@dataclass(frozen=True, slots=True)
class DoneMonth:
    """A row of `meta.backfills`.

    Attributes:
        relation: The table.
        month: The month.
        fingerprint: What it was built of.
        content: The digest of the table after that.
        run_id: The run.
        done_at: When, UTC.
    """

    relation: str
    month: str
    fingerprint: str
    content: str
    run_id: str
    done_at: datetime


def done_months(
    connection: Connection, relation: str, fingerprint: str, data_hash: str
) -> frozenset[str]:
    """The months of a table that are built anew already.

    Args:
        connection: A session.
        relation: The table.
        fingerprint: What is to be built; months that were built of anything else do not count.
        data_hash: What the table holds; nor do they where it was altered since.
    """
    of = BACKFILLS.c
    mine = of.relation == relation, of.fingerprint == fingerprint, of.content == data_hash
    return frozenset(state_of(connection).execute(select(of.month).where(*mine)).scalars())


def note_month(connection: Connection, done: DoneMonth) -> None:
    """Note that a month was built anew, in the transaction that does."""
    state, of = state_of(connection), BACKFILLS.c
    mine = of.relation == done.relation
    void = or_(of.fingerprint != done.fingerprint, of.month == done.month)
    state.execute(delete(BACKFILLS).where(mine, void))
    state.execute(update(BACKFILLS).where(mine).values(content=done.content))
    state.execute(insert(BACKFILLS), asdict(done))


def forget_months(connection: Connection, relations: Collection[str]) -> None:
    """Forget the months of tables, once all that was asked for is done."""
    state_of(connection).execute(delete(BACKFILLS).where(BACKFILLS.c.relation.in_(relations)))
